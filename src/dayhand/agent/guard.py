"""Stops a loop that leads nowhere: too many turns, replies without a call, repeated calls, or no change for long."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from operator import attrgetter

from dayhand.agent.budget import REPOSITORY_SETTING, REQUEST_SETTING, Budget, lower_limits
from dayhand.agent.model.base import Call, Item, Reply
from dayhand.agent.model.items import message, refusal_in
from dayhand.agent.tools.call_parser import MAX_NAME_CHARS
from dayhand.agent.tools.executor import ToolResult
from dayhand.environment.declared.dayhand_toml import RepoConfig
from dayhand.errors import LimitReached, ModelError, SandboxError
from dayhand.startup.records import dataclass
from dayhand.task import Ask
from dayhand.usage import AskedLimits, Limit, Resource

QUOTE_CHARS = 300
LONGEST_CYCLE = 3  # calls that are repeated together
CallKey = tuple[str, str, str, str]  # the work tree, the tool, its arguments and its result
UNCHANGED = (
    "You have taken {} turns without changing the work tree. If you know what to change, change it now. If there is "
    "nothing to change, or it cannot be done, call finish and say why."
)


def _lower_to(limits: Sequence[Limit], asked: AskedLimits) -> tuple[Limit, ...]:
    amounts = {Resource.MONEY: asked.dollars, Resource.MINUTES: asked.minutes}
    return lower_limits(limits, {name: most for name, most in amounts.items() if most}, REQUEST_SETTING)


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """When to stop the work on a task, what it may not end with, and how much the model is to think about it."""

    turns: int = 250
    limits: tuple[Limit, ...] = ()  # of money, minutes and tokens
    max_silent_replies: int = 3  # in a row; the next reply without a call ends the work
    # In a row, of one call with the same result on the same work tree. Of a cycle of calls: as of one that works.
    max_failing_repeats: int = 4
    max_passing_repeats: int = 8
    max_failed_checkpoints: int = 3  # in a row
    idle_turns: int = 12  # without a change where one is asked for; then the model is told
    effort: str = ""  # the repository's; "": the operator's
    clock: Callable[[], float] = time.monotonic
    find_offences: Callable[[], str] = (
        str  # in the work tree: the first ``finish`` is refused with them; "" for none
    )
    find_asked: Callable[[Ask], AskedLimits] = attrgetter(
        "limits"
    )  # the limits of a request, which a person may change while the task runs
    find_limits: Callable[[], tuple[Limit, ...]] = tuple  # the limits of now; () for those of the start

    @property
    def all(self) -> tuple[Limit, ...]:
        return (*self.limits, Limit(Resource.TURNS, self.turns, "DAYHAND_MAX_TURNS"))

    @property
    def now(self) -> tuple[Limit, ...]:
        """All limits, as people have changed them since the start."""
        return replace(self, limits=self.find_limits() or self.limits).all

    def of(self, config: RepoConfig, ask: Ask, clock: Callable[[], float]) -> WorkLimits:
        """These limits as a repository and the request lower them, with the repository's effort."""
        limits = lower_limits(self.limits, config.budget, REPOSITORY_SETTING)
        return replace(
            self,
            limits=_lower_to(limits, ask.limits),
            clock=clock,
            effort=config.effort,
            find_limits=lambda: _lower_to(limits, self.find_asked(ask)),
        )


class LoopGuard:
    """Watches every turn, and stops the loop if it leads nowhere."""

    def __init__(self, limits: WorkLimits, budget: Budget, *, initial_tree: Callable[[], str] = str) -> None:
        """``initial_tree`` gives the git tree that the work starts from; "" if the task need not change anything."""
        self.budget = budget
        self._limits = limits
        self._initial_tree = initial_tree
        self._silent_replies = 0
        self._recent: deque[CallKey] = deque(maxlen=limits.max_passing_repeats * LONGEST_CYCLE)
        self._failed_checkpoints = 0
        self._remarks: list[str] = []
        self._last_tree = ""

    @property
    def tree(self) -> str:
        """The git tree of the last checkpoint. The same call on another tree does not count as a repetition."""
        return self._last_tree

    @tree.setter
    def tree(self, tree: str) -> None:
        self._last_tree = tree
        self._failed_checkpoints = 0

    def turns(self) -> Iterator[int]:
        yield from range(1, self._limits.turns + 1)

    def out_of_turns(self) -> LimitReached:
        return self.budget.exceeded(self._limits.all[-1])

    def record_call(self, call: Call, result: ToolResult) -> None:
        """Count a call. Raises ``ModelError`` if it was repeated too often in a row.

        With other calls between, it is no repetition: a flaky test is run again after something was looked at.
        """
        text = re.sub(r"\d+\.\d+", "#", result.text)  # ignore durations
        self._recent.append((self._last_tree, call.name, call.arguments, text))
        for cycle in range(1, LONGEST_CYCLE + 1):
            fails = cycle == 1 and not result.passed
            maximum = self._limits.max_failing_repeats if fails else self._limits.max_passing_repeats
            count = _repetitions([*self._recent], cycle)
            if count >= maximum:
                raise _repeats_itself(call, maximum, cycle=cycle, passed=result.passed)
            if count == maximum - 1:
                self._remarks.append("You already made this call and got this result. Try something else.")

    def add_remark(self, text: str) -> None:
        """Tell the model something along with its next results."""
        self._remarks.append(text)

    def record_failed_checkpoint(self, error: SandboxError) -> None:
        """Tell the model that its work tree could not be saved. Raises the error if that happened too often."""
        self._failed_checkpoints += 1
        if self._failed_checkpoints >= self._limits.max_failed_checkpoints:
            raise error
        self._remarks.append(
            f"Your work tree cannot be saved as it is: {error} Remove large files, and leave .git alone. "
            "Otherwise your work is lost."
        )

    def remarks(self, turn: int, reply: Reply) -> list[Item]:
        """What to tell the model besides its results. Raises ``ModelError`` for a refusal or too much silence."""
        texts = [*self._remarks]
        self._remarks.clear()
        if not reply.calls and (refusal := refusal_in(reply.items)):
            raise ModelError(
                f"The model refuses to do this: “{refusal.strip()[:QUOTE_CHARS]}”",
                advice="Rephrase the request, or do it by hand. After a refusal, no other model is asked.",
            )
        self._silent_replies = 0 if reply.calls else self._silent_replies + 1
        if self._silent_replies > self._limits.max_silent_replies:
            text = reply.text.strip()
            quote = f" Its last message: “{text[-QUOTE_CHARS:]}”" if text else ""
            raise ModelError(
                f"The model stopped calling tools and did not finish.{quote}",
                advice="Choose a model in DAYHAND_MODEL that can call tools.",
            )
        if self._silent_replies:
            texts.append(_nudge(reply))
        initial_tree = self._initial_tree()
        unchanged = self._last_tree in ("", initial_tree)
        if initial_tree and unchanged and turn % self._limits.idle_turns == 0:
            texts.append(UNCHANGED.format(turn))
        remarks = [message("user", "\n\n".join(texts))] if texts else []
        return [*remarks, *self.budget.remarks()]


def _repetitions(calls: Sequence[CallKey], cycle: int) -> int:
    """How often the last ``cycle`` calls were made one after the other, at the end of ``calls``."""
    last, count = calls[-cycle:], 0
    while len(last) == cycle and calls[len(calls) - (count + 1) * cycle : len(calls) - count * cycle] == last:
        count += 1
    return count


def _repeats_itself(call: Call, maximum: int, *, cycle: int, passed: bool) -> ModelError:
    what = f"its call to {call.name[:MAX_NAME_CHARS]} {'worked' if passed else 'failed'}"
    if cycle > 1:
        what = f"its last {cycle} calls ended"
    return ModelError(
        f"The model is repeating itself: {what} in the same way {maximum} times. The call: {call.arguments[:QUOTE_CHARS]}",
        advice="Describe more precisely what is wrong and where, or choose another model in DAYHAND_MODEL.",
    )


def _nudge(reply: Reply) -> str:
    if reply.truncated:
        return "Your reply reached its length limit before you called a tool. Continue in smaller steps."
    if not reply.text.strip():
        return "Your reply was empty. Continue with a tool, or call finish if the work is done."
    return (
        "You called no tool. Your message only goes to the log. If the work is done, or cannot be done, call finish "
        "with title and summary; otherwise continue."
    )
