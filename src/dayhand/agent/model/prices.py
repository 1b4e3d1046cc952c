"""What tokens cost: the table that ships with Dayhand, and the operator's own, which takes precedence."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from importlib.resources import files
from pathlib import Path

from dayhand.errors import SettingsError
from dayhand.startup.records import dataclass

MILLION = 1_000_000
MAX_BYTES = 1024 * 1024  # of a price file
FILE_ADVICE = "Set DAYHAND_PRICES to the path of a TOML file, or remove it."


@dataclass(frozen=True, slots=True)
class Price:
    """One model's prices, in dollars for a million tokens."""

    input: float
    output: float
    cached: float | None = None  # None: the same as input
    written: float | None = None  # None: the same as input
    long_from: int = 0  # tokens; 0: a long prompt costs the same
    long_input: float = 1.0
    long_output: float = 1.0
    window: int = 0  # the context window in tokens; 0: not known

    def dollars(self, *, input_tokens: int, cached: int = 0, written: int = 0, output: int = 0) -> float:
        """The price of one request. ``cached`` and ``written`` are parts of ``input_tokens``."""
        is_long = bool(self.long_from) and input_tokens > self.long_from
        uncached = max(0, input_tokens - cached - written)
        input_price = uncached * self.input
        input_price += cached * (self.input if self.cached is None else self.cached)
        input_price += written * (self.input if self.written is None else self.written)
        output_price = output * self.output
        if is_long:
            input_price *= self.long_input
            output_price *= self.long_output
        return (input_price + output_price) / MILLION


Prices = Mapping[str, Price]


def load(own: Path | None = None) -> Prices:
    """Read the shipped table and the operator's, which takes precedence. Raises ``SettingsError`` for a bad entry."""
    shipped = files("dayhand.agent.model").joinpath("prices.toml").read_text(encoding="utf-8")
    table = _parse(shipped, "prices.toml")
    if own is None:
        return table
    try:
        if own.is_fifo():  # reading it would wait for its other end
            raise SettingsError(f"The price file {own} is a pipe.", advice=FILE_ADVICE)
        with own.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"The price file {own} cannot be read: {reason}.", advice=FILE_ADVICE) from error
    if len(content) > MAX_BYTES:
        raise SettingsError(
            f"The price file {own} is larger than {MAX_BYTES >> 20} MB.",
            advice=FILE_ADVICE,
        )
    return {**table, **_parse(text, str(own))}


def price_of(prices: Prices, model: str) -> Price | None:
    """The price of a model. A name that ends in a date has the price of the name without it."""
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
        raise SettingsError(
            f"{where}: input and output are required; the known keys are {', '.join(sorted(known))}."
        )
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise SettingsError(f"{where}: {name} must be a finite number of at least 0, not {value!r}.")
    return Price(**values)
