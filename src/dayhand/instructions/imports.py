"""What a CLAUDE.md imports: a line `@docs/rules.md` stands for that file.

https://docs.anthropic.com/en/docs/claude-code/memory#claude-md-imports
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection

IMPORTING = re.compile(r"(?:.*/)?CLAUDE\.md")
MAX_DEPTH = 5  # as Claude Code reads them
IMPORT = re.compile(r"^\s*(?:[-*]\s+)?@(?P<path>[\w./-]+)\s*$", re.MULTILINE)
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

        def put(found: re.Match[str]) -> str:
            nonlocal total
            target = posixpath.normpath(posixpath.join(folder, found["path"]))
            fenced = any(start <= found.start() < end for start, end in fences)
            if fenced or depth == MAX_DEPTH or target in seen or target not in known or total > max_chars:
                return found[0]
            seen.add(target)
            inner = read(target)
            total += len(inner)
            return f"(from {target})\n{expand(inner, posixpath.dirname(target), depth + 1)}"

        return IMPORT.sub(put, text)

    return expand(text, posixpath.dirname(path), 0)
