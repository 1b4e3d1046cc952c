"""The metrics of Dayhand: one table, which ``/metrics`` serves and ``docs/monitoring.md`` shows.

https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

import re
from enum import StrEnum

from dayhand import errors
from dayhand.ledger.states import UNFINISHED
from dayhand.startup.records import dataclass
from dayhand.task import Stage, State

OTHER = "other"  # what is not in the table is counted together, so that the number of series has a bound
SECONDS = (1, 3, 10, 30, 60, 180, 600, 1800, 3600)  # upper bounds of the buckets of a histogram


class MetricType(StrEnum):
    """As Prometheus names them."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table. It has at most one label, and each of its values is known in advance."""

    name: str
    type: MetricType
    meaning: str
    label: str = ""
    values: tuple[str, ...] = ("",)

    @property
    def help(self) -> str:
        """The meaning as plain text."""
        text = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", self.meaning).replace("`", "")
        return f"{text[0].upper()}{text[1:]}."

    def value(self, text: str) -> str:
        """The value of the label under which ``text`` is counted."""
        return text if text in self.values else OTHER


def _counter(name: str, meaning: str, label: str = "", *, values: tuple[str, ...] = ("",)) -> Metric:
    return Metric(name, MetricType.COUNTER, meaning, label, (*values, OTHER) if label else values)


def _gauge(name: str, meaning: str, label: str = "", *, values: tuple[str, ...] = ("",)) -> Metric:
    return Metric(name, MetricType.GAUGE, meaning, label, values)


NAMED_ERRORS = tuple(
    sorted(
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.DayhandError)
    )
)
ENDED_STATES = tuple(state for state in State if state not in UNFINISHED)

REDIS_UP = _gauge("dayhand_redis_up", "1 while Redis answers; otherwise only this metric is reported")
TASKS = _gauge(
    "dayhand_tasks", "tasks that are queued or running", "state", values=tuple(sorted(UNFINISHED, key=str))
)
OLDEST_WAIT = _gauge("dayhand_oldest_wait_seconds", "how long the oldest queued task has been waiting")
DELIVERIES_WAITING = _gauge(
    "dayhand_deliveries_waiting", "webhook deliveries that no dispatcher has handled yet"
)
GITHUB_LEFT = _gauge(
    "dayhand_github_budget_left_ratio",
    "how much is left of GitHub's hourly limits, from 0 to 1, of the installation that has the least: "
    "of its requests, and of what may be created; not reported while nothing was sent for an hour",
    "limit",
    values=("requests", "creations"),
)
TASKS_ENDED = _counter("dayhand_tasks_ended_total", "tasks that ended", "state", values=ENDED_STATES)
DELIVERIES = _counter(
    "dayhand_deliveries_total",
    "webhook deliveries, by the HTTP status of the response",
    "status",
    values=("202", "400", "401", "413", "503"),
)
HANDLED = _counter(
    "dayhand_deliveries_handled_total",
    "what dispatchers made of deliveries: a task, nothing to do, a retry later, or given up",
    "outcome",
    values=("task", "nothing", "retry", "given_up"),
)
FAILURES = _counter(
    "dayhand_failures_total",
    "tasks that failed, by the [error](errors.md) that ended them; `InternalFault` is a bug in Dayhand",
    "error",
    values=NAMED_ERRORS,
)
POSTPONED = _counter(
    "dayhand_postponements_total",
    "how often a task went back into the queue, by the error that it waits for",
    "error",
    values=NAMED_ERRORS,
)
STAGE_SECONDS = Metric(
    "dayhand_stage_seconds",
    MetricType.HISTOGRAM,
    "how long the stages of tasks took",
    "stage",
    (*Stage, OTHER),
)
TURNS = _counter("dayhand_model_turns_total", "replies of the model")
TOKENS = _counter(
    "dayhand_model_tokens_total",
    "tokens of the model; `cached` ones are part of `input`",
    "kind",
    values=("input", "cached", "output"),
)
DOLLARS = _counter("dayhand_model_dollars_total", "what the model cost, where its price is known")
SANDBOX_STARTS = _counter(
    "dayhand_sandbox_starts_total", "sandboxes that were opened", "backend", values=("bubblewrap", "docker")
)

METRICS = (
    REDIS_UP,
    TASKS,
    OLDEST_WAIT,
    TASKS_ENDED,
    FAILURES,
    POSTPONED,
    DELIVERIES,
    DELIVERIES_WAITING,
    HANDLED,
    STAGE_SECONDS,
    TURNS,
    TOKENS,
    DOLLARS,
    SANDBOX_STARTS,
    GITHUB_LEFT,
)
