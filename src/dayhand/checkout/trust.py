"""Whether a commit is trusted: set-up with a network runs only trees that people with write access made.

A commit is trusted if the default branch contains it, or if a person with write access accepted exactly this commit
(``accept`` and its id). Everything else is not: our own branches hold commits that a model wrote, and what others push to
a branch or a fork was decided by nobody yet. An author's name is not asked for: anybody can write it into a commit.
"""

from __future__ import annotations

from collections.abc import Callable


def is_trusted(
    commit: str,
    *,
    default_head: str,
    contains: Callable[[str, str], bool],
    accepted: Callable[[str], bool],
) -> bool:
    """Whether ``commit`` is trusted; ``contains`` says whether its first commit is in the history of its second.

    Without a default branch, nothing is contained in it.
    """
    return bool(default_head and contains(commit, default_head)) or accepted(commit)
