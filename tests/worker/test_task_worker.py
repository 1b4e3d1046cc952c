"""The worker of several tasks: what it makes of a clock that jumps, and of jobs that it cannot read."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import pytest
from redis import Redis
from rq.serializers import JSONSerializer

from dayhand.agent.guard import WorkLimits
from dayhand.agent.model.retry import RetryPolicy
from dayhand.journey_tools import Tools
from dayhand.ledger.queue import enqueue, queue
from dayhand.ledger.redis_server import connect_raw, embedded
from dayhand.task_deadline import JOB_SECONDS
from dayhand.worker.task_worker import STUCK_SECONDS, TaskWorker

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with embedded(tmp_path_factory.mktemp("worker")) as url, connect_raw(url) as client:
        yield client


def open_worker(raw: Redis) -> TaskWorker:
    note = partial(print, end="")
    return TaskWorker(
        [queue(raw)], at_once=1, find_shortage=str, note=note, connection=raw, serializer=JSONSerializer
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


def test_what_a_task_may_take_is_measured_by_a_clock_that_does_not_jump() -> None:
    clocks = [kind.__dataclass_fields__["clock"].default for kind in (Tools, WorkLimits, RetryPolicy)]
    assert clocks == [time.monotonic] * 3
