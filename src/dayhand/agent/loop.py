"""The agent's loop: ask, journal, act, journal, keep; until the model finishes or a named limit is reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dayhand.agent.bench import Bench
from dayhand.agent.guard import Bounds, Guard
from dayhand.agent.model import Item, Listener, Model, Reply
from dayhand.agent.prompt import opening
from dayhand.agent.tools import ALIASES, TOOLS
from dayhand.agent.transcript import Words, add, journalled, message, output, usage_fields
from dayhand.agent.workspace import head
from dayhand.errors import SandboxError
from dayhand.ledger.memory import Memory
from dayhand.ledger.notes import Say
from dayhand.sandbox import worktree
from dayhand.sandbox.base import Box
from dayhand.task import Solution, Task, Usage

RESUMED = (
    "Your sandbox was replaced. The work tree is as you left it; what git ignores is as set-up made it, "
    "and outputs that were kept in files are gone."
)
TAKEN = "Your work was taken out and checked. What came of it stands below."


def solve(
    task: Task,
    box: Box,
    model: Model,
    briefing: str,
    memory: Memory,
    say: Say,
    *,
    env: Mapping[str, str] | None = None,
    bounds: Bounds | None = None,
) -> Solution:
    """Let the model work in the box until it calls ``finish``; that is the only end that counts as one.

    ``briefing`` tells it of its place, ``env`` is the environment of its commands. A journal that a killed worker
    left in ``memory`` is followed first: no reply in it is asked for again.
    Raises ``ModelError`` where the model cannot go on, ``SandboxError`` where the box broke, ``TaskStopped`` and
    ``LeaseLost`` where we must not go on.
    """
    turns = Turns(box, model, memory, say, Bench(box, say, env or {}), head(box))
    guard = Guard(bounds or Bounds())
    history = opening(task, briefing)
    kept = turns.restore()
    journal = {entry["turn"]: entry for entry in memory.turns()}
    resumed = bool(journal)
    usage = Usage(model.name, scripted=model.scripted, dollars=0.0)
    for turn in guard.turns():
        say.check()
        entry = journal.get(turn)
        reply = journalled(entry["items"], entry["usage"]) if entry else turns.ask(turn, history, task.id)
        history += reply.items
        usage = add(usage, reply.usage)
        told = entry.get("results") if entry else None
        if told is not None and turn <= kept:
            history += told  # done, and in the work tree that was restored
            continue
        if told is None and resumed:
            guard.remark(RESUMED)
            resumed = False
        acted = turns.act(turn, reply, guard)
        if acted.solution is not None and told is None:
            return replace(acted.solution, usage=usage, switches=model.switches)
        if told is None:
            memory.write_results(turn, acted.items)
        if acted.pack:
            memory.save_checkpoint(turn, acted.pack)
        history += acted.items if told is None else told
    raise guard.out_of_turns()


def send_back(memory: Memory, words: str, most: int) -> bool:
    """Answer the last ``finish`` with ``words``, so that the next ``solve`` goes on from there, in any box.

    They become the results of that turn in the journal: whoever follows it hears them. False where this was done
    ``most`` times already.
    """
    *_, last = turns = memory.turns()
    if sum(TAKEN in str(entry.get("results", "")) for entry in turns) >= most:
        return False
    reply = journalled(last["items"], last["usage"])
    memory.write_results(
        last["turn"], [*(output(call, TAKEN) for call in reply.calls), message("user", words)]
    )
    return True


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
    memory: Memory
    say: Say
    bench: Bench
    base: str

    def restore(self) -> int:
        """Bring the box to the last checkpoint; the number of the turn that it was kept after, 0 for none."""
        kept = self.memory.checkpoint()
        if kept is None:
            return 0
        turn, raw = kept
        tree, _, pack = raw.partition(b"\n")
        worktree.restore(self.box, tree.decode("ascii", "replace"), pack)
        self.say.line("say", f"Taken over after turn {turn}: the work tree is as it was then.")
        return turn

    def ask(self, turn: int, history: Sequence[Item], key: str) -> Reply:
        """Ask for a reply and journal it, before anything is done with it."""
        words = Words(lambda text: self.say.line("model", text))

        def stumble(fault: str) -> None:
            words.flush()  # half a reply: the next attempt begins anew
            self.say.line("error", fault)

        reply = self.model.reply(
            history, TOOLS, key=key, listener=Listener(words.feed, stumble, self.say.check)
        )
        self.memory.write_reply(turn, list(reply.items), usage_fields(reply.usage))
        words.flush()
        return reply

    def act(self, turn: int, reply: Reply, guard: Guard) -> Acted:
        """Do what the reply asks for, in its order."""
        alone = talks(reply)
        came = [(call, self.bench.do(call, alone=alone)) for call in reply.calls]
        pack = self._keep(guard) if any(done.touched for _, done in came) else b""
        for call, done in came:
            guard.saw(call, done)
        items = [output(call, done.text) for call, done in came]
        solution = next((done.solution for _, done in came if done.solution), None)
        return Acted([*items, *guard.remarks(turn, reply)], solution, pack)

    def _keep(self, guard: Guard) -> bytes:
        """Take the work tree out of the box, for whoever goes on after us."""
        try:
            tree, pack = worktree.export(self.box, self.base)
        except SandboxError as error:
            guard.not_kept(error)
            self.say.line("error", str(error))
            return b""
        guard.tree = tree
        return tree.encode() + b"\n" + pack


def talks(reply: Reply) -> bool:
    """Whether a reply calls nothing that acts: only the plan, or the end."""
    return {ALIASES.get(call.name, call.name) for call in reply.calls} <= {"finish", "update_plan"}
