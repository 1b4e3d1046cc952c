"""`accept`: a person takes responsibility for a change that waits for a decision: weakened checks, side effects, size."""

from __future__ import annotations

import re
from contextlib import closing

from dayhand.hub.models import CheckRun
from dayhand.hub.repository import RepositoryHub
from dayhand.intake import refusals
from dayhand.intake.events import Commented, Subject
from dayhand.intake.permission import may_ask
from dayhand.intake.verbs.base import Decision, VerbContext
from dayhand.ledger import facts
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.repository_notes import accept_head
from dayhand.verification import Status

NAME = "accept"
ALONE = True
ARGUMENT = r"[0-9a-f]{7,40}"  # a head


def act(comment: Commented, text: str, *, delivery: str, context: VerbContext) -> Decision:  # noqa: ARG001 - a verb's contract
    """Accept the change of the pull request that the comment is on. May be repeated.

    With the head's commit id it also allows the set-up of exactly this commit to use the network.
    """
    subject, login = comment.subject, comment.sender
    with closing(context.hub.repository(subject.installation, subject.repository)) as hub:
        if not may_ask(hub, login):
            context.refuse(subject, login, refusals.MAY_NOT_ACCEPT)
            return Decision(None, f"{login} may not write to {subject.repository}")
        named = re.search(rf"\s`?({ARGUMENT})`?\W*$", text.lower())
        if named:
            head = hub.head(subject.number) if subject.is_pull else ""
            if not head.startswith(named[1]):
                context.refuse(subject, login, refusals.NOT_THE_HEAD)
                return Decision(None, f"{named[1]} is not the head")
            accept_head(context.ledger, subject.repository, head, login=login)
        if not _accept(hub, context.ledger, subject, login=login) and not named:
            context.refuse(subject, login, refusals.NOTHING_TO_ACCEPT)
            return Decision(None, "there is nothing to accept")
        hub.react(subject.number, comment.comment, "+1")
    return Decision(None, f"accepted by {login}")


def _accept(hub: RepositoryHub, ledger: Ledger, subject: Subject, *, login: str) -> bool:
    """Release what waits on the head of the pull request; return False if nothing waits or waited.

    The check run gets the conclusion that it has without the objections, so that a new failure remains a failure.
    """
    waiting = (
        [check for check in hub.checks_on(subject.number) if _waits(check, ledger)] if subject.is_pull else []
    )
    for check in waiting:
        task_facts = ledger.facts(check.task)
        conclusion = task_facts.get(facts.CONCLUSION_IF_ACCEPTED) or Status.SUCCESS
        if check.conclusion == Status.ACTION_REQUIRED:
            hub.retitle_check(check.id, f"Accepted by {login}", conclusion)
        if hub.ready(subject.number):
            hub.request_review(subject.number, login)
        if task_facts.get(facts.CHECK) and not task_facts.get(facts.ACCEPTED_BY):
            task_facts.put(facts.ACCEPTED_BY, login)
    return bool(waiting)


def _waits(check: CheckRun, ledger: Ledger) -> bool:
    """Whether the task of this check run waits for a person. If its record is gone, only GitHub knows."""
    return check.conclusion == Status.ACTION_REQUIRED or (
        ledger.facts(check.task).get(facts.CONCLUSION_IF_ACCEPTED) is not None
    )
