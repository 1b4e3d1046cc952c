"""The agent's loop: ask, journal, run the calls, journal, until the model finishes or a limit is reached."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from dayhand.agent.budget import Budget
from dayhand.agent.compaction import History
from dayhand.agent.guard import LoopGuard, WorkLimits
from dayhand.agent.model.base import Model
from dayhand.agent.model.items import (
    message,
    output,
    read_reply,
)
from dayhand.agent.prompt import comments, opening
from dayhand.agent.tools.executor import CommandContext, ToolExecutor
from dayhand.agent.turns import CheckedOut, TurnRunner
from dayhand.ledger.journal import Journal
from dayhand.ledger.log import TaskLog
from dayhand.reading.conversation import Conversation
from dayhand.sandbox.base import Box
from dayhand.task import Solution, Task, TaskKind
from dayhand.usage import Usage

RESUMED = (
    "Your sandbox was replaced. The work tree is as you left it, but files that git ignores are as set-up left them, "
    "and files over 5 MB and saved outputs are gone. A command that was still running has ended, and its changes are gone."
)
OFFENCES = "finish was not accepted yet: these files of your work tree cannot be pushed."
OFFENCES_ADVICE = "Correct what belongs to your change, and delete the rest. What is still here at the next finish is left out."
CHECKED = "Your work was taken out of the sandbox and checked. The results are below."


def solve(  # noqa: PLR0913 - what people wrote is no part of the briefing, which is the same for a repository's tasks
    task: Task,
    box: Box,
    model: Model,
    *,
    briefing: str,
    journal: Journal,
    log: TaskLog,
    context: CommandContext | None = None,
    limits: WorkLimits | None = None,
    snapshot: Conversation | None = None,
) -> Solution:
    """Let the model work in the box until its call to ``finish`` is accepted.

    ``briefing`` describes the environment to the model, ``snapshot`` is what people wrote, ``context`` is what its commands run in. If the journal already has turns, of a worker that was killed, they are replayed first: no reply is requested twice,
    and its usage counts. Raises ``ModelError`` (such as ``LimitReached``) if the model cannot continue,
    ``SandboxError`` if the box broke, ``TaskStopped`` or ``LeaseLost`` if this worker must stop.
    """
    limits, context = limits or WorkLimits(), context or CommandContext()
    history = History(
        opening(task, briefing, limits.all, snapshot=snapshot or Conversation()),
        Usage(model.name, scripted=model.scripted, dollars=0.0),
    )
    if understanding := journal.understanding():
        history.charge(understanding.usage)
    budget = Budget(limits.all, history, log, clock=limits.clock)
    checked_out = CheckedOut(box)
    guard = LoopGuard(
        limits, budget, initial_tree=lambda: checked_out.tree if task.ask.kind is TaskKind.FIX else ""
    )
    tools = ToolExecutor(
        box,
        log,
        context.env,
        launcher=context.launcher,
        supports_images=lambda: model.supports_images,
        seconds_left=budget.seconds_left,
        find_offences=lambda: _offences(limits, journal),
    )
    runner = TurnRunner(box, model, journal, log, tools, checked_out, budget, limits.effort, task.ask.kind)
    try:
        with closing(tools):  # ends a command that is still running, whatever ends the loop
            return _run(runner, history, guard, limits=limits, cache_key=task.id)
    finally:
        checked_out.look()  # what is there now may be kept, also if nothing was asked


def _run(
    runner: TurnRunner, history: History, guard: LoopGuard, *, limits: WorkLimits, cache_key: str
) -> Solution:
    """Take turns until one of them finishes.

    Turns in the journal come first. Their calls are run again if the restored work tree does not contain their effects.
    """
    journal = runner.journal
    restored_turn = runner.restore(guard)
    entries = {entry.turn: entry for entry in journal.turns()}
    compactions, messages = journal.compactions(), journal.messages()
    resumed = bool(entries)
    for turn in guard.turns():
        runner.log.check()
        guard.budget.set_limits(limits.now)
        history.add_messages(comments(messages.get(turn, ())))
        if compaction := compactions.get(turn):
            history.replace(turn, compaction.items, compaction.usage)
        entry = entries.get(turn)
        final = guard.budget.final_reply_limit()
        taken = entry or compaction or turn in messages
        if not taken and (not final or journal.is_given_more(runner.kind)):
            history.add_messages(comments(runner.take_messages(turn)))
            final = guard.budget.final_reply_limit()
        reply = (
            read_reply(entry.items, entry.usage)
            if entry
            else runner.ask(turn, history, cache_key, final=final)
        )
        history.add_reply(reply)
        results = entry.results if entry else None
        if results is not None and turn <= restored_turn:
            history.add_results(results)  # the restored work tree contains its effects
            continue
        if results is None and resumed:
            guard.add_remark(RESUMED)
            resumed = False
        outcome = (
            runner.conclude(reply, final) if final else runner.run(turn, reply, guard, results=results or ())
        )
        solution = outcome.solution if results is None else None
        if solution and (final or not journal.is_asked_for_more(runner.kind)):
            hit = guard.budget.limit_hit()
            return replace(solution, usage=history.usage, switches=runner.model.switches, limit_hit=hit)
        if results is None:
            journal.write_results(turn, outcome.items)
        if outcome.pack:
            journal.save_checkpoint(turn, outcome.pack)
        history.add_results(outcome.items if results is None else results)
    raise guard.out_of_turns()


def _offences(limits: WorkLimits, journal: Journal) -> str:
    """What a ``finish`` is refused with, once in a task, because it could not be pushed; "" if it is accepted."""
    was_refused = any(OFFENCES in str(entry.results) for entry in journal.turns())
    offences = "" if was_refused else limits.find_offences()
    return f"{OFFENCES}\n{offences}\n{OFFENCES_ADVICE}" if offences else ""


def send_back(journal: Journal, feedback: str, maximum: int) -> bool:
    """Answer the last ``finish`` with feedback, so that the next ``solve`` continues from there, in any box.

    The feedback becomes the result of that turn in the journal. Returns False, and writes nothing, if this was done
    ``maximum`` times already.
    """
    *_, last = entries = journal.turns()
    if sum(CHECKED in str(entry.results) for entry in entries) >= maximum:
        return False
    reply = read_reply(last.items, last.usage)
    journal.write_results(
        last.turn, [*(output(call, CHECKED) for call in reply.calls), message("user", feedback)]
    )
    return True
