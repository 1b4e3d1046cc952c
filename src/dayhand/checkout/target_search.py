"""Finds where a follow-up works, from what GitHub says about the issue or pull request that it was asked on."""

from __future__ import annotations

from dayhand.checkout.target_branch import TargetBranches
from dayhand.errors import CheckoutError
from dayhand.hub.repository import RepositoryHub
from dayhand.task import Task, TaskKind

OWN_BRANCHES = "dayhand/"


def find_target_branches(hub: RepositoryHub, task: Task) -> TargetBranches:
    """Find the branches for a follow-up from the issue or pull request that it was asked on.

    Dayhand never pushes to somebody else's branch: it opens a pull request against it.
    Raises ``HubError``, and ``CheckoutError`` for a pull request from a fork, whose branch is not in this repository.
    """
    if task.ask.kind in (TaskKind.FIX, TaskKind.ENVIRONMENT):
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
            f"#{task.number} comes from a fork, but I only work on branches of {task.repository}.",
            advice="Push its branch to this repository and open the pull request from there, or ask on an issue once "
            "it is merged.",
        )
    return TargetBranches(onto=branch)
