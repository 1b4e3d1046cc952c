"""The worker of several tasks: what it makes of a clock that jumps, and of jobs that it cannot read."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq.serializers import JSONSerializer

from dayhand.agent.guard import WorkLimits
from dayhand.agent.model.retry import RetryPolicy
from dayhand.journey_tools import Tools
from dayhand.ledger.deliveries import Deliveries
from dayhand.ledger.queue import enqueue, queue
from dayhand.ledger.redis_server import connect, connect_raw, embedded
from dayhand.task_deadline import JOB_SECONDS
from dayhand.worker.task_worker import GIVE_WAY_SECONDS, STUCK_SECONDS, TaskWorker
from dayhand.worker.tasks import deliveries_wait

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with embedded(tmp_path_factory.mktemp("worker")) as url, connect_raw(url) as client:
        yield client


def open_worker(raw: Redis, *, waiting: Iterable[object] = ()) -> TaskWorker:
    """A worker that sees, one look after the other, whether deliveries are ``waiting`` for a dispatcher."""
    looks = iter(waiting)
    return TaskWorker(
        [queue(raw)],
        at_once=1,
        find_shortage=str,
        note=partial(print, end=""),
        deliveries_wait=lambda: next(looks, False),
        connection=raw,
        serializer=JSONSerializer,
    )


def beat_with_a_job(raw: Redis, *, seconds: float) -> None:
    """Look at a job that runs for so long, by a clock that has jumped since 1970."""
    enqueue(raw, "t-1")
    worker, (job,) = open_worker(raw), queue(raw).jobs
    execution = worker.prepare_execution(job)
    execution.created_at = LONG_AGO
    worker._running[threading.current_thread()] = job, execution, time.monotonic() - seconds
    worker._beat()


@pytest.mark.parametrize(("seconds", "code"), [(1.0, 0), (JOB_SECONDS + STUCK_SECONDS + 1, 1)])
def test_only_a_job_that_really_ran_too_long_ends_its_worker(raw: Redis, seconds: float, code: int) -> None:
    raw.flushall()
    if not (child := os.fork()):
        try:
            beat_with_a_job(raw, seconds=seconds)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == code


def test_no_task_is_taken_while_deliveries_wait_for_a_dispatcher(raw: Redis) -> None:
    raw.flushall()
    enqueue(raw, "t-1")
    waiting = iter([True, True, False, "left"])
    assert open_worker(raw, waiting=waiting).dequeue_job_and_maintain_ttl(None)
    assert list(waiting) == ["left"], "it was taken after the third look"


def test_a_dispatcher_that_does_not_come_keeps_no_task_waiting(raw: Redis) -> None:
    raw.flushall()
    enqueue(raw, "t-1")
    waiting = iter([True, "left"])
    worker = open_worker(raw, waiting=waiting)
    worker._waited_since = time.monotonic() - GIVE_WAY_SECONDS
    assert worker.dequeue_job_and_maintain_ttl(None)
    assert list(waiting) == ["left"], "it was taken after the first look"


def test_deliveries_wait_until_a_dispatcher_holds_them_and_a_redis_that_is_away_holds_nothing_up(
    tmp_path: Path,
) -> None:
    with embedded(tmp_path) as url, connect(url) as redis:
        deliveries = Deliveries(redis)
        assert not deliveries_wait(deliveries)
        deliveries.store("d-1", "issues", b"{}")
        assert deliveries_wait(deliveries)
        assert deliveries.claim_next("one")
        assert not deliveries_wait(deliveries)
    nowhere = Redis(port=1, decode_responses=True, retry=Retry(NoBackoff(), 0))
    assert not deliveries_wait(Deliveries(nowhere))


def test_what_a_task_may_take_is_measured_by_a_clock_that_does_not_jump() -> None:
    clocks = [kind.__dataclass_fields__["clock"].default for kind in (Tools, WorkLimits, RetryPolicy)]
    assert clocks == [time.monotonic] * 3
