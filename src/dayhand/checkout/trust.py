"""Whether a commit is trusted: set-up with a network runs only trees that people with write access made.

A commit is trusted if the default branch contains it. Everything else is not: our own branches hold commits that a
model wrote, and what others push to a branch or a fork was decided by nobody yet.
"""

from __future__ import annotations

from collections.abc import Callable


def is_trusted(commit: str, *, default_head: str, contains: Callable[[str, str], bool]) -> bool:
    """Whether ``commit`` is trusted; ``contains`` says whether its first commit is in the history of its second."""
    return contains(commit, default_head)
