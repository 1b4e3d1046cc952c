"""A pool that is told to stop: its jobs end in their own time, no other one is begun, and no one has crashed."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

from redis import Redis
from rq import Queue, get_current_job
from rq.serializers import JSONSerializer

from dayhand.ledger.keys import TextRedis
from dayhand.ledger.queue import AllowedJob, JobQueue
from dayhand.ledger.redis_server import connect, embedded
from dayhand.worker.pool import Work, WorkerPool
from dayhand.worker.task_worker import TaskWorker
from tests.waiting import PATIENCE, until

BUSY = "tests.worker.test_stop.busy"


class BusyJob(AllowedJob):
    allowed = {BUSY: BUSY}  # noqa: RUF012


class BusyWorker(TaskWorker):
    job_class = BusyJob


def busy() -> None:
    """Be in the middle of something until the worker is told to stop, and then for as long as it takes."""
    job: Any = get_current_job()
    redis = job.connection
    redis.rpush("begun", job.id)
    redis.rpush("stopping", str(job.stopping.wait(PATIENCE)))
    redis.blpop("go on", 25)  # less than a client waits for an answer
    redis.rpush("ended", job.id)


def open_queue(connection: Redis) -> Queue:
    return JobQueue("busy", connection=connection, serializer=JSONSerializer, job_class=BusyJob)


def free(redis: TextRedis, _worker: str, crashed: bool) -> None:
    redis.rpush("freed", str(crashed))


def run_pool(url: str) -> None:
    jobs = partial(partial, BusyWorker, find_shortage=str, note=print)
    work = Work(open_queue, lambda at_once: jobs(at_once=at_once), free=free, wake=lambda _redis, _raw: None)
    WorkerPool(work, 1, url, stop_seconds=PATIENCE).run()


def test_what_is_in_the_middle_of_something_gets_its_time(tmp_path: Path) -> None:
    with embedded(tmp_path) as url, connect(url) as redis:
        for name in ("first", "second"):
            open_queue(Redis.from_url(url)).enqueue(BUSY, job_id=name, job_timeout=int(PATIENCE))
        if not (pool := os.fork()):
            try:
                run_pool(url)
            finally:
                os._exit(0)
        try:
            until(lambda: redis.llen("begun"))
            os.kill(pool, signal.SIGTERM)
            until(lambda: redis.llen("stopping"))
            assert redis.lrange("stopping", 0, -1) == ["True"]
            redis.rpush("go on", "")
            os.waitpid(pool, 0)
        except AssertionError:
            os.kill(pool, signal.SIGKILL)
            raise
        assert redis.lrange("ended", 0, -1) == ["first"]
        assert redis.lrange("rq:queue:busy", 0, -1) == ["second"]
        assert redis.lrange("freed", 0, -1) == ["False"]
