"""The steps of one turn: ask, journal, act, keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dayhand.agent.budget import Budget
from dayhand.agent.compaction import History, write_handover
from dayhand.agent.guard import LoopGuard
from dayhand.agent.model.base import (
    AUTO,
    NONE,
    Item,
    Listener,
    Model,
    Reply,
)
from dayhand.agent.model.items import Words, output
from dayhand.agent.tools.executor import STILL_RUNNING, ToolExecutor
from dayhand.agent.tools.schema import (
    ALIASES,
    NAME_CHARS,
    TOOLS,
    Mistake,
    understand,
)
from dayhand.errors import ContextOverflow, SandboxError
from dayhand.ledger.journal import Journal
from dayhand.ledger.log import TaskLog
from dayhand.sandbox import worktree
from dayhand.sandbox.base import Box
from dayhand.task import Solution
from dayhand.usage import Limit

FINISH = "finish"


@dataclass(frozen=True, slots=True)
class Acted:
    """What one reply led to."""

    items: list[Item]
    solution: Solution | None
    pack: bytes  # the work tree afterwards; empty where nothing touched it


@dataclass(frozen=True, slots=True)
class Turns:
    """The steps of a turn."""

    box: Box
    model: Model
    memory: Journal
    log: TaskLog
    bench: ToolExecutor
    base: str
    budget: Budget

    def restore(self, guard: LoopGuard) -> int:
        """Bring the box to the last checkpoint; the number of the turn that it was kept after, 0 for none."""
        kept = self.memory.checkpoint()
        if kept is None:
            return 0
        turn, raw = kept
        tree, _, pack = raw.partition(b"\n")
        guard.tree = tree.decode("ascii", "replace")
        worktree.restore(self.box, guard.tree, pack)
        self.log.line("say", f"Taken over after turn {turn}: the work tree is as it was then.")
        return turn

    def ask(self, turn: int, history: History, key: str, *, last: Limit | None) -> Reply:
        """Ask for a reply and journal it, before anything is done with it. The ``last`` one, at a limit, is a ``finish``.

        What is too long is compacted first, once: raises ``ContextOverflow`` where that was not enough, and
        ``LimitReached`` where there is no room for another reply.
        """
        self.budget.check()
        if last:
            try:
                return self._listen(history.items, key, turn, choice=FINISH)
            except ContextOverflow as error:  # there is no room for a handover any more
                raise self.budget.exceeded(last) from error
        fresh = history.compacted_at == turn  # by a worker that died before it could ask again
        if history.fills(self.model.window) and not fresh:
            self._compact(turn, history, key)
            fresh = True
        try:
            return self._listen(history.items, key, turn)
        except ContextOverflow as error:
            if fresh:
                raise
            self._compact(turn, history, key, error=error)
            return self._listen(history.items, key, turn)

    def _listen(self, items: Sequence[Item], key: str, turn: int, *, choice: str = AUTO) -> Reply:
        """Ask once, with the words in the log as they come. A reply that nothing may be called in is not journalled."""
        words = Words(lambda text: self.log.line("model", text))

        def stumble(fault: str) -> None:
            words.flush()  # half a reply: the next attempt begins anew
            self.log.line("error", fault)

        def pause() -> None:
            self.log.check()
            self.bench.tell()
            self.budget.check_time()

        listener = Listener(words.feed, stumble, pause)
        reply = self.model.reply(items, TOOLS, key=key, listener=listener, choice=choice)
        reply = replace(reply, usage=replace(reply.usage, seconds=self.budget.lap()))
        if choice != NONE:
            self.memory.write_reply(turn, list(reply.items), reply.usage)
        words.flush()
        return reply

    def _compact(
        self, turn: int, history: History, key: str, *, error: ContextOverflow | None = None
    ) -> None:
        """Replace the history once, and journal what it is from now on. What still runs is ended: the box is needed."""
        self.bench.close()
        self.log.line(
            "say", str(error) if error else "The work nearly fills what the model can read at once."
        )
        self.log.line("say", "Its history is replaced by a handover, the changed files and the last results.")
        handover = write_handover(
            self.box,
            history,
            lambda items: self._listen(items, key, turn, choice=NONE),
            overflowed=error is not None,
            window=self.model.window,
        )
        self.memory.write_compaction(turn, handover.items, handover.usage)
        history.replace(turn, handover.items, handover.usage)
        if handover.by_us:
            self.log.line("error", f"The model wrote no handover, so its calls are listed: {handover.by_us}")

    def act(self, turn: int, reply: Reply, guard: LoopGuard, *, told: Sequence[Item] = ()) -> Acted:
        """Do what the reply asks for, in its order.

        ``told`` are the results that a predecessor wrote down: what went on in the background is not begun again.
        The work tree is kept when nothing runs in the box.
        """
        alone = talks(reply)
        left = {item.get("call_id") for item in told if STILL_RUNNING.match(str(item.get("output")))}
        came = [(call, self.bench.do(call, alone=alone)) for call in reply.calls if call.id not in left]
        touched = any(done.touched for _, done in came)
        pack = self._keep(guard) if touched and not self.bench.busy else b""
        for call, done in came:
            guard.saw(call, done)
        items = [output(call, done.text, done.image) for call, done in came]
        solution = next((done.solution for _, done in came if done.solution), None)
        return Acted([*items, *guard.remarks(turn, reply)], solution, pack)

    def conclude(self, reply: Reply, last: Limit) -> Acted:
        """Hear the last word: nothing is run for it any more. What it cites is looked up when it is published.

        Raises ``LimitReached`` where it is no ``finish``.
        """
        for call in reply.calls:
            try:
                said = understand(call)
            except Mistake as mistake:
                self.log.line("error", f"{call.name[:NAME_CHARS]}: {mistake}")
                continue
            if isinstance(said, Solution):
                self.log.line("result", f"finished at a limit: {said.title}")
                return Acted([], said, b"")
        raise self.budget.exceeded(last, reply.text)

    def _keep(self, guard: LoopGuard) -> bytes:
        """Take the work tree out of the box, for whoever goes on after us."""
        try:
            tree, pack = worktree.export(self.box, self.base)
        except SandboxError as error:
            guard.not_kept(error)
            self.log.line("error", str(error))
            return b""
        guard.tree = tree
        return tree.encode() + b"\n" + pack


def talks(reply: Reply) -> bool:
    """Whether a reply calls nothing that acts: only the plan, or the end."""
    return {ALIASES.get(call.name, call.name) for call in reply.calls} <= {"finish", "update_plan"}
