"""One RQ job: claim the task whose turn it is, run its journey, record the outcome."""

from __future__ import annotations

import logging
import os
import socket
import threading
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

from redis.exceptions import RedisError
from rq import get_current_job
from rq.timeouts import JobTimeoutException

from dayhand.errors import (
    AppRejected,
    DataDeleted,
    DayhandError,
    DiskFull,
    HubError,
    HubUnavailable,
    InternalFault,
    LeaseLost,
    LedgerError,
    MirrorDamaged,
    NewerRecord,
    TaskStopped,
    WorkerCrashed,
    WorkerStopping,
)
from dayhand.journey import travel
from dayhand.journey_tools import Tools
from dayhand.ledger.journal import usage_so_far
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.log import Note, TaskLog
from dayhand.ledger.queue import ALONE_NAME, AllowedJob
from dayhand.ledger.redis_server import at_hand, connect, takes_nothing
from dayhand.ledger.spending import record_spending
from dayhand.ledger.telemetry.audit import Action, audit
from dayhand.ledger.telemetry.counters import Increment, count
from dayhand.ledger.telemetry.metrics import FAILURES, POSTPONED
from dayhand.ledger.waiting.waiting_tasks import WaitingTasks
from dayhand.process_log.fields import LOGGER, log_fields
from dayhand.publish.base import Publication
from dayhand.settings.table import read_settings
from dayhand.startup.records import dataclass
from dayhand.task import Ending, Proposed, State, Task, Unfinished
from dayhand.wiring.github import GitHubServices
from dayhand.worker.room import disk_faults_as_errors, watched_data

MAX_ATTEMPTS = 5  # worker crashes without progress, after which a task is not retried
FIRST_DELAY = 15.0  # seconds
NEWER_DELAY = 15.0  # of a task that only a newer version can read, during an upgrade
LONGEST_DELAY = 600.0
MAX_DELAYS = 150  # about a day
# While an operator or an owner has to act first, who may be away for a weekend.
MAX_REJECTED_DELAYS = 3 * MAX_DELAYS
HAND_BACK_SECONDS = 0.5  # between two tries


Notify: TypeAlias = Callable[[Task, State, Ending | None], None]


class Services(Protocol):
    """What provides a journey's tools: ``wiring.GitHubServices``."""

    def publication(self, task: Task, claim: Claim) -> AbstractContextManager[Publication]:
        """Where people see this task."""

    def tools(self, task: Task, claim: Claim, publication: Publication) -> AbstractContextManager[Tools]:
        """What the journey needs."""

    def notify(self, task: Task, state: State, outcome: Ending | None) -> None:
        """Tell the operator's chat that a task ends; once, however often it is called."""


def perform(_task_id: str) -> None:
    """The function of every job: run the journey of the task whose turn it is, which may be another than was named."""
    settings = read_settings()
    job = get_current_job()
    with at_hand(settings.redis_url, settings.data) as redis_url, connect(redis_url) as redis:
        ledger = Ledger(redis)
        worker = (job and job.worker_name) or f"{socket.gethostname()}:{os.getpid()}"
        alone = job is not None and job.origin == ALONE_NAME
        # less than where no task is taken, so that a task may use what is there
        with watched_data(settings.data, settings.min_free_mb // 4) as check_disk:
            travel_with(
                WaitingTasks(ledger).claim_next(worker, crashed=alone),
                GitHubServices(settings, ledger),
                stopping=job.stopping if isinstance(job, AllowedJob) else None,
                check_disk=check_disk,
            )


def travel_with(
    claim: Claim | None,
    services: Services,
    *,
    stopping: threading.Event | None = None,
    check_disk: Callable[[], object] = bool,
) -> None:
    """Run the journey of a claimed task; without a claim there is nothing to do. Once ``stopping``, hand it back.

    If GitHub does not answer, or ``check_disk`` raises, the task waits and is retried at growing intervals, for about a day;
    while GitHub rejects the App, for about three.
    """
    if claim is None:
        return
    stopping = stopping or threading.Event()
    try:
        _travel(claim, services, stopping, check_disk=check_disk)
    except LeaseLost:
        return  # finished, released or taken by another worker: it must not be written to
    except RedisError as error:
        if not takes_nothing(error):
            raise
        hand_back(claim, stopping, error)


def _travel(
    claim: Claim, services: Services, stopping: threading.Event, *, check_disk: Callable[[], object]
) -> None:
    ledger = claim.ledger
    try:
        task = ledger.task(claim.task_id)
    except NewerRecord as error:
        leave_to_newer(claim, error)
        return
    except LedgerError as error:
        claim.release(again_in=LONGEST_DELAY, reason=_sentence(error))
        return
    log = TaskLog(ledger, claim)
    log.listen(_log_stage)
    with claim.kept(), log_fields(task=claim.task_id, installation=task.installation):
        LOGGER.info("task %s: attempt %s", claim.task_id, claim.attempt)
        attempt = JobAttempt(task, ledger, claim, log, stopping, check_disk, services.notify)
        _attempt(attempt, services)


def hand_back(claim: Claim, stopping: threading.Event, error: RedisError) -> None:
    """Put a task back into the queue as soon as Redis takes it: that Redis was away or full is no crash of its worker."""
    LOGGER.warning("Redis takes no writes (%s); the task continues when it does.", error)
    while True:
        try:
            claim.release(reason="Redis was away or full. The task continues.")
        except LeaseLost:
            return
        except RedisError:
            if stopping.wait(HAND_BACK_SECONDS):
                return  # the pool frees it
        else:
            return


def _attempt(attempt: JobAttempt, services: Services) -> None:
    """Make the attempt in public. If nothing can be published, the ledger at least records the reason."""
    claim, log = attempt.claim, attempt.log
    try:
        if claim.attempt > 2 * MAX_ATTEMPTS:
            raise _crashed_too_often()  # not even the message about it was published
        with services.publication(attempt.task, claim) as publication:
            attempt.make(services, publication)
    except LeaseLost:
        raise
    except WorkerStopping as error:
        claim.release(reason=str(error))
    except NewerRecord as error:
        leave_to_newer(claim, error)
    except (HubUnavailable, DiskFull, DataDeleted, MirrorDamaged) as error:
        try:
            log.check_stop()
        except TaskStopped as stopped:  # the person knows; GitHub does not
            attempt.end(State.STOPPED, error=stopped)
        else:
            put_off(attempt, error)
    except DayhandError as error:
        log.line("error", _sentence(error))
        attempt.end(State.FAILED, error=error)


def _log_stage(note: Note) -> None:
    """Tell the operator about stages and errors: what commands wrote stays in the task's own log."""
    if note.kind in ("stage", "error"):
        LOGGER.log(logging.INFO if note.kind == "stage" else logging.WARNING, "%s: %s", note.kind, note.text)


def leave_to_newer(claim: Claim, error: NewerRecord) -> None:
    """Put back what a newer version wrote, for a worker of that version. Raises ``LeaseLost``."""
    claim.release(again_in=NEWER_DELAY, reason=_sentence(error))


def put_off(attempt: JobAttempt, error: DayhandError) -> None:
    """Let the task wait while GitHub does not answer or rejects us, or the disk does not serve. Raises ``LeaseLost``."""
    claim, log = attempt.claim, attempt.log
    if claim.delays >= (MAX_REJECTED_DELAYS if isinstance(error, AppRejected) else MAX_DELAYS):
        log.line("error", _sentence(error))
        attempt.end(State.FAILED, error=error)
        return
    wait = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(claim.delays, 10))
    reason = f"{error} The task will be retried in {wait:.0f} seconds."
    log.line("error", reason)
    claim.release(again_in=wait, reason=reason)
    count(attempt.ledger.redis, [Increment(POSTPONED, type(error).__name__)])


@dataclass(frozen=True, slots=True)
class JobAttempt:
    """One attempt at a task by this process."""

    task: Task
    ledger: Ledger
    claim: Claim
    log: TaskLog
    stopping: threading.Event  # set when this process is told to stop
    check_disk: Callable[[], object]  # raises if the task cannot go on on this worker's disk
    notify: Notify  # told before the end is recorded, so that a crash in between loses no notification

    def make(self, services: Services, publication: Publication) -> None:
        """Run the journey and record the outcome. Every failure is caught here and reported to the person."""
        self.log.listen(publication.progress)
        if self.claim.attempt > MAX_ATTEMPTS:
            return self._fail(publication, _crashed_too_often())
        if self.claim.attempt > 1:
            self.log.line(
                "say",
                "Another worker died or did not answer; this one takes over. Finished steps are not repeated.",
            )
        try:
            self.log.check()
            with (
                disk_faults_as_errors(self.check_disk),
                self.log.cancelled_by(self._check_worker, in_replies=False),
                services.tools(self.task, self.claim, publication) as tools,
            ):
                outcome = travel(self.task, tools, self.log)
        except (
            LeaseLost,
            HubUnavailable,
            WorkerStopping,
            DiskFull,
            DataDeleted,
            MirrorDamaged,
            NewerRecord,
        ):
            raise  # not the end of the task: another worker, or this one later, continues
        except TaskStopped as error:
            self._fail(publication, error, State.STOPPED)
        except JobTimeoutException:
            self._fail(publication, _took_too_long())
        except DayhandError as error:
            self._fail(publication, error)
        except Exception as error:  # the only place that reports what nobody expected
            if isinstance(error, RedisError) and takes_nothing(error):
                raise
            self.log.line("error", traceback.format_exc())
            self._fail(publication, _fault(error))
        else:
            state = State.PROPOSED if isinstance(outcome, Proposed) else State.ANSWERED
            self.end(state, outcome=outcome)
            record_spending(self.ledger, self.task, usage_so_far(self.ledger.redis, self.task.id))

    def _check_worker(self) -> None:
        if self.stopping.is_set():
            raise WorkerStopping("Its worker was stopped. Another one continues.")
        self.check_disk()  # before commands fail because of it, which would be a false verdict

    def _fail(self, publication: Publication, error: DayhandError, state: State = State.FAILED) -> None:
        """Tell the person, then record it. In this order, a crash in between only updates the same comment again."""
        self.log.line("error", _sentence(error))
        usage = usage_so_far(self.ledger.redis, self.task.id)
        try:
            publication.fail(self.task, error, usage)
        except HubUnavailable:
            raise
        except HubError as refused:
            self.log.line("error", f"GitHub refused the message about this failure: {refused}")
        self.end(state, error=error, outcome=Unfinished(usage))
        record_spending(self.ledger, self.task, usage)

    def end(self, state: State, *, error: DayhandError | None = None, outcome: Ending | None = None) -> None:
        """Record the end, and tell the operator: in the log, the metrics, the audit log. Raises ``LeaseLost``."""
        task, redis, reason = self.task, self.ledger.redis, type(error).__name__ if error else ""
        self.notify(task, state, outcome)
        self.ledger.finish(self.claim, state, reason=_sentence(error) if error else "", outcome=outcome)
        LOGGER.info("ended as %s%s", state, f": {reason}" if reason else "")
        if state is State.FAILED:
            count(redis, [Increment(FAILURES, reason)])
        where = {"task": task.id, "repository": task.repository, "installation": task.installation}
        audit(redis, Action.ENDED, **where, state=state, error=reason, asked_by=task.ask.asker)


def _sentence(error: DayhandError) -> str:
    return f"{error} {error.advice}".strip()


def _crashed_too_often() -> DayhandError:
    return WorkerCrashed(
        f"The worker died {MAX_ATTEMPTS} times in a row on this task; it will not be retried.",
        advice="The log of the worker says how it died; a lack of memory is the usual reason.",
    )


def _took_too_long() -> DayhandError:
    return DayhandError(
        "The task took longer than allowed, and did not stop in time.",
        advice="Ask for a smaller step, or split the issue.",
    )


def _fault(error: Exception) -> DayhandError:
    return InternalFault(
        f"Dayhand itself failed: {type(error).__name__}: {error}",
        advice="This is a bug in Dayhand. The log of the task has the details; please report them.",
    )
