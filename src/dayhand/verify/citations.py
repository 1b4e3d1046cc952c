"""Looks up the places that the model cites: the worker reads them in the commit itself."""

from __future__ import annotations

from dayhand.environment.ecosystems.base import Files
from dayhand.task import Citation, Proof

MAX_DISTANCE = 3  # lines: a quote this close to the cited line counts as found, at its real line


def look_up_citations(citations: tuple[Citation, ...], files: Files, commit: str) -> tuple[Proof, ...]:
    """Look up every citation in ``files``, the files of ``commit``, and report the text of the cited line."""
    return tuple(_look_up(citation, files, commit) for citation in citations)


def _look_up(citation: Citation, files: Files, commit: str) -> Proof:
    lines = files.read(citation.path).splitlines()
    if not lines:
        return Proof(citation, found=False, text=f"there is no text file {citation.path}", commit=commit)
    if not 1 <= citation.line <= len(lines):
        return Proof(citation, found=False, text=f"{citation.path} has {len(lines)} lines", commit=commit)
    if not citation.quote.strip():
        return Proof(citation, found=True, text=lines[citation.line - 1], commit=commit)
    quote = _collapse_spaces(citation.quote)
    for line in sorted(range(1, len(lines) + 1), key=lambda number: abs(number - citation.line)):
        if abs(line - citation.line) > MAX_DISTANCE:
            break
        if quote in _collapse_spaces(lines[line - 1]):
            actual = Citation(citation.path, line, citation.quote)
            return Proof(actual, found=True, text=lines[line - 1], commit=commit)
    text = f"line {citation.line} says: {lines[citation.line - 1].strip()}"
    return Proof(citation, found=False, text=text, commit=commit)


def _collapse_spaces(text: str) -> str:
    return " ".join(text.split())
