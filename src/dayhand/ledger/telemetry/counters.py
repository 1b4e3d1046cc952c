"""Counters in one hash of Redis, so that every web process reports those of all processes. They never decide anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from redis.exceptions import RedisError

from dayhand.ledger import keys
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.telemetry.metrics import DOLLARS, SECONDS, TOKENS, TURNS, Metric
from dayhand.startup.records import dataclass
from dayhand.usage import Usage

INFINITE = "+Inf"


@dataclass(frozen=True, slots=True)
class Increment:
    """How much to add to one counter."""

    metric: Metric
    value: str = ""  # of its label
    amount: float = 1


def count(redis: TextRedis, increments: Iterable[Increment]) -> None:
    """Add to counters, in one round trip. If Redis does not answer, they are not counted."""
    with suppress(RedisError):
        add(redis, increments)


def add(redis: TextRedis, increments: Iterable[Increment]) -> None:
    """As ``count``, but raises redis-py's errors: then nothing, or all, was counted."""
    with redis.pipeline() as pipe:
        for one in increments:
            field = f"{one.metric.name}|{one.metric.value(one.value)}"
            if isinstance(one.amount, int):
                pipe.hincrby(keys.COUNTERS, field, one.amount)
            else:
                pipe.hincrbyfloat(keys.COUNTERS, field, one.amount)
        pipe.execute()


def count_usage(redis: TextRedis, usage: Usage) -> None:
    """What one reply of the model cost."""
    increments = [
        Increment(TURNS, amount=usage.turns),
        Increment(TOKENS, "input", usage.input_tokens),
        Increment(TOKENS, "cached", usage.cached_tokens),
        Increment(TOKENS, "output", usage.output_tokens),
        Increment(DOLLARS, amount=float(usage.dollars or 0)),
    ]
    count(redis, [one for one in increments if one.amount])


def observe(redis: TextRedis, metric: Metric, value: str, *, seconds: float) -> None:
    """Add one duration to a histogram."""
    bucket = next((str(bound) for bound in SECONDS if seconds <= bound), INFINITE)
    with suppress(RedisError), redis.pipeline() as pipe:
        pipe.hincrby(keys.COUNTERS, f"{metric.name}|{metric.value(value)}|{bucket}", 1)
        pipe.hincrbyfloat(keys.COUNTERS, f"{metric.name}|{metric.value(value)}|sum", max(0.0, seconds))
        pipe.execute()


@dataclass(frozen=True, slots=True)
class CounterValues:
    """All counters at one moment."""

    fields: Mapping[str, str]

    def of(self, metric: Metric, value: str) -> float:
        return float(self.fields.get(f"{metric.name}|{value}", 0))

    def buckets(self, metric: Metric, value: str) -> list[tuple[str, float]]:
        """The bounds of a histogram, each with the number of durations up to it, as Prometheus counts them."""
        total, found = 0.0, []
        for bound in (*map(str, SECONDS), INFINITE):
            total += self.of(metric, f"{value}|{bound}")
            found.append((bound, total))
        return found

    def sum(self, metric: Metric, value: str) -> float:
        return self.of(metric, f"{value}|sum")


def read_counts(redis: TextRedis) -> CounterValues:
    return CounterValues(redis.hgetall(keys.COUNTERS))
