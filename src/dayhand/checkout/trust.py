"""Whether a commit is trusted: set-up with a network runs only trees that people with write access made.

A commit is trusted if the default branch contains it, if a person with write access accepted exactly this commit
(``accept`` and its id), or if such people pushed it as a branch's head together with everything in it that the default
branch lacks. So a person's push on top of our branch trusts nothing: a model wrote what is below, and its push came first.
Who pushed is known from GitHub's deliveries. An author's name is not asked for: anybody can write it into a commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dayhand.startup.records import dataclass


@dataclass(frozen=True, slots=True)
class People:
    """What people with write access did with single commits of one repository."""

    accepted: Callable[[str], bool] = lambda _commit: False  # exactly this commit
    pushed_head: Callable[[str], bool] = lambda _commit: False  # the head that a branch had after their push
    pushed_first: Callable[[str], bool] = lambda _commit: False  # nobody pushed this commit before them


def is_trusted(
    commit: str,
    *,
    default_head: str,
    contains: Callable[[str, str], bool],
    between: Callable[[str, str], Iterable[str] | None],
    people: People,
) -> bool:
    """Whether ``commit`` is trusted; ``contains`` says whether its first commit is in the history of its second.

    ``between`` lists the commits in the history of its second that are not in that of its first, or None if they are too
    many. Without a default branch, nothing is contained in it.
    """
    if people.accepted(commit) or commit == default_head or (default_head and contains(commit, default_head)):
        return True
    if not (default_head and people.pushed_head(commit)):
        return False
    lacking = between(default_head, commit)
    return lacking is not None and all(map(people.pushed_first, lacking))
