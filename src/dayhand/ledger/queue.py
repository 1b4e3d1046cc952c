"""The queue: one, of JSON jobs, that can start one function and nothing else.

An RQ job is only a wake-up. The ledger knows which tasks are unfinished; a job that finds its task held just ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redis import Redis
from rq import Queue
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from dayhand.errors import LedgerError

NAME = "dayhand"
PERFORM = "dayhand.worker.perform"
JOB_SECONDS = 2 * 3600
ALIVE = (JobStatus.QUEUED, JobStatus.STARTED, JobStatus.DEFERRED, JobStatus.SCHEDULED)


class AllowedJob(Job):
    """A job of ours. Whoever writes into Redis could name any function: RQ would import and run it."""

    @property
    def func(self) -> Callable[..., Any]:
        if self.func_name != PERFORM:
            raise LedgerError(
                f"A job names {self.func_name!r}, which is not a job of Dayhand; it is not run."
            )
        function: Callable[..., Any] = super().func
        return function


def queue(connection: Redis) -> Queue:
    """The one queue. With two, RQ loses the jobs of a dying worker."""
    return Queue(
        NAME,
        connection=connection,
        serializer=JSONSerializer,
        job_class=AllowedJob,
        default_timeout=JOB_SECONDS,
    )


def enqueue(connection: Redis, task_id: str) -> None:
    """Wake a worker for a task."""
    queue(connection).enqueue(PERFORM, task_id, result_ttl=60, failure_ttl=3600)


def has_job(connection: Redis, task_id: str) -> bool:
    """Whether a job for this task waits or runs."""
    there = queue(connection)
    ids = [*there.job_ids, *there.started_job_registry.get_job_ids()]
    jobs = Job.fetch_many(ids, connection=connection, serializer=JSONSerializer)
    return any(job is not None and job.args == [task_id] for job in jobs)
