"""Whether what the model cites is there: looked up by the worker, in the commit, and never taken on its word."""

from __future__ import annotations

from dayhand.environment.ecosystems.base import Files
from dayhand.task import Citation, Proof

NEAR = 3  # lines: a quote that stands this close to the cited line is found, at the line where it stands


def prove(citations: tuple[Citation, ...], files: Files, commit: str) -> tuple[Proof, ...]:
    """Look every citation up in ``files`` (those of ``commit``) and say what really stands there."""
    return tuple(_look_up(citation, files, commit) for citation in citations)


def _look_up(citation: Citation, files: Files, commit: str) -> Proof:
    lines = files.read(citation.path).splitlines()
    if not lines:
        return Proof(citation, found=False, text=f"there is no text file {citation.path}", commit=commit)
    if not 1 <= citation.line <= len(lines):
        return Proof(citation, found=False, text=f"{citation.path} has {len(lines)} lines", commit=commit)
    if not citation.quote.strip():
        return Proof(citation, found=True, text=lines[citation.line - 1], commit=commit)
    wanted = _plain(citation.quote)
    for line in sorted(range(1, len(lines) + 1), key=lambda number: abs(number - citation.line)):
        if abs(line - citation.line) > NEAR:
            break
        if wanted in _plain(lines[line - 1]):
            there = Citation(citation.path, line, citation.quote)
            return Proof(there, found=True, text=lines[line - 1], commit=commit)
    says = lines[citation.line - 1].strip()
    return Proof(citation, found=False, text=f"line {citation.line} says: {says}", commit=commit)


def _plain(text: str) -> str:
    return " ".join(text.split())
