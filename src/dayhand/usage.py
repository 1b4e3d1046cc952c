"""The nouns of what a model's work costs, and what limits it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Usage:
    """What the model cost; ``dollars`` is None where no price is known: we say so rather than guess."""

    model: str = ""
    turns: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    dollars: float | None = None
    scripted: bool = False  # a scripted model is called scripted wherever a person sees it
    shares: tuple[Usage, ...] = ()  # by model, in the order they worked, where there were several
    seconds: float = 0.0  # of work: replies, commands, and waiting for a server that is busy


class Resource(StrEnum):
    """What a model's work uses up."""

    MONEY = "money"
    MINUTES = "minutes"
    TOKENS = "tokens"
    TURNS = "turns"


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of one thing a model's work may use, and the setting that says so."""

    means: Resource
    most: float  # dollars, minutes, tokens in and out, or turns
    setting: str

    def words(self, amount: float) -> str:
        """An amount as people read it.

        >>> Limit(Resource.MONEY, 1.5, "").words(0.25)
        '$0.25'
        """
        if self.means is Resource.MONEY:
            return f"${amount:.{2 if self.most >= 1 else 4}f}"
        told = f"{amount:.1f}".removesuffix(".0") if self.means is Resource.MINUTES else f"{amount:,.0f}"
        return f"{told} {self.means.removesuffix('s') if told == '1' else self.means}"


@dataclass(frozen=True, slots=True)
class LimitHit:
    """A limit because of which the model was told to come to an end, and how much it had used when it did."""

    limit: Limit
    used: float
    over: bool  # it had to stop; False: it came to an end by itself, once it was told that little is left


@dataclass(frozen=True, slots=True)
class Switch:
    """A model that could not go on, and the one that took over."""

    model: str
    successor: str
    why: str
