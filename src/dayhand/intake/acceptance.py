"""A person stands for a change that was held back: it weakens what speaks for it, or is larger than it may be."""

from __future__ import annotations

from dayhand.hub.models import CheckRun
from dayhand.hub.repository import RepositoryHub
from dayhand.intake.events import Subject
from dayhand.ledger import facts
from dayhand.ledger.ledger import Ledger
from dayhand.verification import Status


def accept(hub: RepositoryHub, ledger: Ledger, where: Subject, *, who: str) -> bool:
    """Let what waits on a pull request's head go on under ``who``'s name; False where nothing waits, or did.

    The check run ends as the ledger says that it stands without what held it: a new failure stays one. May come twice.
    """
    found = [check for check in hub.checks_on(where.number) if _waits(check, ledger)] if where.is_pull else []
    for check in found:
        task_facts = ledger.facts(check.task)
        conclusion = task_facts.get(facts.CONCLUSION_IF_ACCEPTED) or Status.SUCCESS
        if check.conclusion == Status.ACTION_REQUIRED:
            hub.retitle_check(check.id, f"Accepted by {who}", conclusion)
        if hub.ready(where.number):
            hub.request_review(where.number, who)
        if task_facts.get(facts.CHECK) and not task_facts.get(facts.ACCEPTED_BY):
            task_facts.put(facts.ACCEPTED_BY, who)
    return bool(found)


def _waits(check: CheckRun, ledger: Ledger) -> bool:
    """Whether the task of this check run was held back; a record that is gone leaves only GitHub's word."""
    return check.conclusion == Status.ACTION_REQUIRED or (
        ledger.facts(check.task).get(facts.CONCLUSION_IF_ACCEPTED) is not None
    )
