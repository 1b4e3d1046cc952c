"""Where a follow-up stands: on our own pull request, on somebody else's, or on the default branch."""

from __future__ import annotations

from dataclasses import dataclass

from dayhand.errors import CheckoutError
from dayhand.hub.repository import RepositoryHub
from dayhand.task import Task, TaskKind

OWN_BRANCHES = "dayhand/"


@dataclass(frozen=True, slots=True)
class TargetBranches:
    """Branches; "" for the default branch, and for none of our own."""

    onto: str = ""  # where the task starts, and where its pull request goes
    own: str = ""  # our own open pull request's: more commits are pushed to it, and no pull request is opened


def find_standing(hub: RepositoryHub, task: Task) -> TargetBranches:
    """Look at the issue or pull request that a follow-up was asked on.

    Somebody else's branch is read, and never pushed to: a change of ours goes there as a pull request onto it.
    Raises ``CheckoutError`` for a pull request from a fork, whose branch is not in this repository, and ``HubError``.
    """
    if task.ask.kind is not TaskKind.FOLLOW_UP:
        return TargetBranches()
    issue = hub.issue(task.number)
    branch = issue.head_branch if issue.is_pull else task.branch
    if branch.startswith(OWN_BRANCHES):
        pull = hub.find_pull(branch)
        return TargetBranches(own=branch) if pull and pull.state == "open" else TargetBranches()
    if not issue.is_open:
        return TargetBranches()
    if issue.head_repository != task.repository:
        raise CheckoutError(
            f"#{task.number} comes from a fork, and I work on branches of {task.repository} only.",
            advice="Push its branch to this repository and open the pull request from there, or ask on an issue once "
            "it is merged.",
        )
    return TargetBranches(onto=branch)
