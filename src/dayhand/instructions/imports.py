"""What a CLAUDE.md or a GEMINI.md imports: a line `@docs/rules.md` stands for that file, and one in a sentence follows its line.

https://docs.anthropic.com/en/docs/claude-code/memory#claude-md-imports,
https://github.com/google-gemini/gemini-cli/blob/main/docs/core/memport.md
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection

IMPORTING = re.compile(r"(?:.*/)?(?:CLAUDE|GEMINI)\.md")
MAX_DEPTH = 5  # as Claude Code reads them
LINE = re.compile(r"^.*@.*$", re.MULTILINE)
ALONE = re.compile(r"\s*(?:[-*]\s+)?@(?P<path>[\w./-]+)\s*")
WITHIN = re.compile(
    r"(?<![\w`/])@(?P<path>[\w./-]+\.(?:md|mdc|txt))(?![\w`/-])"
)  # in a sentence: only what is prose
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
FENCE = re.compile(r"^\s*(?:```|~~~).*?^\s*(?:```|~~~)\s*$", re.MULTILINE | re.DOTALL)


def with_imports(
    path: str, text: str, *, known: Collection[str], read: Callable[[str], str], max_chars: int
) -> str:
    """The text with the files of the repository that it imports, each once; a line in a code block imports nothing.

    ``known``: the paths that may be imported. Imports beyond ``max_chars`` or ``MAX_DEPTH`` stay lines.
    """
    if not IMPORTING.fullmatch(path):
        return text
    seen, total = {path}, len(text)

    def expand(text: str, folder: str, depth: int) -> str:
        fences = [found.span() for found in FENCE.finditer(text)]

        def fetch(name: str) -> str:
            nonlocal total
            target = posixpath.normpath(posixpath.join(folder, name))
            if depth == MAX_DEPTH or target in seen or target not in known or total > max_chars:
                return ""
            seen.add(target)
            inner = read(target)
            total += len(inner)
            return f"(from {target})\n{expand(inner, posixpath.dirname(target), depth + 1)}"

        def put(found: re.Match[str]) -> str:
            line = found[0]
            if any(start <= found.start() < end for start, end in fences):
                return line
            if alone := ALONE.fullmatch(line):
                return fetch(alone["path"]) or line
            within = (fetch(one["path"]) for one in WITHIN.finditer(CODE.sub(" ", line)))
            return "\n\n".join([line, *filter(None, within)])

        return LINE.sub(put, text)

    return expand(text, posixpath.dirname(path), 0)
