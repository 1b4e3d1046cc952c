"""The lines between dashes at the top of a rules file. Cursor writes `globs: *.ts,*.tsx`, which is not YAML."""

from __future__ import annotations

import codecs
import re

BYTE_ORDER_MARK = codecs.BOM_UTF8.decode()
KEY = re.compile(r"([A-Za-z][\w-]*)\s*:(?:\s+(.*)|\s*)")
ITEM = re.compile(r"\s*-\s+(.*)")


def split_front_matter(text: str) -> tuple[dict[str, tuple[str, ...]], str]:
    """The values of each key, and the text below; a value that is not a list has one entry, an empty one none."""
    lines = text.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != "---" or "---" not in (line.rstrip() for line in lines[1:]):
        return {}, text
    end = next(number for number, line in enumerate(lines[1:], 1) if line.rstrip() == "---")
    values: dict[str, tuple[str, ...]] = {}
    key = ""
    for line in lines[1:end]:
        if found := KEY.fullmatch(line.rstrip()):
            key = found[1].lower()
            values[key] = _values(found[2] or "")
        elif key and (item := ITEM.fullmatch(line)):
            values[key] = (*values[key], _unquoted(item[1]))
    return values, "\n".join(lines[end + 1 :])


def _values(text: str) -> tuple[str, ...]:
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        quoted = re.findall(r"\"([^\"]*)\"|'([^']*)'|([^\s,\"']+)", text[1:-1])
        return tuple("".join(parts) for parts in quoted)
    return (_unquoted(text),) if _unquoted(text) else ()


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
