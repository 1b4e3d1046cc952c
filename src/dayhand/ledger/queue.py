"""The queue: one, of JSON jobs, that can start one function and nothing else.

An RQ job is only a wake-up. The ledger knows which tasks are unfinished; a job that finds its task held just ends.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from redis import Redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from dayhand.errors import LedgerError

NAME = "dayhand"
PERFORM = "dayhand.worker.job.perform"
JOB_SECONDS = 2 * 3600  # then RQ ends the job, wherever it stands
WORK_SECONDS = JOB_SECONDS - 600  # then the journey ends it, and what was done is kept
UNASKED = "env-"  # how the ids of tasks begin that no person asked for


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

    def restore(self, raw_data: Any) -> Any:
        """Read a job without its callbacks and webhooks: they name functions and addresses too, and ours has none."""
        restored = super().restore(raw_data)
        self._success_callback_name = self._failure_callback_name = self._stopped_callback_name = None
        self.webhooks = []
        return restored


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
    """Wake a worker for a task. Twice does no harm: the second finds the task held."""
    job_id = f"{task_id}_{secrets.token_hex(4)}"  # a task's id has no "_": ``waiting`` reads it back
    queue(connection).enqueue(PERFORM, task_id, job_id=job_id, result_ttl=60, failure_ttl=3600)


def step_aside(connection: Redis, task_id: str) -> bool:
    """Let what a person asked for go first: what nobody asked for goes to the queue's end where such a task waits.

    A hundred repositories that the App was just let into then keep nobody waiting.
    """
    if not task_id.startswith(UNASKED) or all(one.startswith(UNASKED) for one in waiting(connection)):
        return False
    enqueue(connection, task_id)
    return True


def waiting(connection: Redis) -> set[str]:
    """The tasks whose wake-up waits for a worker. One that was taken by a worker that died is not among them."""
    return {job_id.rpartition("_")[0] for job_id in queue(connection).get_job_ids()}
