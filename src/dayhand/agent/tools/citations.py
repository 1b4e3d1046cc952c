"""Checks the citations of ``finish`` against the work tree."""

from __future__ import annotations

from dayhand.agent.tools import files
from dayhand.agent.tools.apply_patch import PatchError, repository_path
from dayhand.sandbox.base import Box
from dayhand.task import Citation

TOLERANCE_LINES = 3  # how far a citation's line number may be off


def citation_error(box: Box, citation: Citation) -> str:
    """What is wrong with a citation; "" if it is right."""
    where = f"{citation.path}:{citation.line}"
    try:
        text = files.read(box, repository_path(citation.path))
    except PatchError as error:
        return f"the citation {where} cannot be looked up: {error}"
    if text is None:
        return f"the citation {where} names a file that does not exist"
    lines = text.splitlines()
    if citation.line > len(lines):
        return f"the citation {where} is past the end of the file, which has {len(lines)} lines"
    quote = " ".join(citation.quote.split())
    matches = [n for n, line in enumerate(lines, start=1) if quote in " ".join(line.split())]
    if any(abs(n - citation.line) <= TOLERANCE_LINES for n in matches):
        return ""
    actual = f"line {citation.line} is “{files.encodable(lines[citation.line - 1].strip()[:200])}”"
    if matches:
        nearest = min(matches, key=lambda n: abs(n - citation.line))
        return f"the quote for {where} is on line {nearest}; {actual}"
    return f"the quote for {where} is not a line of the file; {actual} (quote one line)"
