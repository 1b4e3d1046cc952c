"""``dayhand dispatch``: turns stored deliveries into tasks, replies and reactions. It cannot run code.

A delivery stays in Redis until it was handled: while GitHub does not answer, or rejects our credentials, it waits.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache

from redis import Redis
from rq import SimpleWorker, get_current_job
from rq.job import Job
from rq.timeouts import JobTimeoutException

from dayhand.errors import HubError, HubUnavailable, IntakeError
from dayhand.hub.auth import load_key
from dayhand.hub.client import Hub
from dayhand.hub.errors import UNAUTHORIZED
from dayhand.intake.dispatch import Dispatcher
from dayhand.intake.events import parse
from dayhand.intake.refusals import Notice
from dayhand.ledger.deliveries import Deliveries, StoredDelivery
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.queue import DispatchJob, dispatch_queue, enqueue, enqueue_delivery, waiting_deliveries
from dayhand.ledger.redis_server import at_hand, connect, connect_raw
from dayhand.publish.wording.comment import refusal
from dayhand.settings.required import app_key, require_app, require_data
from dayhand.settings.table import Settings, read_settings
from dayhand.untrusted_text import clean
from dayhand.worker.pool import SILENT_SECONDS, Work, WorkerPool

DISPATCHERS = 4  # a delivery takes about a second, which is the time of GitHub's answers
MAX_ATTEMPTS = 5  # deaths of a dispatcher, or faults, after which a delivery is given up
MAX_WAIT_SECONDS = 3 * 24 * 3600.0  # as long as GitHub keeps deliveries
FIRST_DELAY, LONGEST_DELAY = 2.0, 600.0  # seconds


class DispatchWorker(SimpleWorker):
    """An RQ worker that handles deliveries in its own process, with one client of GitHub for all of them."""

    job_class = DispatchJob

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        """RQ would add a minute to the heartbeat."""
        return SILENT_SECONDS


def run_dispatchers(settings: Settings) -> None:
    """Handle deliveries until asked to stop."""
    require_app(settings)
    if not settings.redis_url:
        require_data(settings)
    load_key(app_key(settings))  # fail now, and not for each delivery
    with at_hand(settings.redis_url, settings.data) as redis_url:
        WorkerPool(DELIVERIES, DISPATCHERS, redis_url).run()


def dispatch(guid: str) -> None:
    """The function of every job: handle one delivery."""
    job = get_current_job()
    settings = read_settings()
    with at_hand(settings.redis_url, settings.data) as redis_url:
        _open(redis_url).handle(guid, worker=(job and job.worker_name) or "")


@cache
def _open(redis_url: str) -> DeliveryHandler:
    """One for a process: what it found out about the App holds for all deliveries."""
    return open_handler(read_settings(), redis_url)


def open_handler(settings: Settings, redis_url: str) -> DeliveryHandler:
    """What handles the deliveries in this Redis. Raises ``SettingsError``."""
    redis, raw = connect(redis_url), connect_raw(redis_url)
    hub = Hub(settings.api_url, settings.app_id, app_key(settings))

    def reply(notice: Notice) -> None:
        """Tell a person something on their issue or pull request."""
        subject = notice.subject
        repository = hub.repository(subject.installation, subject.repository).for_comments()
        try:
            repository.comment(subject.number, refusal(notice.login, notice.text), marker=notice.marker)
        finally:
            repository.close()

    dispatcher = Dispatcher(
        ledger=Ledger(redis),
        hub=hub,
        enqueue=lambda task_id: enqueue(raw, task_id),
        reply=reply,
        label=settings.label,
        handles=settings.handles,
    )
    return DeliveryHandler(Deliveries(redis), dispatcher)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an attempt: a line for the operator, and when the next one is due."""

    text: str
    again_in: float | None = None  # seconds; None: the delivery is done with


@dataclass(frozen=True, slots=True)
class DeliveryHandler:
    """Handles stored deliveries, each by one worker at a time."""

    deliveries: Deliveries
    dispatcher: Dispatcher

    def handle(self, guid: str, *, worker: str) -> None:
        """Do what a delivery asks, or let it wait; nothing if another worker holds it or it was handled."""
        delivery = self.deliveries.claim(guid, worker)
        if delivery is None:
            return
        with self.deliveries.kept(guid, worker):
            result = self._attempt(delivery)
            line = f"dayhand: delivery {guid} ({delivery.event}): {result.text}"
            print(clean(line), file=sys.stderr, flush=True)
            if result.again_in is None:
                self.deliveries.done(guid, worker)
            else:
                self.deliveries.postpone(guid, worker, seconds=result.again_in)

    def _attempt(self, delivery: StoredDelivery) -> Result:
        """Make one attempt. After any other error, such as that of a Redis that is away, the claim expires by itself."""
        if delivery.attempts > MAX_ATTEMPTS:
            return Result(f"given up: its dispatcher died or failed {MAX_ATTEMPTS} times")
        try:
            decision = self.dispatcher.decide(parse(delivery.event, delivery.body), delivery.guid)
        except (HubUnavailable, JobTimeoutException) as error:
            return _later(delivery, str(error))
        except HubError as error:
            if error.status == UNAUTHORIZED:  # an operator can correct the credentials
                return _later(delivery, str(error))
            return Result(f"given up: {error} {error.advice}")
        except IntakeError as error:  # stored by another version
            return Result(f"given up: {error}")
        return Result(decision.reason or f"task {decision.task}")


def _later(delivery: StoredDelivery, reason: str) -> Result:
    """Wait, longer each time; give up after three days."""
    if delivery.waited > MAX_WAIT_SECONDS:
        return Result(f"given up after three days: {reason}")
    wait = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(delivery.delays, 10))
    return Result(f"{reason} It is tried again in {wait:.0f} seconds.", wait)


def free_deliveries(redis: TextRedis, worker: str) -> None:
    """Free the delivery of a dead dispatcher."""
    Deliveries(redis).free(worker)


def wake_deliveries(redis: TextRedis, raw: Redis) -> None:
    """Enqueue the deliveries that are due and have no job: they waited, or the process that should wake us died."""
    if due := Deliveries(redis).due():
        woken = waiting_deliveries(raw)
        for guid in due:
            if guid not in woken:
                enqueue_delivery(raw, guid)


DELIVERIES = Work(dispatch_queue, DispatchWorker, free=free_deliveries, wake=wake_deliveries)
