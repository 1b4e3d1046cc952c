"""From an RQ job to a journey and back: claim the task, travel, record what came of it."""

from __future__ import annotations

import os
import socket
import traceback
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from redis.exceptions import RedisError
from rq import get_current_job
from rq.timeouts import JobTimeoutException

from dayhand.agent.model.items import spent
from dayhand.errors import DayhandError, HubError, HubUnavailable, LeaseLost, TaskStopped
from dayhand.journey import Tools, travel
from dayhand.ledger.journal import Journal
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.log import TaskLog
from dayhand.ledger.queue import step_aside
from dayhand.ledger.redis_server import at_hand, connect, connect_raw
from dayhand.publish.base import Publication
from dayhand.settings.table import read_settings
from dayhand.task import Proposed, State, Task, Unfinished
from dayhand.wiring import GitHubServices

MAX_ATTEMPTS = 5  # a task that brought its worker down so often, and got no further, is not tried again
FIRST_DELAY = 15.0  # seconds
LONGEST_DELAY = 600.0
MAX_DELAYS = 150  # a day of them


class Shop(Protocol):
    """Where a journey gets its tools: ``wiring.GitHubServices``."""

    def publication(self, task: Task, claim: Claim) -> AbstractContextManager[Publication]:
        """Where people will see this task."""

    def tools(self, task: Task, claim: Claim, publication: Publication) -> AbstractContextManager[Tools]:
        """What the journey needs."""


def perform(task_id: str) -> None:
    """The one job: travel with a task."""
    settings = read_settings()
    job = get_current_job()
    with at_hand(settings.redis_url, settings.data) as redis_url:
        if step_aside(connect_raw(redis_url), task_id):
            return
        ledger = Ledger(connect(redis_url))
        travel_with(task_id, ledger, GitHubServices(settings, ledger), worker=(job and job.worker_name) or "")


def travel_with(task_id: str, ledger: Ledger, shop: Shop, *, worker: str = "") -> None:
    """Claim a task and bring it to an end that the person sees; quietly nothing where another worker has it.

    Where GitHub is away, the task waits and is tried again, later and later, for about a day.
    """
    claim = ledger.claim(task_id, worker or f"{socket.gethostname()}:{os.getpid()}")
    if claim is None:
        return
    task = ledger.task(task_id)
    log = TaskLog(ledger, claim)
    try:
        with claim.kept():
            _travel_told(JobAttempt(task, ledger, claim, log), shop)
    except LeaseLost:
        return  # finished, released, or another worker's: in no case ours to write to


def _travel_told(attempt: JobAttempt, shop: Shop) -> None:
    """Make the attempt where people can see it. Where they cannot be told, the ledger at least knows why."""
    claim, log = attempt.claim, attempt.log
    try:
        if claim.attempt > 2 * MAX_ATTEMPTS:
            raise _worn_out()  # not even the telling worked
        with shop.publication(attempt.task, claim) as publication:
            attempt.make(shop, publication)
    except LeaseLost:
        raise
    except HubUnavailable as error:
        put_off(attempt.ledger, claim, log, error=error)
    except DayhandError as error:
        log.line("error", _sentence(error))
        attempt.ledger.finish(claim, State.FAILED, reason=_sentence(error))


def put_off(ledger: Ledger, claim: Claim, log: TaskLog, *, error: HubUnavailable) -> None:
    """Let the task wait while GitHub is away. Raises ``LeaseLost``."""
    if claim.delays >= MAX_DELAYS:
        log.line("error", _sentence(error))
        ledger.finish(claim, State.FAILED, reason=_sentence(error))
        return
    wait = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(claim.delays, 10))
    reason = f"{error} The task waits and is tried again in {wait:.0f} seconds."
    log.line("error", reason)
    claim.release(again_in=wait, reason=reason)


@dataclass(frozen=True, slots=True)
class JobAttempt:
    """One attempt at a task by this process."""

    task: Task
    ledger: Ledger
    claim: Claim
    log: TaskLog

    def make(self, shop: Shop, publication: Publication) -> None:
        """Travel, and record the outcome. This is the worker's edge: whatever fails here is told to the person."""
        self.log.listen(publication.progress)
        if self.claim.attempt > MAX_ATTEMPTS:
            return self._fail(publication, _worn_out())
        if self.claim.attempt > 1:
            self.log.line("say", "Taken over from a worker that died. What is done is not done again.")
        try:
            with shop.tools(self.task, self.claim, publication) as tools:
                outcome = travel(self.task, tools, self.log)
        except (LeaseLost, HubUnavailable, RedisError):
            raise  # not this task's end: another worker, or this one later, goes on
        except TaskStopped as error:
            self._fail(publication, error, State.STOPPED)
        except JobTimeoutException:
            self._fail(publication, _took_too_long())
        except DayhandError as error:
            self._fail(publication, error)
        except Exception as error:  # noqa: BLE001 - the one edge where the unexpected is told and not swallowed
            self.log.line("error", traceback.format_exc())
            self._fail(publication, _fault(error))
        else:
            state = State.PROPOSED if isinstance(outcome, Proposed) else State.ANSWERED
            self.ledger.finish(self.claim, state, outcome=outcome)

    def _fail(self, publication: Publication, error: DayhandError, state: State = State.FAILED) -> None:
        """Tell the person, then write it down. In this order: a crash between the two tells again, in one place."""
        self.log.line("error", _sentence(error))
        bill = spent(Journal(self.ledger.redis, self.task.id, self.claim))
        try:
            publication.fail(self.task, error, bill)
        except HubUnavailable:
            raise
        except HubError as refused:
            self.log.line("error", f"GitHub did not take the message about this: {refused}")
        self.ledger.finish(self.claim, state, reason=_sentence(error), outcome=Unfinished(bill))


def _sentence(error: DayhandError) -> str:
    return f"{error} {error.advice}".strip()


def _worn_out() -> DayhandError:
    return DayhandError(
        f"This task brought its worker down {MAX_ATTEMPTS} times, so it is not tried again.",
        advice="The worker's own log says how it died; memory is the usual reason.",
    )


def _took_too_long() -> DayhandError:
    return DayhandError(
        "The task took longer than a task may, and did not end where it was to.",
        advice="Ask for a smaller step, or split the issue.",
    )


def _fault(error: Exception) -> DayhandError:
    return DayhandError(
        f"Dayhand itself failed: {type(error).__name__}: {error}",
        advice="That is our fault and not yours. The task's log holds the details; please report them.",
    )
