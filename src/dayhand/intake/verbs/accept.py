"""`accept`: a person takes responsibility for what waits for a decision: weakened checks, side effects, size, held-back files."""

from __future__ import annotations

import re
from contextlib import closing

from dayhand.hub.models import CheckRun
from dayhand.hub.repository import RepositoryHub
from dayhand.intake import refusals
from dayhand.intake.events import Commented, Subject
from dayhand.intake.permission import may_ask
from dayhand.intake.verbs.base import Decision, Instruction, VerbContext, accept_request
from dayhand.ledger import facts
from dayhand.ledger.facts import Facts
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.repository_notes import accept_head
from dayhand.verification import Status

NAME = "accept"
PATTERN = r"(?!)"
ARGUMENT = r"[0-9a-f]{7,40}"  # a head


def act(instruction: Instruction, context: VerbContext) -> Decision:
    """Accept the change of the pull request that the comment is on. May be repeated.

    With the head's commit id it also accepts the files that were held back from exactly this head, which a task then
    pushes, and allows the set-up of this commit to use the network.
    """
    comment, text = instruction.comment, instruction.text
    subject, login = comment.subject, comment.sender
    with closing(context.hub.repository(subject.installation, subject.repository)) as hub:
        if not may_ask(hub, login):
            context.refuse(subject, login, refusals.MAY_NOT_ACCEPT)
            return Decision(None, f"{login} may not write to {subject.repository}")
        named = re.search(rf"\s`?({ARGUMENT})`?(?!\w)", text.lower())
        head = hub.head(subject.number) if named and subject.is_pull else ""
        if named and not head.startswith(named[1]):
            context.refuse(subject, login, refusals.NOT_THE_HEAD)
            return Decision(None, f"{named[1]} is not the head")
        waiting = _waiting(hub, context.ledger, subject)
        if named:
            accept_head(context.ledger, subject.repository, head, login=login)
        elif not waiting:
            context.refuse(subject, login, refusals.NOTHING_TO_ACCEPT)
            return Decision(None, "there is nothing to accept")
        leaves_out = not named and _held_back_from(waiting, context.ledger)
        title = f"Accepted by {login}{', without what was held back' if leaves_out else ''}"
        for check in waiting:
            _accept(hub, context.ledger.facts(check.task), check, title=title, by=comment)
        context.react(comment, "+1")
        if head and (task := _held_back_from(waiting, context.ledger, head)):
            return context.open_task(accept_request(comment, text, accepts=task), instruction.delivery)
    return Decision(None, f"accepted by {login}")


def _waiting(hub: RepositoryHub, ledger: Ledger, subject: Subject) -> tuple[CheckRun, ...]:
    """Our check runs on the pull request's head whose tasks wait for a person. If a record is gone, only GitHub knows."""
    checks = hub.checks_on(subject.number) if subject.is_pull else ()
    return tuple(
        check
        for check in checks
        if check.conclusion == Status.ACTION_REQUIRED
        or ledger.facts(check.task).get(facts.CONCLUSION_IF_ACCEPTED) is not None
    )


def _held_back_from(waiting: tuple[CheckRun, ...], ledger: Ledger, head: str = "") -> str:
    """The last task that held back files which the App can push, from the ``head`` if one is given; "" if there is none."""
    for check in sorted(waiting, key=lambda check: -check.id):
        held_back = ledger.facts(check.task).get(facts.HELD_BACK)
        if held_back and held_back.files and head in ("", held_back.head):
            return check.task
    return ""


def _accept(hub: RepositoryHub, task_facts: Facts, check: CheckRun, *, title: str, by: Commented) -> None:
    """Give a check run the conclusion that it has without the objections, so that a new failure remains a failure."""
    conclusion = task_facts.get(facts.CONCLUSION_IF_ACCEPTED) or Status.SUCCESS
    if check.conclusion == Status.ACTION_REQUIRED:
        note = f"**{title}.** The text below is from before that."
        hub.retitle_check(check.id, title, conclusion, note=note)
    if hub.ready(by.subject.number):
        hub.request_review(by.subject.number, by.sender)
    if task_facts.get(facts.CHECK) and not task_facts.get(facts.ACCEPTED_BY):
        task_facts.put(facts.ACCEPTED_BY, by.sender)
