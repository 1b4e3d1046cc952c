"""The nouns of what the model costs, and of its limits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
