"""Where a follow-up works: on our own pull request, on somebody else's, or on the default branch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TargetBranches:
    """The branches of a task."""

    onto: str = ""  # where the task starts, and the target of its pull request; "" for the default branch
    own: str = ""  # of our open pull request, which gets the commits; "" to open a new one
