"""Where a task works: on our own pull request, on somebody else's, on a branch that was named, or on the default branch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TargetBranches:
    """The branches of a task."""

    onto: str = (
        ""  # where the task starts, and the target of its pull request; "" for the repository's choice
    )
    own: str = ""  # of our open pull request, which gets the commits; "" to open a new one
    ended: str = ""  # "#12 was merged": the thread's earlier pull request, which gets no commits any more
