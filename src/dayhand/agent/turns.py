"""The steps of one turn: ask the model, journal its reply, run its calls, save the work tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from functools import partial

from dayhand.agent.budget import Budget
from dayhand.agent.compaction import History, compact
from dayhand.agent.guard import LoopGuard
from dayhand.agent.model.base import (
    AUTO,
    NONE,
    Item,
    Model,
    Reply,
)
from dayhand.agent.model.items import output
from dayhand.agent.receiving import receive
from dayhand.agent.tools.call_parser import MAX_NAME_CHARS, InvalidCall, parse_call
from dayhand.agent.tools.executor import STILL_RUNNING, ToolExecutor
from dayhand.agent.tools.schema import ALIASES, FINISH, TOOLS
from dayhand.errors import ContextOverflow, SandboxError
from dayhand.ledger.journal import Journal
from dayhand.ledger.log import TaskLog
from dayhand.ledger.thread import Message
from dayhand.sandbox import worktree
from dayhand.sandbox.base import Box
from dayhand.startup.records import dataclass
from dayhand.task import Solution, TaskKind
from dayhand.usage import Limit

MAX_KEPT_BYTES = 1024 * 1024  # of the last checkpoint, in memory


@dataclass(frozen=True, slots=True)
class TurnResult:
    """The result of running one reply's calls."""

    items: list[Item]  # their outputs, and remarks for the model
    solution: Solution | None
    pack: bytes  # a checkpoint of the work tree; empty if nothing changed it


@dataclass(slots=True)
class CheckedOut:
    """What the work tree was when the box was filled. Nothing may run in the box before ``look``."""

    box: Box
    commit: str = ""
    tree: str = ""  # of the bytes

    def look(self) -> None:
        """Look at it, once: while the model writes its first reply, for which nobody needs to wait."""
        if not self.commit:
            self.commit, self.tree = worktree.track(self.box)


@dataclass(slots=True)
class LastCheckpoint:
    """The work tree that was exported last: most commands only read, and leave it as it was."""

    changes: worktree.Changes | None = None
    tree: str = ""
    data: bytes = b""

    def keep(self, changes: worktree.Changes, tree: str, data: bytes) -> None:
        """Keep it, unless it is large."""
        small = len(data) <= MAX_KEPT_BYTES
        self.changes, self.tree, self.data = (changes, tree, data) if small else (None, "", b"")


@dataclass(frozen=True, slots=True)
class TurnRunner:
    """Runs the steps of a turn."""

    box: Box
    model: Model
    journal: Journal
    log: TaskLog
    tools: ToolExecutor
    checked_out: CheckedOut
    budget: Budget
    effort: str = ""  # the repository's
    kind: TaskKind = TaskKind.FIX
    last: LastCheckpoint = field(default_factory=LastCheckpoint)

    def restore(self, guard: LoopGuard) -> int:
        """Restore the work tree of the last checkpoint; return the turn of that checkpoint, 0 if there is none."""
        checkpoint = self.journal.checkpoint()
        if checkpoint is None:
            return 0
        self.checked_out.look()
        turn, data = checkpoint
        tree, _, pack = data.partition(b"\n")
        guard.tree = tree.decode("ascii", "replace")
        worktree.restore(self.box, guard.tree, pack)
        self.log.line("say", f"Resumed after turn {turn}, with the work tree of that time.")
        return turn

    def take_messages(self, turn: int) -> tuple[Message, ...]:
        """What people said since the last turn; from now on it is part of this one."""
        messages = self.journal.take_messages(turn, self.kind)
        for message in messages:
            self.log.line("say", f"The model reads a comment by {message.task.ask.asker}.")
        return messages

    def ask(self, turn: int, history: History, cache_key: str, *, final: Limit | None) -> Reply:
        """Request a reply and journal it before anything is done with it. A ``final`` reply can only be a ``finish``.

        A history that is too long is compacted once. Raises ``ContextOverflow`` if it is still too long, and
        ``LimitReached`` if there is no room for another reply.
        """
        self.budget.check()
        if final:
            try:
                return self._turn(history.items, cache_key, turn, tool_choice=FINISH)
            except ContextOverflow as error:  # there is no room left for a handover
                raise self.budget.exceeded(final) from error
        compacted = history.compacted_at == turn  # by a worker that died before its next request
        if history.is_nearly_full(self.model.window) and not compacted:
            self._compact(turn, history, cache_key)
            compacted = True
        try:
            return self._turn(history.items, cache_key, turn)
        except ContextOverflow as error:
            if compacted:
                raise
            self._compact(turn, history, cache_key, error=error)
            return self._turn(history.items, cache_key, turn)

    def _turn(self, items: Sequence[Item], cache_key: str, turn: int, *, tool_choice: str = AUTO) -> Reply:
        """Request the reply of a turn, and journal it."""
        return self._request(
            items,
            cache_key,
            lambda reply: self.journal.write_reply(turn, list(reply.items), reply.usage),
            tool_choice=tool_choice,
        )

    def _request(
        self, items: Sequence[Item], cache_key: str, keep: Callable[[Reply], object], *, tool_choice: str
    ) -> Reply:
        """Request one reply, and log its text as it arrives. ``keep`` journals it."""
        laps: list[float] = []

        def timed(reply: Reply) -> Reply:
            laps[:] = laps or [self.budget.lap()]
            return replace(reply, usage=replace(reply.usage, seconds=laps[0]))

        ask = partial(
            self.model.reply, items, TOOLS, cache_key=cache_key, tool_choice=tool_choice, effort=self.effort
        )
        reply = receive(
            ask,
            self.log,
            keep=lambda reply: keep(timed(reply)),
            on_wait=self.budget.check_time,
            meanwhile=self.checked_out.look,
            in_background=self.tools.flush_log,
        )
        return timed(reply)

    def _compact(
        self, turn: int, history: History, cache_key: str, *, error: ContextOverflow | None = None
    ) -> None:
        """Compact the history and journal the result. Ends a command in the background, because the box is needed."""
        self.tools.close()
        self.log.line("say", str(error) if error else "The history nearly fills the model's context window.")
        self.log.line("say", "It is replaced by a handover, the changed files and the last results.")
        compaction = compact(
            self.box,
            history,
            lambda items, keep: self._request(items, cache_key, keep, tool_choice=NONE),
            keep=lambda made: self.journal.write_compaction(turn, made.items, made.usage),
            overflowed=error is not None,
            window=self.model.window,
        )
        history.replace(turn, compaction.items, compaction.usage)
        if compaction.no_handover:
            self.log.line(
                "error", f"The model wrote no handover, so its calls are listed: {compaction.no_handover}"
            )

    def run(self, turn: int, reply: Reply, guard: LoopGuard, *, results: Sequence[Item] = ()) -> TurnResult:
        """Run the calls of a reply, in their order, and save the work tree unless a command is still running.

        ``results`` are those that another worker has journalled: commands that continued in the background then are
        not started again.
        """
        self.checked_out.look()  # the reply may be one of an earlier worker
        alone = only_plans_or_finishes(reply)
        in_background = {
            item.get("call_id") for item in results if STILL_RUNNING.match(str(item.get("output")))
        }
        done = [
            (call, self.tools.execute(call, alone=alone))
            for call in reply.calls
            if call.id not in in_background
        ]
        touched = any(result.touched for _, result in done)
        pack = self._checkpoint(guard) if touched and not self.tools.busy else b""
        for call, result in done:
            guard.record_call(call, result)
        items = [output(call, result.text, result.image) for call, result in done]
        solution = next((result.solution for _, result in done if result.solution), None)
        return TurnResult([*items, *guard.remarks(turn, reply)], solution, pack)

    def conclude(self, reply: Reply, limit: Limit) -> TurnResult:
        """Take the solution from the final reply. No call is run; its citations are looked up when it is published.

        Raises ``LimitReached`` if it is not a ``finish``.
        """
        for call in reply.calls:
            try:
                request = parse_call(call)
            except InvalidCall as error:
                self.log.line("error", f"{call.name[:MAX_NAME_CHARS]}: {error}")
                continue
            if isinstance(request, Solution):
                self.log.line("result", f"finished at a limit: {request.title}")
                return TurnResult([], request, b"")
        raise self.budget.exceeded(limit, reply.text)

    def _checkpoint(self, guard: LoopGuard) -> bytes:
        """Export the work tree, so that another worker can take over; empty if that failed."""
        try:
            changes = worktree.list_changed_bytes(self.box, self.checked_out.commit, self.last.tree)
            if changes == self.last.changes:
                guard.tree = self.last.tree
                return self.last.data
            tree, pack = worktree.export(self.box, changes, changes.small)
        except SandboxError as error:
            guard.record_failed_checkpoint(error)
            self.log.line("error", str(error))
            return b""
        guard.tree, data = tree, tree.encode() + b"\n" + pack
        self.last.keep(changes, tree, data)
        return data


def only_plans_or_finishes(reply: Reply) -> bool:
    """Whether no call of a reply runs anything in the box."""
    return {ALIASES.get(call.name, call.name) for call in reply.calls} <= {FINISH, "update_plan"}
