"""Two queues, for tasks and for deliveries: their jobs are JSON, and they can start one function only.

An RQ job is only a wake-up. The ledger knows which tasks are unfinished and which deliveries nobody handled. A worker that is
woken claims the task or the delivery whose turn it is (``waiting/``), whichever its job names; a job ends at once if there is none.
"""

from __future__ import annotations

import re
import secrets
import zlib
from collections.abc import Callable, Mapping
from threading import Event
from typing import Any, ClassVar

from redis import Redis
from redis.exceptions import ResponseError
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.intermediate_queue import IntermediateQueue
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


JOB_ID = re.compile(rb"[A-Za-z0-9_-]{1,200}")
# What is read of a job. Any other field has no use for ours: it could end a worker (a date that is none), stop somebody's task
# early (a limit of time), run for ever (repeats, retries), or name strange functions and addresses (callbacks, webhooks).
FIELDS = ("data", "created_at", "enqueued_at", "status", "origin", "result_ttl", "failure_ttl")
# What RQ raises for one of these that cannot be read.
UNREADABLE = (ValueError, TypeError, AssertionError, AttributeError, LookupError, zlib.error, ResponseError)


class JobQueue(Queue):
    """A queue that drops what is no id of a job. RQ would decode it, fail, and end its worker, and then each next one."""

    @classmethod
    def lmove(cls, connection: Redis, queue_key: str, timeout: int | None) -> tuple[str, bytes] | None:
        """Take the next id, and note that it was taken."""
        while found := super().lmove(connection, queue_key, timeout):
            if JOB_ID.fullmatch(found[1]):
                return queue_key, found[1]
            _drop_strange(connection, cls.from_queue_key(queue_key, connection).intermediate_queue_key)
        return None

    @property
    def intermediate_queue(self) -> IntermediateQueue:
        """What workers took that did not begin it, maybe because they died in between."""
        _drop_strange(self.connection, self.intermediate_queue_key)
        return super().intermediate_queue

    def get_job_ids(self, offset: int = 0, length: int = -1) -> list[str]:
        """The ids in this queue from ``offset`` on, ``length`` of them if that is not -1."""
        ids = [one.decode() for one in _members(self.connection, self.key) if JOB_ID.fullmatch(one)]
        return ids[offset:][: None if length < 0 else length]


def _drop_strange(connection: Redis, key: str) -> None:
    for one in _members(connection, key):
        if not JOB_ID.fullmatch(one):
            LOGGER.warning("the queue holds %.50r, which is no job, so it is dropped", one)
            connection.lrem(key, 0, one)


def _members(connection: Redis, key: str) -> list[Any]:
    return list(connection.lrange(key, 0, -1))  # bytes; redis-py's types say that it may be text


class AllowedJob(Job):
    """A job of ours. RQ alone would import and run any function that somebody who can write into Redis names."""

    seconds: ClassVar[int] = JOB_SECONDS
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
        """Read what we need of a job, see ``FIELDS``; its time limit is ours."""
        read = ((name, raw_data.get(name.encode())) for name in FIELDS)
        super().restore({name: value for name, value in read if value is not None})
        self.timeout = self.seconds


class DispatchJob(AllowedJob):
    """A job of the dispatcher."""

    seconds = DISPATCH_SECONDS
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
    return JobQueue(
        name,
        connection=connection,
        serializer=JSONSerializer,
        job_class=AllowedJob,
        default_timeout=AllowedJob.seconds,
    )


def dispatch_queue(connection: Redis) -> Queue:
    """The queue of deliveries."""
    return JobQueue(
        DISPATCH_NAME,
        connection=connection,
        serializer=JSONSerializer,
        job_class=DispatchJob,
        default_timeout=DispatchJob.seconds,
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
