"""A person stands for a change that was held back: it weakens what speaks for it, or is larger than it may be."""

from __future__ import annotations

from dayhand.hub.models import CheckRun
from dayhand.hub.repository import RepositoryHub
from dayhand.intake.events import Subject
from dayhand.ledger.ledger import Ledger

HELD = "action_required"


def accept(hub: RepositoryHub, ledger: Ledger, where: Subject, *, who: str) -> bool:
    """Let what waits on a pull request's head go on under ``who``'s name; False where nothing waits, or did.

    The check run ends as the ledger says that it stands without what held it: a new failure stays one. May come twice.
    """
    found = [check for check in hub.checks_on(where.number) if _waits(check, ledger)] if where.is_pull else []
    for check in found:
        standing = ledger.fact(check.task, "standing") or "success"
        if check.conclusion == HELD:
            hub.retitle_check(check.id, f"Accepted by {who}", standing)
        if hub.ready(where.number):
            hub.request_review(where.number, who)
        if ledger.fact(check.task, "check") and not ledger.fact(check.task, "accepted_by"):
            ledger.put_fact(None, check.task, "accepted_by", value=who)
    return bool(found)


def _waits(check: CheckRun, ledger: Ledger) -> bool:
    """Whether the task of this check run was held back; a record that is gone leaves only GitHub's word."""
    return check.conclusion == HELD or ledger.fact(check.task, "standing") is not None
