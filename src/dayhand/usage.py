"""The nouns of what the model costs, and of its limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum

from dayhand.startup.records import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """What the model cost; ``dollars`` is None if the price is unknown: it is never guessed."""

    model: str = ""
    turns: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    dollars: float | None = None
    scripted: bool = False  # pages and comments name a scripted model as such
    by_model: tuple[Usage, ...] = ()  # in the order in which they worked; empty for a single model
    seconds: float = 0.0  # of work: replies, commands, and waiting for a busy server


# How much a model is asked to think, and to write. Not every model knows every word.
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
VERBOSITIES = ("low", "medium", "high")


class Resource(StrEnum):
    """What the model uses up."""

    MONEY = "money"
    MINUTES = "minutes"
    TOKENS = "tokens"
    TURNS = "turns"


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of one resource the model may use for a task, and the setting that says so."""

    resource: Resource
    maximum: float  # dollars, minutes, tokens (input and output), or turns
    setting: str

    def format(self, amount: float) -> str:
        """An amount with its unit.

        >>> Limit(Resource.MONEY, 1.5, "").format(0.25)
        '$0.25'
        """
        if self.resource is Resource.MONEY:
            return f"${amount:.{2 if self.maximum >= 1 else 4}f}"
        number = f"{amount:.1f}".removesuffix(".0") if self.resource is Resource.MINUTES else f"{amount:,.0f}"
        return f"{number} {self.resource.removesuffix('s') if number == '1' else self.resource}"


@dataclass(frozen=True, slots=True)
class AskedLimits:
    """The limits that a person set for one task; 0: none."""

    dollars: float = 0.0
    minutes: float = 0.0

    def __str__(self) -> str:
        """Both, for a sentence.

        >>> str(AskedLimits(3.5, 20))
        '$3.50 and 20 minutes'
        """
        money, time = Limit(Resource.MONEY, self.dollars, ""), Limit(Resource.MINUTES, self.minutes, "")
        return " and ".join(limit.format(limit.maximum) for limit in (money, time) if limit.maximum)

    def changed_by(self, later: AskedLimits) -> AskedLimits:
        """What a later request leaves: it changes only the limits that it names.

        >>> AskedLimits(2, 20).changed_by(AskedLimits(dollars=5))
        AskedLimits(dollars=5, minutes=20)
        """
        return AskedLimits(later.dollars or self.dollars, later.minutes or self.minutes)


@dataclass(frozen=True, slots=True)
class LimitHit:
    """A limit that made the model finish early, and how much was used by then."""

    limit: Limit
    used: float
    exceeded: bool  # True: the model had to stop. False: it finished after a warning that little is left


@dataclass(frozen=True, slots=True)
class Switch:
    """A model that failed, and the one that took over."""

    model: str
    successor: str
    reason: str


def total(usages: Iterable[Usage]) -> Usage:
    """The sum of several usages, in the order in which the models worked."""
    result = Usage(dollars=0.0)
    for usage in usages:
        result = add_usage(result, usage)
    return result


def add_usage(first: Usage, second: Usage) -> Usage:
    """The sum of two usages, with a share for each model if there are several."""
    shares = [*(first.by_model or ((first,) if first.turns else ()))]
    if shares and shares[-1].model == second.model:
        shares[-1] = _sum(shares[-1], second)
    else:
        shares.append(second)
    return replace(_sum(first, second), by_model=tuple(shares) if len(shares) > 1 else ())


def _sum(first: Usage, second: Usage) -> Usage:
    """If one of them has no price, neither has the sum."""
    known = first.dollars is not None and second.dollars is not None
    return Usage(
        second.model or first.model,
        first.turns + second.turns,
        first.input_tokens + second.input_tokens,
        first.cached_tokens + second.cached_tokens,
        first.output_tokens + second.output_tokens,
        (first.dollars or 0.0) + (second.dollars or 0.0) if known else None,
        first.scripted or second.scripted,
        seconds=first.seconds + second.seconds,
    )
