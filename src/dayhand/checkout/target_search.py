"""Finds where a task works, from its thread's pull request and what GitHub says about it."""

from __future__ import annotations

from dataclasses import replace

from dayhand.checkout.task_branch import TargetBranches
from dayhand.errors import CheckoutError
from dayhand.hub.repository import RepositoryHub
from dayhand.task import Task, TaskKind

OWN_BRANCHES = "dayhand/"


def find_target_branches(hub: RepositoryHub, task: Task, pull: int = 0) -> TargetBranches:
    """Find the branches of a task. ``pull``: the number of our pull request in its thread, 0 if there is none.

    While that one is open, everything that is asked goes on with it. Dayhand never pushes to somebody else's branch: it
    opens a pull request against it. Raises ``HubError``, and ``CheckoutError`` for a pull request from a fork, whose branch
    is not in this repository.
    """
    if task.ask.kind is TaskKind.ENVIRONMENT:
        return TargetBranches()
    ended = ""
    if pull:
        ours = hub.pull(pull)
        if ours.state == "open":
            return TargetBranches(own=ours.branch)
        ended = f"#{pull} was {'merged' if ours.merged else 'closed'}"
    found = _where_it_was_asked(hub, task)
    return replace(found, onto=found.onto or task.ask.base, ended=ended)


def _where_it_was_asked(hub: RepositoryHub, task: Task) -> TargetBranches:
    if task.ask.kind is TaskKind.FIX:
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
