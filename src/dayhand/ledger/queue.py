"""Two queues, for tasks and for deliveries: their jobs are JSON, and they can start one function only.

An RQ job is only a wake-up. The ledger knows which tasks are unfinished and which deliveries nobody handled. A worker that is
woken claims the task or the delivery whose turn it is (``waiting/``), whichever its job names; a job ends at once if there is none.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Callable, Mapping
from threading import Event
from typing import Any, ClassVar

from redis import Redis
from redis.exceptions import ResponseError
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import import_attribute

from dayhand.errors import LedgerError
from dayhand.process_log.fields import LOGGER
from dayhand.task_deadline import JOB_SECONDS

NAME = "dayhand"
ALONE_NAME = "dayhand-alone"
PERFORM = "dayhand.worker.job.perform"
DISPATCH_NAME = "dayhand-dispatch"
DISPATCH = "dayhand.worker.dispatcher.dispatch"
LOOK_FOR_MISSED = "dayhand.worker.dispatcher.look_for_missed"
WRITE_NOTICES = "dayhand.worker.dispatcher.write_notices"
NOTIFY = "dayhand.worker.notify.send_notifications"
DISPATCH_SECONDS = 600  # for one delivery
UNREQUESTED = "env-"  # the prefix of the ids of tasks that no person requested


# What RQ raises for a job with a field that is none of its own.
UNREADABLE = (ValueError, TypeError, AssertionError, AttributeError, LookupError, zlib.error, ResponseError)


class AllowedJob(Job):
    """A job of ours. RQ alone would import and run any function that somebody who can write into Redis names."""

    stopping: Event | None = None  # set when its worker is told to stop

    # The functions that a job may name, and what runs for it: jobs of older versions may still wait.
    allowed: ClassVar[Mapping[str, str]] = {PERFORM: PERFORM, "dayhand.worker.perform": PERFORM}

    @classmethod
    def fetch(cls, id: str, connection: Redis | None = None, serializer: Any = None) -> Job:  # noqa: A002 - RQ's own
        """A job that cannot be read is deleted, and is none: it would end its worker, and then each next one.

        Nothing is lost by that: what a job would have woken is woken again.
        """
        try:
            return super().fetch(id, connection=connection, serializer=serializer)
        except UNREADABLE as error:
            if isinstance(error, ResponseError) and not str(error).startswith("WRONGTYPE"):
                raise
            LOGGER.warning("job %s cannot be read, so it is dropped: %s", id, error)
            if connection:
                connection.delete(cls.key_for(id))
            raise NoSuchJobError(id) from error

    @property
    def func(self) -> Callable[..., Any]:
        name = self.func_name or ""
        if name not in self.allowed:
            raise LedgerError(f"A job names {name!r}, which is not a job of Dayhand; it is not run.")
        function: Callable[..., Any] = import_attribute(self.allowed[name])
        return function

    def restore(self, raw_data: Any) -> Any:
        """Read a job without its callbacks and webhooks: they also name functions and addresses, and ours have none."""
        restored = super().restore(raw_data)
        self._success_callback_name = self._failure_callback_name = self._stopped_callback_name = None
        self.webhooks = []
        return restored


class DispatchJob(AllowedJob):
    """A job of the dispatcher."""

    allowed: ClassVar[Mapping[str, str]] = {
        name: name for name in (DISPATCH, LOOK_FOR_MISSED, WRITE_NOTICES, NOTIFY)
    }


def queue(connection: Redis) -> Queue:
    """The queue of tasks. A worker takes from one queue: with two, RQ loses the jobs of a dying worker."""
    return _task_queue(NAME, connection)


def alone_queue(connection: Redis) -> Queue:
    """The queue of tasks whose process died: each gets a worker of its own, which ends with it."""
    return _task_queue(ALONE_NAME, connection)


def _task_queue(name: str, connection: Redis) -> Queue:
    return Queue(
        name,
        connection=connection,
        serializer=JSONSerializer,
        job_class=AllowedJob,
        default_timeout=JOB_SECONDS,
    )


def dispatch_queue(connection: Redis) -> Queue:
    """The queue of deliveries."""
    return Queue(
        DISPATCH_NAME,
        connection=connection,
        serializer=JSONSerializer,
        job_class=DispatchJob,
        default_timeout=DISPATCH_SECONDS,
    )


def enqueue(connection: Redis, task_id: str, *, alone: bool = False) -> None:
    """Wake a worker for a task. A second wake-up does no harm: its worker finds the task held.

    ``alone``: a worker that takes no other task beside it.
    """
    job_id = f"{task_id}_{secrets.token_hex(4)}"  # a task's id has no "_", so ``waiting`` can split it off
    jobs = alone_queue(connection) if alone else queue(connection)
    jobs.enqueue(PERFORM, task_id, job_id=job_id, result_ttl=60, failure_ttl=3600)


def enqueue_delivery(connection: Redis, guid: str) -> None:
    """Wake a dispatcher for a stored delivery. A second wake-up does no harm."""
    job_id = f"{guid}_{secrets.token_hex(4)}"
    dispatch_queue(connection).enqueue(DISPATCH, guid, job_id=job_id, result_ttl=0, failure_ttl=3600)


def enqueue_notify(connection: Redis) -> None:
    """Wake a dispatcher to send notifications."""
    dispatch_queue(connection).enqueue(NOTIFY, result_ttl=0, failure_ttl=3600)


def enqueue_look(connection: Redis) -> None:
    """Wake a dispatcher to look for deliveries that did not reach us."""
    dispatch_queue(connection).enqueue(LOOK_FOR_MISSED, result_ttl=0, failure_ttl=3600)


def enqueue_notices(connection: Redis) -> None:
    """Wake a dispatcher to tell people that their tasks wait."""
    dispatch_queue(connection).enqueue(WRITE_NOTICES, result_ttl=0, failure_ttl=3600, at_front=True)


def waiting(connection: Redis) -> set[str]:
    """The tasks whose wake-up waits for a worker, without those that a worker took before it died."""
    return _woken(queue(connection)) | _woken(alone_queue(connection))


def waiting_deliveries(connection: Redis) -> set[str]:
    """The GUIDs of the deliveries whose wake-up waits for a dispatcher."""
    return _woken(dispatch_queue(connection)) - {""}  # the jobs for other things


def _woken(jobs: Queue) -> set[str]:
    return {job_id.rpartition("_")[0] for job_id in jobs.get_job_ids()}
