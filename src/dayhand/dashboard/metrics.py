"""``GET /metrics`` for Prometheus: the table of ``ledger/telemetry/metrics.py``, read from Redis on each scrape.

Any web process reports the counts of all processes, so one of them is scraped, or ``max`` is taken over several.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping

from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from dayhand.errors import LedgerError
from dayhand.ledger import keys
from dayhand.ledger.codec import decode_task
from dayhand.ledger.deliveries import Deliveries
from dayhand.ledger.github_share import GitHubShare
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.telemetry import metrics as table
from dayhand.ledger.telemetry.counters import CounterValues, Increment, add, read_counts
from dayhand.ledger.telemetry.metrics import METRICS, Metric, MetricType
from dayhand.task import State

Family = GaugeMetricFamily | CounterMetricFamily | HistogramMetricFamily
FLUSH_SECONDS = 1.0


def metrics(ledger: Ledger) -> Blueprint:
    """The metrics. They name no repository and no person; ``access.protect`` lets a token of their own read them."""
    blueprint = Blueprint("metrics", __name__)
    registry, answers = CollectorRegistry(), WebhookAnswers(ledger.redis)
    registry.register(FleetMetrics(ledger))

    @blueprint.after_app_request
    def count(answer: Response) -> Response:
        if request.path == "/webhook":
            answers.count(answer.status_code)
        return answer

    @blueprint.get("/metrics")
    def show() -> Response:
        answers.flush()
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return blueprint


class WebhookAnswers:
    """CounterValues the responses to deliveries: a flood of refused ones costs at most one request to Redis a second."""

    def __init__(self, redis: TextRedis) -> None:
        self._redis = redis
        self._lock = threading.Lock()
        self._counted: Counter[int] = Counter()
        self._flushed = time.monotonic()

    def count(self, status: int) -> None:
        with self._lock:
            self._counted[status] += 1
            due = time.monotonic() - self._flushed >= FLUSH_SECONDS
        if due:
            self.flush()

    def flush(self) -> None:
        """Write them to Redis; if it does not answer, with the next ones."""
        with self._lock:
            counted, self._counted, self._flushed = self._counted, Counter(), time.monotonic()
        try:
            add(
                self._redis,
                [Increment(table.DELIVERIES, str(status), number) for status, number in counted.items()],
            )
        except RedisError:
            with self._lock:
                self._counted.update(counted)


class FleetMetrics(Collector):
    """Reads Redis on each scrape."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def describe(self) -> Iterator[Family]:
        """Nothing in advance: Redis may be down when the process starts."""
        return iter(())

    def collect(self) -> Iterator[Family]:
        redis = self._ledger.redis
        try:
            counts = read_counts(redis)
            gauges = {table.REDIS_UP: {"": 1.0}, **self._gauges(redis)}
            ended = {state: float(number) for state, number in self._ledger.ended().items()}
        except RedisError:
            yield _gauge(table.REDIS_UP, {"": 0.0})
            return
        for metric in METRICS:
            match metric.type:
                case MetricType.GAUGE:
                    yield _gauge(metric, gauges[metric])
                case MetricType.COUNTER if metric is table.TASKS_ENDED:
                    yield _counter(metric, {value: ended.get(value, 0.0) for value in table.ENDED_STATES})
                case MetricType.COUNTER:
                    yield _counter(metric, {value: counts.of(metric, value) for value in metric.values})
                case MetricType.HISTOGRAM:
                    yield _histogram(metric, counts)

    def _gauges(self, redis: TextRedis) -> dict[Metric, Mapping[str, float]]:
        states, oldest = self._queue(redis)
        return {
            table.TASKS: {value: float(states[value]) for value in table.TASKS.values},
            table.OLDEST_WAIT: {"": oldest},
            table.DELIVERIES_WAITING: {"": float(Deliveries(redis).waiting())},
            table.GITHUB_LEFT: GitHubShare(redis).left(),
        }

    def _queue(self, redis: TextRedis) -> tuple[Counter[str], float]:
        """The unfinished tasks by state, and how long the oldest queued one has been waiting."""
        with redis.pipeline(transaction=False) as pipe:
            for task_id in redis.smembers(keys.UNFINISHED):
                pipe.hmget(keys.record(task_id), "state", "task")
            rows = [row for row in pipe.execute() if row[0]]
        now = self._ledger.clock()
        waits = [now - _requested_at(text, now) for state, text in rows if state == State.QUEUED]
        return Counter(state for state, _ in rows), max([0.0, *waits])


def _requested_at(text: str, now: float) -> float:
    """When a task was requested; ``now`` if a newer version wrote it."""
    try:
        return decode_task(text).created_at
    except LedgerError:
        return now


def _labels(metric: Metric) -> list[str]:
    return [metric.label] if metric.label else []


def _gauge(metric: Metric, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.help, labels=_labels(metric))
    for value, number in values.items():
        family.add_metric([value] if metric.label else [], number)
    return family


def _counter(metric: Metric, values: Mapping[str, float]) -> CounterMetricFamily:
    family = CounterMetricFamily(metric.name, metric.help, labels=_labels(metric))
    for value, number in values.items():
        family.add_metric([value] if metric.label else [], number)
    return family


def _histogram(metric: Metric, counts: CounterValues) -> HistogramMetricFamily:
    family = HistogramMetricFamily(metric.name, metric.help, labels=_labels(metric))
    for value in metric.values:
        family.add_metric([value], counts.buckets(metric, value), counts.sum(metric, value))
    return family
