"""The queue: there is one, its jobs are JSON, and they can start one function only.

An RQ job is only a wake-up. The ledger knows which tasks are unfinished; a job whose task another worker holds just ends.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from redis import Redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import import_attribute

from dayhand.errors import LedgerError
from dayhand.task_deadline import JOB_SECONDS

NAME = "dayhand"
PERFORM = "dayhand.worker.job.perform"
# The functions that a job may name, and what runs for it: jobs of older versions may still wait.
ALLOWED = {PERFORM: PERFORM, "dayhand.worker.perform": PERFORM}
UNREQUESTED = "env-"  # the prefix of the ids of tasks that no person requested


class AllowedJob(Job):
    """A job of ours. RQ alone would import and run any function that somebody who can write into Redis names."""

    @property
    def func(self) -> Callable[..., Any]:
        if self.func_name not in ALLOWED:
            raise LedgerError(
                f"A job names {self.func_name!r}, which is not a job of Dayhand; it is not run."
            )
        function: Callable[..., Any] = import_attribute(ALLOWED[self.func_name])
        return function

    def restore(self, raw_data: Any) -> Any:
        """Read a job without its callbacks and webhooks: they also name functions and addresses, and ours have none."""
        restored = super().restore(raw_data)
        self._success_callback_name = self._failure_callback_name = self._stopped_callback_name = None
        self.webhooks = []
        return restored


def queue(connection: Redis) -> Queue:
    """The only queue. With two, RQ loses the jobs of a dying worker."""
    return Queue(
        NAME,
        connection=connection,
        serializer=JSONSerializer,
        job_class=AllowedJob,
        default_timeout=JOB_SECONDS,
    )


def enqueue(connection: Redis, task_id: str) -> None:
    """Wake a worker for a task. A second wake-up does no harm: its worker finds the task held."""
    job_id = f"{task_id}_{secrets.token_hex(4)}"  # a task's id has no "_", so ``waiting`` can split it off
    queue(connection).enqueue(PERFORM, task_id, job_id=job_id, result_ttl=60, failure_ttl=3600)


def step_aside(connection: Redis, task_id: str) -> bool:
    """Put a task that no person requested back at the end of the queue while a requested one waits.

    Installing the App on a hundred repositories then delays nobody. Returns whether the task was put back.
    """
    if not task_id.startswith(UNREQUESTED) or all(
        waiting_id.startswith(UNREQUESTED) for waiting_id in waiting(connection)
    ):
        return False
    enqueue(connection, task_id)
    return True


def waiting(connection: Redis) -> set[str]:
    """The tasks whose wake-up waits for a worker, without those that a worker took before it died."""
    return {job_id.rpartition("_")[0] for job_id in queue(connection).get_job_ids()}
