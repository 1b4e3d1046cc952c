"""`retry`: another attempt at the last request of this thread, on the same pull request."""

from __future__ import annotations

import re
from dataclasses import replace

from dayhand.intake import answers
from dayhand.intake.terms import Terms, read_terms
from dayhand.intake.verbs.base import (
    Decision,
    Instruction,
    TaskRequest,
    VerbContext,
    comment_beside,
    find_thread,
)
from dayhand.ledger import facts
from dayhand.ledger.journal import has_checked_change
from dayhand.ledger.ledger import Ledger, Record
from dayhand.task import Ask, State, TaskKind
from dayhand.usage import AskedLimits

NAME = "retry"
PATTERN = "(?!)"
MORE = re.compile(r"\b(?:with|using)\b.+", re.IGNORECASE | re.DOTALL)
NO_TERMS = Terms()


def act(instruction: Instruction, context: VerbContext) -> Decision:
    more = MORE.search(instruction.text)
    beside = comment_beside(instruction.text, instruction.comment.text)
    return retry(
        instruction, context, more=f"{more[0]}{beside}" if more else "", terms=read_terms(instruction.text),
        none=answers.NOTHING_TO_RETRY, runs=answers.STILL_RUNNING,
    )  # fmt: skip


def retry(
    instruction: Instruction,
    context: VerbContext,
    *,
    none: str,
    runs: str,
    more: str = "",
    terms: Terms = NO_TERMS,
) -> Decision:
    """Make the last request of the thread once more. ``none`` and ``runs``: the answers if there is none, or it runs."""
    comment = instruction.comment
    thread = find_thread(context, comment.subject)
    if thread.task or not thread.last:
        if context.is_allowed(comment):
            context.answer(comment, runs if thread.task else none)
        return Decision(None, "there is nothing to retry")
    record = context.ledger.record(thread.last)
    ask = retry_ask(record, asker=comment.sender, more=more, terms=terms, comment=comment.comment)
    if not more:
        ask = publish_if_finished(ask, record, context.ledger)
    return context.open_task(TaskRequest(comment.subject, ask, comment.text), instruction.delivery)


def publish_if_finished(ask: Ask, record: Record, ledger: Ledger) -> Ask:
    """The request, which only publishes where the last attempt's change is checked and could not be published."""
    failed = record.state in (State.FAILED, State.STOPPED)
    moved = record.fact(facts.UNFINISHED_BRANCH)  # then the change must be made again
    if not failed or moved or not has_checked_change(ledger.redis, record.task.id):
        return ask
    kind = ask.kind
    if kind is TaskKind.UNCLEAR:  # the model said that a change is wanted
        kind = TaskKind.FOLLOW_UP if ask.on_pull else TaskKind.FIX
    return replace(ask, kind=kind, publishes=record.task.id)


def asked_limits(record: Record) -> AskedLimits:
    """What people set for a task: with the request, or later."""
    return record.fact(facts.ASKED_LIMITS) or record.task.ask.limits


def retry_ask(
    record: Record,
    *,
    asker: str,
    more: str = "",
    terms: Terms = NO_TERMS,
    comment: int | None = None,
) -> Ask:
    """What a task was asked, once more. The model reads why the last attempt failed, so that it need not fail again."""
    last, limits = record.task.ask, asked_limits(record)
    failed = f"The last attempt failed: {record.reason}" if record.state is State.FAILED else ""
    parts = (last.text, failed, more and f"Try again {more}")
    return Ask(
        kind=last.kind,
        text="\n\n".join(part for part in parts if part),
        asker=asker,
        comment=comment,
        accepts=last.accepts,
        max_dollars=terms.dollars or limits.dollars,
        max_minutes=terms.minutes or limits.minutes,
        on_pull=last.on_pull,
        approved=last.approved,
        base=terms.base or last.base,
    )
