"""What people do without a comment: a label removed, an issue or pull request closed, a button clicked."""

from __future__ import annotations

from dataclasses import replace

from dayhand.errors import LedgerError
from dayhand.intake import refusals
from dayhand.intake.events import Clicked, Closed, Commented, Subject, Unlabeled
from dayhand.intake.verbs import accept, budget, retry
from dayhand.intake.verbs.base import Decision, Instruction, TaskRequest, VerbContext, find_thread
from dayhand.ledger import facts
from dayhand.ledger.ledger import Record, StopResult
from dayhand.ledger.repository_notes import record_withdrawal
from dayhand.task import Task

STOPPED_EARLY = "The task was stopped before it began: {}. Ask again when you want it."


def stop_because(event: Unlabeled | Closed, reason: str, context: VerbContext) -> Decision:
    """Stop the thread's task: whoever may remove the label or close the issue may end the work on it."""
    subject = event.subject
    record_withdrawal(context.ledger, subject.repository_id, subject.number, at=subject.updated_at)
    task = find_thread(context, subject).task
    result = context.ledger.ask_to_stop(task, event.sender) if task else None
    if result is StopResult.NEVER_BEGUN:  # else the task's own comment says it
        comment = Commented(event.subject, None, "", event.sender, event.by_bot)
        context.answer(comment, STOPPED_EARLY.format(reason))
    return Decision(None, f"{reason}: {result or 'nothing runs'}", asks=bool(result))


def click(event: Clicked, delivery: str, context: VerbContext) -> Decision:
    """Do what a button of a check run says; “Re-run” is a retry. Raises ``HubError``."""
    record = _record(event, context)
    if record is None:
        return Decision(None, "no task belongs to this check run")
    subject = _subject(event, record.task)
    comment = Commented(subject, None, "", event.sender, by_bot=False)
    if not context.is_allowed(comment):
        context.refuse(subject, event.sender, refusals.MAY_NOT_START)
        return Decision(None, f"{event.sender} may not write to {event.repository}")
    if event.button == accept.NAME:
        pull = record.fact(facts.PULL) or find_thread(context, subject).pull
        on_pull = replace(comment, subject=replace(subject, number=pull, is_pull=True), text=accept.NAME)
        if not pull or not _is_head(event, pull, context):
            context.refuse(subject, event.sender, refusals.NOT_THE_HEAD)
            return Decision(None, f"{event.head} is not the head")
        return accept.act(Instruction(on_pull, accept.NAME, delivery), context)
    ask = retry.retry_ask(record, asker=event.sender)
    if event.button.startswith("+"):  # “More budget” says how much it adds
        limits = budget.changed(retry.asked_limits(record), event.button)
        ask = replace(ask, max_dollars=limits.dollars, max_minutes=limits.minutes)
    else:
        ask = retry.publish_if_finished(ask, record, context.ledger)
    return context.open_task(TaskRequest(subject, ask), delivery)


def _record(event: Clicked, context: VerbContext) -> Record | None:
    """The task that a check run shows. It must be one of this repository."""
    task_id = event.task
    if not task_id and event.pull:
        key = context.ledger.threads.find_key(event.repository_id, event.pull)
        task_id = context.ledger.threads.find(key).last
    try:
        record = context.ledger.record(task_id)
    except LedgerError:
        return None
    return record if record.task.repository == event.repository else None


def _subject(event: Clicked, task: Task) -> Subject:
    return Subject(
        repository=task.repository,
        clone_url=task.clone_url,
        default_branch=task.default_branch,
        installation=event.installation,
        number=task.number,
        title=task.title,
        body=task.body,
        is_pull=False,
        repository_id=event.repository_id,
    )


def _is_head(event: Clicked, pull: int, context: VerbContext) -> bool:
    hub = context.hub.repository(event.installation, event.repository)
    try:
        return hub.head(pull) == event.head
    finally:
        hub.close()
