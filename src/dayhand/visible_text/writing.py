"""Pieces of Markdown as the model gets them: spans of code, and what stands in lists and quotations."""

from __future__ import annotations

import re


def code(content: str) -> str:
    """A code span with exactly this content."""
    ticks = "`" * (longest_run(content) + 1 if "`" in content else 1)
    pad = " " if content.startswith("`") or content.endswith("`") else ""
    return f"{ticks}{pad}{content}{pad}{ticks}"


def longest_run(text: str) -> int:
    """The length of the longest run of backticks."""
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def prefixed(first: str, later: str, body: str) -> str:
    """Text in a list or a quotation; its lines keep the blanks at their ends."""
    head, *rest = body.split("\n")
    lines = [f"{first}{head}" if head else first.rstrip()]
    return "\n".join([*lines, *(f"{later}{line}" if line else later.rstrip() for line in rest)])
