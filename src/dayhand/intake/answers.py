"""The answers to commands that need no task: where the work stands, and what a stop or a retry found."""

from __future__ import annotations

from dayhand.ledger import facts
from dayhand.ledger.journal import usage_so_far
from dayhand.ledger.ledger import Ledger, Record, StopResult
from dayhand.ledger.thread import Thread
from dayhand.ledger.waiting.places import find_place
from dayhand.ledger.waiting.waiting_tasks import WaitingTasks
from dayhand.ledger.waiting.wording import describe
from dayhand.task import STAGE_TITLES, State
from dayhand.usage import Usage

NOTHING_YET = "Nothing has been asked of me here yet."
ENDS = {
    State.PROPOSED: "The last task here is finished: its pull request waits for a person.",
    State.ANSWERED: "The last task here is finished: it needed no change.",
    State.FAILED: "The last task here failed.",
    State.STOPPED: "The last task here was stopped.",
}
STOPPED = {
    None: "Nothing is running here, so there is nothing to stop.",
    StopResult.OVER: "The task was over already, so there was nothing to stop.",
    StopResult.NEVER_BEGUN: "Stopped before it began. Nothing was changed, and it cost nothing.",
}
STILL_RUNNING = (
    "The task here still runs. Write what you want to change, and it reads that next; or stop it first."
)
BUDGET_IS_SET = "From its next turn on, the task here may use {}, and never more than the repository and the operator allow."
NO_LIMIT_TO_RAISE = "No limit was set for the task here, so there is nothing to add to. “budget $2” sets one; the operator's limits stay."
NO_REQUEST_FOR_BUDGET = f"{NOTHING_YET} Write what to do together with the limit: “fix this, max $2”."
PRAISED_PLAN = "To start the work on this plan, write “approve”, or “go ahead”."
NO_PLAN = "There is no plan here that waits for approval. Write “plan”, and I make one."
NOTHING_TO_RETRY = f"{NOTHING_YET} Write what to do."


def status(ledger: Ledger, thread: Thread) -> str:
    """Where a thread stands. Raises ``LedgerError`` if a newer version wrote its records."""
    task_id = thread.task or thread.last
    if not task_id:
        return NOTHING_YET
    record = ledger.record(task_id)
    parts = [
        _state(ledger, record),
        _cost(usage_so_far(ledger.redis, task_id)),
        _unread(thread),
    ]
    return " ".join(part for part in parts if part)


def _state(ledger: Ledger, record: Record) -> str:
    if record.state is State.QUEUED:
        place = describe(find_place(WaitingTasks(ledger), record.task.id))
        return f"The task here is queued. {record.reason or place}"
    if record.state is State.RUNNING:
        minutes = round((ledger.clock() - record.task.created_at) / 60)
        ago = "just now" if minutes < 1 else f"{minutes} minute{'' if minutes == 1 else 's'} ago"
        return (
            f"The task here is running: {STAGE_TITLES.get(record.stage, 'Starting')}. It was requested {ago}."
        )
    return f"{ENDS[record.state]} {record.reason}".strip()


def _cost(usage: Usage) -> str:
    if not usage.turns:
        return "It has cost nothing so far."
    price = "price unknown" if usage.dollars is None else f"${usage.dollars:.2f}"
    price = "$0.00, scripted model" if usage.scripted else price
    tokens = usage.input_tokens + usage.output_tokens
    turns = f"{usage.turns} turn{'' if usage.turns == 1 else 's'}"
    return f"It has used {turns}, {tokens:,} tokens and {usage.seconds / 60:.1f} minutes of the model's time ({price})."


def _unread(thread: Thread) -> str:
    count = sum(message.mention for message in thread.unread)
    return f"It has not read {count} of the comments yet." if count and thread.task else ""


def links(ledger: Ledger, thread: Thread) -> str:
    """Links to a thread's pull request and check run, as Markdown. Raises ``LedgerError``."""
    task_id = thread.task or thread.last
    if not task_id:
        return ""
    record = ledger.record(task_id)
    pull, check = record.fact(facts.PULL_URL), record.fact(facts.CHECK_URL)
    found = (("The pull request", pull), ("The check run", check))
    return " · ".join(f"[{title}]({url})" for title, url in found if url)
