"""What the work on a task may use, what it has used, and what the model is told when little is left.

What the model was told is part of its history, so a worker that takes over a task finds it there. After a compaction
the model is told again. What was spent earlier is in the journal, with each reply.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from dayhand.agent.compaction import History
from dayhand.agent.model.base import Item
from dayhand.agent.model.items import message
from dayhand.errors import LimitReached
from dayhand.ledger.log import TaskLog
from dayhand.usage import Limit, LimitHit, Resource

WARN_SHARE = 0.8  # of a limit: once it is used, the model is told
WARN_TURNS = 5  # left
WARN_REPLIES = 3  # left, if they are like the last one
FINAL_REPLY_MINUTES = 2.0  # reserved for the final reply; a tenth of the limit if that is less
REPOSITORY_SETTING = "`[limits] {}` in `.dayhand.toml` on the default branch"
REQUEST_SETTING = "the limit of {} in the request, with `@bot budget …`"
FINISH_UP = "Finish what you can, leave the work tree in order, then call finish and say what is left."
FINAL_REPLY = (
    "The limit of {} is reached. Your next reply is the last one: no command is run for it, and only `finish` counts. "
    "Say in `summary` what is done and what is left."
)

CHANGED = (
    "The limits of your work have changed: from now on it may use"  # what a comment says that changes them
)


def lower_limits(limits: Sequence[Limit], lower: Mapping[str, float], setting: str) -> tuple[Limit, ...]:
    """The limits, with those of ``lower`` where they are lower: a repository or a person cannot raise a limit."""
    by_resource = {limit.resource: limit for limit in limits}
    for name, maximum in lower.items():
        resource = Resource(name)
        operator = by_resource.get(resource)
        if operator is None or maximum < operator.maximum:
            bound = f", to {operator.format(operator.maximum)} at most" if operator else ""
            by_resource[resource] = Limit(resource, maximum, f"{setting.format(name)}{bound}")
    return tuple(by_resource.values())


class Budget:
    """Compares usage with the limits, after each turn and before each request. ``clock`` returns seconds."""

    def __init__(
        self, limits: Sequence[Limit], history: History, log: TaskLog, *, clock: Callable[[], float]
    ) -> None:
        self._limits = tuple(limits)
        self._history = history
        self._log = log
        self._clock = clock
        self._last_lap = clock()

    def set_limits(self, limits: Sequence[Limit]) -> None:
        """From now on these limits count."""
        self._limits = tuple(limits)

    def lap(self) -> float:
        """Seconds of work since the last reply."""
        before, self._last_lap = self._last_lap, self._clock()
        return max(0.0, self._last_lap - before)

    def seconds_left(self) -> float:
        """The time for commands: until the final reply has to be requested."""
        time_limits = [limit for limit in self._limits if limit.resource is Resource.MINUTES]
        left = [limit.maximum - self._reserve(limit) - self._used(limit) for limit in time_limits]
        return min(left, default=math.inf) * 60

    def check_time(self) -> None:
        """Raise ``LimitReached`` if the time is used up."""
        for limit in self._limits:
            if limit.resource is Resource.MINUTES and self._used(limit) >= limit.maximum:
                raise self.exceeded(limit)

    def check(self) -> None:
        """Raise ``LimitReached`` if one more reply would exceed a limit."""
        self.check_time()
        for limit in self._limits:
            if (
                limit.resource is not Resource.MINUTES
                and self._used(limit) + self._reserve(limit) > limit.maximum
            ):
                raise self.exceeded(limit)

    def exceeded(self, limit: Limit, last_text: str = "") -> LimitReached:
        """The error for a limit. ``last_text`` is the model's last message."""
        used = self._used(limit)
        estimate = f" ({limit.format(used)} used, and one more reply may cost more than is left)"
        rest = (
            estimate if limit.resource in (Resource.MONEY, Resource.TOKENS) and used < limit.maximum else ""
        )
        quote = f" Its last message: “{last_text.strip()[-300:]}”" if last_text.strip() else ""
        return LimitReached(
            f"The model did not finish within {limit.format(limit.maximum)}{rest}.{quote}",
            advice=f"Ask for a smaller step, or raise {limit.setting}.",
        )

    def final_reply_limit(self) -> Limit | None:
        """The limit for which the next reply is the final one; None if it is not."""
        messages = {*self._told_under_these_limits()}
        return next((limit for limit in self._limits if FINAL_REPLY.format(limit.resource) in messages), None)

    def limit_hit(self) -> LimitHit | None:
        """The limit for which the model was told to finish; None if it was not."""
        if final := self.final_reply_limit():
            return LimitHit(final, self._used(final), exceeded=True)
        if not self._told_to_finish():
            return None
        nearest = max(self._limits, key=lambda limit: self._used(limit) / limit.maximum)
        return LimitHit(nearest, self._used(nearest), exceeded=False)

    def remarks(self) -> list[Item]:
        """What to tell the model about its limits after a turn."""
        self._log_unenforceable_limits()
        if final := next(filter(self._allows_one_reply, self._limits), None):
            return self._tell(FINAL_REPLY.format(final.resource))
        near = [limit for limit in self._limits if self._is_near(limit)]
        if not near or self._told_to_finish():
            return []
        left = " and ".join(limit.format(max(0, limit.maximum - self._used(limit))) for limit in near)
        return self._tell(f"You have {left} left. {FINISH_UP}")

    def _tell(self, text: str) -> list[Item]:
        self._log.line("say", f"The model is told: {text}")
        return [message("user", text)]

    def _told_to_finish(self) -> bool:
        return any(text.endswith(FINISH_UP) for text in self._told_under_these_limits())

    def _told_under_these_limits(self) -> list[str]:
        """What the model was told since a person last changed the limits."""
        messages = list(self._history.messages_to_model())
        changes = [number for number, text in enumerate(messages) if CHANGED in text]
        return messages[changes[-1] + 1 :] if changes else messages

    def _log_unenforceable_limits(self) -> None:
        """Log once which limits cannot be enforced, if the price or the number of tokens is not known."""
        money = next((limit for limit in self._limits if limit.resource is Resource.MONEY), None)
        latest = self._history.latest
        if money is None or latest.dollars is not None or latest.scripted or self._history.unpriced != 1:
            return
        if latest.input_tokens:
            lost: tuple[Resource, ...] = (Resource.MONEY,)
            reason = f"The price of {latest.model} is not known, so the limit of {money.format(money.maximum)} cannot be enforced."
            todo = " To fix this, set DAYHAND_PRICES to a price file."
        else:
            lost = (Resource.MONEY, Resource.TOKENS)
            reason = "The model server did not report how many tokens its reply used, so limits of money and tokens cannot be enforced."
            todo = ""
        left = ", ".join(limit.format(limit.maximum) for limit in self._limits if limit.resource not in lost)
        self._log.line("say", f"{reason} What limits the work: {left}.{todo}")

    def _used(self, limit: Limit) -> float:
        usage = self._history.usage
        match limit.resource:
            case Resource.MONEY:
                return self._history.dollars
            case Resource.MINUTES:
                return (usage.seconds + max(0.0, self._clock() - self._last_lap)) / 60
            case Resource.TOKENS:
                return usage.input_tokens + usage.output_tokens
            case Resource.TURNS:
                return usage.turns

    def _reserve(self, limit: Limit) -> float:
        """What one more reply may use: as much as the last one did, which is now a part of the request itself."""
        latest = self._history.latest
        tokens = latest.input_tokens + latest.output_tokens
        growth = 1 + latest.output_tokens / tokens if tokens else 1
        match limit.resource:
            case Resource.MONEY:
                return (latest.dollars or 0.0) * growth
            case Resource.MINUTES:
                return min(FINAL_REPLY_MINUTES, limit.maximum / 10)
            case Resource.TOKENS:
                return tokens * growth
            case Resource.TURNS:
                return 1

    def _is_near(self, limit: Limit) -> bool:
        left = limit.maximum - self._used(limit)
        if limit.resource is Resource.TURNS:
            return left <= WARN_TURNS
        # One more than it is warned about: a reply that costs more than the last one must not skip the warning.
        few_replies = limit.resource is not Resource.MINUTES and left < (WARN_REPLIES + 1) * self._reserve(
            limit
        )
        return few_replies or left <= limit.maximum * (1 - WARN_SHARE)

    def _allows_one_reply(self, limit: Limit) -> bool:
        """Whether exactly one more reply fits into the limit."""
        left, reserve = limit.maximum - self._used(limit), self._reserve(limit)
        return 0 < left <= reserve if limit.resource is Resource.MINUTES else reserve <= left < 2 * reserve
