"""A draft that came to nothing: it is closed, and its branch is deleted."""

from __future__ import annotations

from dayhand.hub.repository import RepositoryHub
from dayhand.ledger import facts
from dayhand.ledger.ledger import Claim
from dayhand.publish.wording import comment, pull_request
from dayhand.task import Task


def withdraw(hub: RepositoryHub, claim: Claim, task: Task, *, reason: str) -> str:
    """Close our draft and delete its branch, unless it has commits; return a sentence on what is kept, or ""."""
    start = claim.facts.get(facts.START)
    if claim.facts.get(facts.HEAD) is not None:
        return comment.KEPT_COMMITS
    if start is None:
        return ""
    branch = claim.facts.get(facts.BRANCH) or task.branch
    pull = hub.find_pull(branch)
    if not hub.branch_is_at(branch, start):
        return comment.KEPT_DRAFT if pull and pull.state == "open" else ""
    if pull and pull.state == "open":
        hub.edit_pull(pull.number, body=pull_request.withdrawn(task, reason))
        hub.close_pull(pull.number)
        claim.note_pull(0, "")
    hub.delete_branch(branch)
    return ""
