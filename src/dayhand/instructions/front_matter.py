"""The lines between dashes at the top of a rules file. Cursor writes `globs: *.ts,*.tsx`, which is not YAML."""

from __future__ import annotations

import codecs
import re

BYTE_ORDER_MARK = codecs.BOM_UTF8.decode()
KEY = re.compile(r"([A-Za-z][\w-]*)\s*:(?:\s+(.*)|\s*)")
COMMENT = re.compile(r"(?:^|\s)#.*")
BLOCK = re.compile(r"[>|][+-]?")  # of a value on the lines below
ITEM = re.compile(r"\s*-\s+(.*)")


def split_front_matter(text: str) -> tuple[dict[str, tuple[str, ...]], str]:
    """The values of each key, and the text below; a value that is not a list has one entry, an empty one none.

    Text between two rules is no front matter: a file may begin with a rule.
    """
    lines = re.split(r"\r\n?|\n", text.removeprefix(BYTE_ORDER_MARK))
    ends = [number for number, line in enumerate(lines) if line.rstrip() == "---"]
    if ends[:1] != [0] or len(ends) == 1:
        return {}, text
    values: dict[str, tuple[str, ...]] = {}
    key = ""
    for line in lines[1 : ends[1]]:
        if found := KEY.fullmatch(line.rstrip()):
            key = found[1].lower()
            values[key] = _values(found[2] or "")
        elif key and (item := ITEM.fullmatch(line)):
            values[key] = (*values[key], _unquoted(item[1]))
        elif key and line[:1].isspace() and line.strip():  # a value that continues
            values[key] = (*values[key], *_values(line))
        elif line.strip() and not line.lstrip().startswith("#"):
            return {}, text
    return values, "\n".join(lines[ends[1] + 1 :])


def _values(text: str) -> tuple[str, ...]:
    text = COMMENT.sub("", text).strip()
    if BLOCK.fullmatch(text):
        return ()
    if text.startswith("[") and text.endswith("]"):
        quoted = re.findall(r"\"([^\"]*)\"|'([^']*)'|([^\s,\"']+)", text[1:-1])
        return tuple("".join(parts) for parts in quoted)
    return (_unquoted(text),) if _unquoted(text) else ()


def _unquoted(text: str) -> str:
    text = COMMENT.sub("", text).strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
