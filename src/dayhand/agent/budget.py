"""What a task's work may use, what it has used, and what the model is told when little is left.

What it was told stands in its history, so whoever takes a task over knows it from there, and it is told again after a
compaction. What was spent before stands in the journal, with each reply.
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

NEAR = 0.8  # of a limit: the model is told
NEAR_TURNS = 5
NEAR_REPLIES = 3  # like the last one
LAST_MINUTES = 2.0  # for the last reply, and a tenth of a short time
OWN = "`[limits] {}` in `.dayhand.toml` on the default branch"
FINISH_UP = (
    "Finish what can be finished, leave the work tree in order, then call finish and say what is left."
)
LAST = (
    "The limit of {} is reached. Your next reply is the last one: nothing is run for it any more, only `finish` counts. "
    "Say in `account` what is done and what is left."
)


def lowered(limits: Sequence[Limit], own: Mapping[str, float]) -> tuple[Limit, ...]:
    """The operator's limits, with those of a repository where they are lower: it can raise none."""
    by_means = {limit.resource: limit for limit in limits}
    for name, most in own.items():
        means = Resource(name)
        above = by_means.get(means)
        if above is None or most < above.maximum:
            room = f", to {above.format(above.maximum)} at most" if above else ""
            by_means[means] = Limit(means, most, f"{OWN.format(name)}{room}")
    return tuple(by_means.values())


class Budget:
    """Reckons after each turn, and before each request. ``clock`` gives seconds."""

    def __init__(
        self, limits: Sequence[Limit], history: History, log: TaskLog, *, clock: Callable[[], float]
    ) -> None:
        self._limits = tuple(limits)
        self._history = history
        self._log = log
        self._clock = clock
        self._since = clock()

    def lap(self) -> float:
        """Seconds of work since the last reply."""
        before, self._since = self._since, self._clock()
        return max(0.0, self._since - before)

    def seconds_left(self) -> float:
        """For commands: until the last reply has to be asked for."""
        times = [limit for limit in self._limits if limit.resource is Resource.MINUTES]
        left = [limit.maximum - self._reserve(limit) - self._used(limit) for limit in times]
        return min(left, default=math.inf) * 60

    def check_time(self) -> None:
        """Raise ``LimitReached`` where the time is over."""
        for limit in self._limits:
            if limit.resource is Resource.MINUTES and self._used(limit) >= limit.maximum:
                raise self.exceeded(limit)

    def check(self) -> None:
        """Raise ``LimitReached`` where one more reply would go over a limit."""
        self.check_time()
        for limit in self._limits:
            if (
                limit.resource is not Resource.MINUTES
                and self._used(limit) + self._reserve(limit) > limit.maximum
            ):
                raise self.exceeded(limit)

    def exceeded(self, limit: Limit, said: str = "") -> LimitReached:
        """The failure's name. ``said``: the model's last words."""
        used = self._used(limit)
        spent = f" ({limit.format(used)} used, and one more reply may cost more than is left)"
        rest = spent if limit.resource in (Resource.MONEY, Resource.TOKENS) and used < limit.maximum else ""
        words = f" Its last words: “{said.strip()[-300:]}”" if said.strip() else ""
        return LimitReached(
            f"The model did not finish within {limit.format(limit.maximum)}{rest}.{words}",
            advice=f"Ask for a smaller step, or raise {limit.setting}.",
        )

    def last_word(self) -> Limit | None:
        """The limit because of which the next reply is the last; None where it is not."""
        told = {*self._history.told_since()}
        return next((limit for limit in self._limits if LAST.format(limit.resource) in told), None)

    def limit_hit(self) -> LimitHit | None:
        """The limit that the model was told to finish for; None where it was not."""
        if last := self.last_word():
            return LimitHit(last, self._used(last), exceeded=True)
        if not self._told_to_finish():
            return None
        nearest = max(self._limits, key=lambda limit: self._used(limit) / limit.maximum)
        return LimitHit(nearest, self._used(nearest), exceeded=False)

    def remarks(self) -> list[Item]:
        """What the model should hear of its limits after a turn."""
        self._admit()
        if last := next(filter(self._ends, self._limits), None):
            return self._tell(LAST.format(last.resource))
        near = [limit for limit in self._limits if self._near(limit)]
        if not near or self._told_to_finish():
            return []
        left = " and ".join(limit.format(max(0, limit.maximum - self._used(limit))) for limit in near)
        return self._tell(f"You have {left} left. {FINISH_UP}")

    def _tell(self, text: str) -> list[Item]:
        self._log.line("say", f"The model is told: {text}")
        return [message("user", text)]

    def _told_to_finish(self) -> bool:
        return any(text.endswith(FINISH_UP) for text in self._history.told_since())

    def _admit(self) -> None:
        """Say once, where the price is not known, which limits cannot be kept."""
        money = next((limit for limit in self._limits if limit.resource is Resource.MONEY), None)
        latest = self._history.latest
        if money is None or latest.dollars is not None or latest.scripted or self._history.unpriced != 1:
            return
        if latest.input_tokens:
            why = f"The price of {latest.model} is not known, so the limit of {money.format(money.maximum)} cannot be kept."
            self._log.line("say", f"{why} The other limits hold. A price file mends that (DAYHAND_PRICES).")
        else:
            why = "The model's server did not say how many tokens its reply took, so limits of money and tokens cannot be kept."
            self._log.line("say", f"{why} Those of minutes and turns hold.")

    def _used(self, limit: Limit) -> float:
        usage = self._history.usage
        match limit.resource:
            case Resource.MONEY:
                return self._history.dollars
            case Resource.MINUTES:
                return (usage.seconds + max(0.0, self._clock() - self._since)) / 60
            case Resource.TOKENS:
                return usage.input_tokens + usage.output_tokens
            case Resource.TURNS:
                return usage.turns

    def _reserve(self, limit: Limit) -> float:
        """What one more reply may take: as much as the last one did."""
        latest = self._history.latest
        match limit.resource:
            case Resource.MONEY:
                return latest.dollars or 0.0
            case Resource.MINUTES:
                return min(LAST_MINUTES, limit.maximum / 10)
            case Resource.TOKENS:
                return latest.input_tokens + latest.output_tokens
            case Resource.TURNS:
                return 1

    def _near(self, limit: Limit) -> bool:
        left = limit.maximum - self._used(limit)
        if limit.resource is Resource.TURNS:
            return left <= NEAR_TURNS
        few = limit.resource is not Resource.MINUTES and left < NEAR_REPLIES * self._reserve(limit)
        return few or left <= limit.maximum * (1 - NEAR)

    def _ends(self, limit: Limit) -> bool:
        """Whether there is room for one more reply, and for no turn before it."""
        left, one = limit.maximum - self._used(limit), self._reserve(limit)
        return 0 < left <= one if limit.resource is Resource.MINUTES else one <= left < 2 * one
