"""``GET /metrics`` for Prometheus: tasks by state, the longest wait, and deliveries by status.

https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from dayhand.ledger.deliveries import Deliveries
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.states import UNFINISHED
from dayhand.task import State

Family = GaugeMetricFamily | CounterMetricFamily


def metrics(ledger: Ledger) -> Blueprint:
    """The metrics. They name no repository and no person; ``access.protect`` lets a token of their own read them."""
    blueprint = Blueprint("metrics", __name__)
    registry = CollectorRegistry()
    registry.register(Tasks(ledger))
    deliveries = Counter(
        "dayhand_deliveries", "Webhook deliveries that this process answered.", ["status"], registry=registry
    )

    @blueprint.after_app_request
    def count(answer: Response) -> Response:
        if request.path == "/webhook":
            deliveries.labels(str(answer.status_code)).inc()
        return answer

    @blueprint.get("/metrics")
    def show() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return blueprint


class Tasks(Collector):
    """Reads the ledger on each scrape, so that all web processes report the same."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def describe(self) -> Iterator[Family]:
        """Nothing in advance: Redis may be down when the process starts."""
        return iter(())

    def collect(self) -> Iterator[Family]:
        up = GaugeMetricFamily("dayhand_redis_up", "Whether Redis answers.")
        try:
            unfinished, ended = self._ledger.unfinished(), self._ledger.ended()
            deliveries = Deliveries(self._ledger.redis).waiting()
        except RedisError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield GaugeMetricFamily(
            "dayhand_deliveries_waiting", "Deliveries that no dispatcher has handled yet.", deliveries
        )
        tasks = GaugeMetricFamily("dayhand_tasks", "Tasks that are queued or running.", labels=["state"])
        for state in sorted(UNFINISHED):
            tasks.add_metric([state], sum(one.state == state for one in unfinished))
        yield tasks
        total = CounterMetricFamily("dayhand_tasks_ended", "Tasks that ended.", labels=["state"])
        for state in State:
            if state not in UNFINISHED:
                total.add_metric([state], ended.get(state, 0))
        yield total
        waiting = [one.task.created_at for one in unfinished if one.state is State.QUEUED]
        oldest = max(0.0, time.time() - min(waiting)) if waiting else 0
        yield GaugeMetricFamily(
            "dayhand_oldest_wait_seconds",
            "Seconds since the oldest queued task was requested.",
            oldest,
        )
