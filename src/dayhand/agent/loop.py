"""The agent's loop: ask, journal, act, journal, keep; until the model finishes or a named limit is reached."""

from __future__ import annotations

from collections.abc import Mapping
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
from dayhand.agent.prompt import opening
from dayhand.agent.tools.executor import ToolExecutor
from dayhand.agent.tools.files import origin
from dayhand.agent.turns import Turns
from dayhand.ledger.journal import Journal
from dayhand.ledger.log import TaskLog
from dayhand.sandbox.base import Box
from dayhand.task import Solution, Task, TaskKind
from dayhand.usage import Usage

RESUMED = (
    "Your sandbox was replaced. The work tree is as you left it; what git ignores is as set-up made it, "
    "and outputs that were kept in files are gone. A command that was still running has ended; what it changed is gone, too."
)
TAKEN = "Your work was taken out and checked. What came of it stands below."


def solve(
    task: Task,
    box: Box,
    model: Model,
    *,
    briefing: str,
    memory: Journal,
    log: TaskLog,
    env: Mapping[str, str] | None = None,
    bounds: WorkLimits | None = None,
) -> Solution:
    """Let the model work in the box until it calls ``finish``; that is the only end that counts as one.

    ``briefing`` tells it of its place, ``env`` is the environment of its commands. A journal that a killed worker
    left in ``memory`` is followed first: no reply in it is asked for again, and what it took counts.
    Raises ``ModelError`` where the model cannot go on, ``LimitReached`` among them, ``SandboxError`` where the box
    broke, ``TaskStopped`` and ``LeaseLost`` where we must not go on.
    """
    bounds = bounds or WorkLimits()
    history = History(opening(task, briefing), Usage(model.name, scripted=model.scripted, dollars=0.0))
    budget = Budget(bounds.all, history, log, clock=bounds.clock)
    commit, tree = origin(box)
    guard = LoopGuard(bounds, budget, untouched=tree if task.ask.kind is TaskKind.FIX else "")
    workbench = ToolExecutor(box, log, env or {}, sees=lambda: model.images, left=budget.seconds_left)
    with closing(workbench) as bench:  # whatever ends us ends what still runs
        return _work(Turns(box, model, memory, log, bench, commit, budget), history, guard, key=task.id)


def _work(turns: Turns, history: History, guard: LoopGuard, *, key: str) -> Solution:
    """Take turns until one of them finishes: those in the journal again, where the work tree needs it, then new ones."""
    memory = turns.memory
    kept = turns.restore(guard)
    journal = {entry.turn: entry for entry in memory.turns()}
    compacted = memory.compactions()
    resumed = bool(journal)
    for turn in guard.turns():
        turns.log.check()
        if shorter := compacted.get(turn):
            history.replace(turn, shorter.items, shorter.usage)
        entry = journal.get(turn)
        last = guard.budget.last_word()
        reply = read_reply(entry.items, entry.usage) if entry else turns.ask(turn, history, key, last=last)
        history.hear(reply)
        told = entry.results if entry else None
        if told is not None and turn <= kept:
            history.add(told)  # done, and in the work tree that was restored
            continue
        if told is None and resumed:
            guard.remark(RESUMED)
            resumed = False
        acted = turns.conclude(reply, last) if last else turns.act(turn, reply, guard, told=told or ())
        if acted.solution is not None and told is None:
            limit_hit = guard.budget.limit_hit()
            return replace(
                acted.solution, usage=history.usage, switches=turns.model.switches, limit_hit=limit_hit
            )
        if told is None:
            memory.write_results(turn, acted.items)
        if acted.pack:
            memory.save_checkpoint(turn, acted.pack)
        history.add(acted.items if told is None else told)
    raise guard.out_of_turns()


def send_back(memory: Journal, words: str, most: int) -> bool:
    """Answer the last ``finish`` with ``words``, so that the next ``solve`` goes on from there, in any box.

    They become the results of that turn in the journal: whoever follows it hears them. False where this was done
    ``most`` times already.
    """
    *_, last = turns = memory.turns()
    if sum(TAKEN in str(entry.results) for entry in turns) >= most:
        return False
    reply = read_reply(last.items, last.usage)
    memory.write_results(last.turn, [*(output(call, TAKEN) for call in reply.calls), message("user", words)])
    return True
