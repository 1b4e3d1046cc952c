"""The limits of a task's turns: how many, how silent, how repetitive, how idle; and the remarks that come before the end."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dayhand.agent.budget import Budget
from dayhand.agent.model.base import Call, Item, Reply
from dayhand.agent.model.items import message, refusal_in
from dayhand.agent.tools.executor import ToolResult
from dayhand.agent.tools.schema import NAME_CHARS
from dayhand.errors import LimitReached, ModelError, SandboxError
from dayhand.usage import Limit, Resource

LAST_WORDS = 300
IDLE = (
    "You have taken {} turns, and the work tree is as it was. If you know what to change, change it now. If there is "
    "nothing to change, or it cannot be done, call finish and say why."
)


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """When to stop."""

    turns: int = 60
    limits: tuple[Limit, ...] = ()  # of money, minutes and tokens
    silent: int = 3  # replies without a call that are answered before we give up
    failing: int = 4  # the same call with the same failure on the same work tree
    repeated: int = 8  # the same call with the same success on the same work tree
    not_kept: int = 3  # work trees in a row that could not be taken out
    idle: int = 12  # turns without a change, where one is asked for: the model is told
    clock: Callable[[], float] = time.time

    @property
    def all(self) -> tuple[Limit, ...]:
        return (*self.limits, Limit(Resource.TURNS, self.turns, "DAYHAND_MAX_TURNS"))


class LoopGuard:
    """Sees every turn, and stops the loop where it leads nowhere."""

    def __init__(self, bounds: WorkLimits, budget: Budget, *, untouched: str = "") -> None:
        """``untouched`` is the git tree that the work begins with; "" where no change need come of it."""
        self.budget = budget
        self._bounds = bounds
        self._untouched = untouched
        self._silent = 0
        self._seen: Counter[tuple[str, str, str, str]] = Counter()
        self._lost: list[SandboxError] = []
        self._remarks: list[str] = []
        self._last_tree = ""

    @property
    def tree(self) -> str:
        """The work tree that was last kept: a call on another one is not the same call."""
        return self._last_tree

    @tree.setter
    def tree(self, tree: str) -> None:
        self._last_tree = tree
        self._lost.clear()

    def turns(self) -> Iterator[int]:
        yield from range(1, self._bounds.turns + 1)

    def out_of_turns(self) -> LimitReached:
        return self.budget.exceeded(self._bounds.all[-1])

    def saw(self, call: Call, done: ToolResult) -> None:
        """Count a call. Raises ``ModelError`` where it is the same as often before."""
        result = re.sub(r"\d+\.\d+", "#", done.text)  # times differ where nothing else does
        key = (self._last_tree, call.name, call.arguments, result)
        self._seen[key] += 1
        most = self._bounds.repeated if done.passed else self._bounds.failing
        if self._seen[key] >= most:
            how = "worked" if done.passed else "failed"
            raise ModelError(
                f"The model repeats itself: its call to {call.name[:NAME_CHARS]} {how} in the same way {most} times. It was: {call.arguments[:LAST_WORDS]}",
                advice="Say more precisely what is wrong and where, or choose another model in DAYHAND_MODEL.",
            )
        if self._seen[key] == most - 1:
            self._remarks.append(
                "You have made this same call with this same result before. Try something else."
            )

    def remark(self, text: str) -> None:
        """Have the model told with the next results."""
        self._remarks.append(text)

    def not_kept(self, error: SandboxError) -> None:
        """The work tree could not be taken out. Raises the error where that happened too often."""
        self._lost.append(error)
        if len(self._lost) >= self._bounds.not_kept:
            raise error
        self._remarks.append(
            f"Your work tree cannot be taken out as it is: {error} Remove large files, and leave .git alone: "
            "without this, your work is lost."
        )

    def remarks(self, turn: int, reply: Reply) -> list[Item]:
        """What the model should hear besides its results. Raises ``ModelError`` for a refusal, or too much silence."""
        texts = [*self._remarks]
        self._remarks.clear()
        if not reply.calls and (refusal := refusal_in(reply.items)):
            raise ModelError(
                f"The model refuses to do this: “{refusal.strip()[:LAST_WORDS]}”",
                advice="Ask for it in other words, or do it by hand: another model is not asked to do what one refuses.",
            )
        self._silent = 0 if reply.calls else self._silent + 1
        if self._silent > self._bounds.silent:
            said = f" Its last words: “{reply.text.strip()[-LAST_WORDS:]}”" if reply.text.strip() else ""
            raise ModelError(
                f"The model stopped calling tools and did not finish.{said}",
                advice="Choose another model in DAYHAND_MODEL, one that can call tools.",
            )
        if self._silent:
            texts.append(_nudge(reply))
        if self._untouched and self._last_tree in ("", self._untouched) and turn % self._bounds.idle == 0:
            texts.append(IDLE.format(turn))
        told = [message("user", "\n\n".join(texts))] if texts else []
        return [*told, *self.budget.remarks()]


def _nudge(reply: Reply) -> str:
    if reply.truncated:
        return "Your reply reached its length limit before you called a tool. Go on in smaller steps."
    if not reply.text.strip():
        return "Your reply was empty. Go on with a tool, or call finish if the work is done."
    return (
        "You called no tool. Nobody reads this but the log: if the work is done, or cannot be done, call finish "
        "with title and account; otherwise go on."
    )
