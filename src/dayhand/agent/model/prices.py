"""What tokens cost: a table that ships with us, and the operator's own in front of it."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path

from dayhand.errors import SettingsError

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """One model's prices, in dollars for a million tokens."""

    input: float
    output: float
    cached: float | None = None  # None: the same as other input
    written: float | None = None
    long_from: int = 0  # 0: a long prompt costs no more
    long_input: float = 1.0
    long_output: float = 1.0
    window: int = 0  # tokens that the model can read at once; 0: not known

    def dollars(self, *, input_tokens: int, cached: int = 0, written: int = 0, output: int = 0) -> float:
        """What one request cost. ``cached`` and ``written`` are parts of ``input_tokens``."""
        far = bool(self.long_from) and input_tokens > self.long_from
        plain = max(0, input_tokens - cached - written)
        read = plain * self.input
        read += cached * (self.input if self.cached is None else self.cached)
        read += written * (self.input if self.written is None else self.written)
        made = output * self.output
        return (read * (self.long_input if far else 1) + made * (self.long_output if far else 1)) / MILLION


Prices = Mapping[str, Price]


def load(own: Path | None = None) -> Prices:
    """Read the shipped table and, in front of it, the operator's. Raises ``SettingsError`` for a bad entry."""
    shipped = files("dayhand.agent.model").joinpath("prices.toml").read_text(encoding="utf-8")
    table = _parse(shipped, "prices.toml")
    if own is None:
        return table
    try:
        text = own.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(
            f"The price file {own} cannot be read: {reason}.",
            advice="Point DAYHAND_PRICES at a TOML file, or leave it out.",
        ) from error
    return {**table, **_parse(text, str(own))}


def price_of(prices: Prices, model: str) -> Price | None:
    """The price of a model; a name with a date at its end has the price of the name without."""
    return prices.get(model) or prices.get(re.sub(r"-\d{4}-\d\d-\d\d$", "", model))


def _parse(text: str, name: str) -> dict[str, Price]:
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name} is not TOML: {error}.") from error
    return {model: _price(values, f"{name}, [{model}]") for model, values in raw.items()}


def _price(values: object, where: str) -> Price:
    known = {field.name for field in fields(Price)}
    if not isinstance(values, dict) or not {"input", "output"} <= set(values) <= known:
        raise SettingsError(f"{where}: needs input and output, and knows only {', '.join(sorted(known))}.")
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise SettingsError(f"{where}: {name} must be a number of dollars, not {value!r}.")
    return Price(**values)
