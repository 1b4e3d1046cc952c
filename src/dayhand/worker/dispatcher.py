"""``dayhand dispatch``: turns stored deliveries into tasks, replies and reactions. It cannot run code.

A delivery stays in Redis until it was handled: while GitHub does not answer, or rejects our credentials, it waits.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache, partial

from redis import Redis
from redis.exceptions import RedisError
from rq import SimpleWorker, get_current_job
from rq.job import Job
from rq.timeouts import JobTimeoutException

from dayhand.errors import HubError, HubUnavailable, IntakeError, NewerRecord
from dayhand.hub.auth import load_key
from dayhand.hub.client import Hub
from dayhand.hub.requester import Sending
from dayhand.intake.dispatch import Dispatcher
from dayhand.intake.events import parse
from dayhand.intake.origin import Origin, Triggers, origin_of, request_key
from dayhand.intake.refusals import Notice
from dayhand.ledger import keys
from dayhand.ledger.deliveries import Deliveries, StoredDelivery
from dayhand.ledger.github_share import GitHubShare
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.queue import (
    DispatchJob,
    JobQueue,
    dispatch_queue,
    enqueue,
    enqueue_delivery,
    enqueue_look,
    enqueue_notices,
    enqueue_notify,
    waiting_deliveries,
)
from dayhand.ledger.redis_server import at_hand, connect, connect_raw
from dayhand.ledger.repository_notes import record_use
from dayhand.ledger.spending import read_caps
from dayhand.ledger.telemetry.audit import Action, audit
from dayhand.ledger.telemetry.counters import Increment, count
from dayhand.ledger.telemetry.metrics import HANDLED
from dayhand.ledger.telemetry.notifications import Notifications
from dayhand.process_log.fields import LOGGER, log_fields
from dayhand.publish.waiting_notices import WaitingNotices
from dayhand.publish.wording.comment import refusal
from dayhand.settings.required import app_key, open_redis, require_app, require_data
from dayhand.settings.table import Settings, read_settings
from dayhand.startup.records import dataclass
from dayhand.worker.missed import Missed
from dayhand.worker.pool import SILENT_SECONDS, Work, WorkerPool
from dayhand.worker.reconcile import Reconciler

LOOK_SECONDS = 180  # between two looks for missed deliveries, and two looks at repositories
NOTICE_SECONDS = 10  # between two rounds of notices
NOTIFY_SECONDS = 2  # between two looks for notifications
DISPATCHERS = 6  # a delivery takes about a second, which is the time of GitHub's answers
MAX_ATTEMPTS = 5  # deaths of a dispatcher, or faults, after which a delivery is given up
SENDING = Sending(pauses=(1.0,))  # a delivery that fails is kept and tried again, and others go first
MAX_WAIT_SECONDS = 3 * 24 * 3600.0  # as long as GitHub keeps deliveries
NOWHERE = Origin()
FIRST_DELAY, LONGEST_DELAY = 2.0, 600.0  # seconds


class DispatchWorker(SimpleWorker):
    """An RQ worker that handles deliveries in its own process, with one client of GitHub for all of them."""

    queue_class = JobQueue
    job_class = DispatchJob

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        """RQ would add a minute to the heartbeat."""
        return SILENT_SECONDS


def run_dispatchers(settings: Settings) -> None:
    """Handle deliveries until asked to stop; those that are being handled then are finished."""
    require_app(settings)
    if not settings.redis_url:
        require_data(settings)
    load_key(app_key(settings))  # fail now, and not for each delivery
    every = settings.poll or LOOK_SECONDS
    work = Work(
        dispatch_queue,
        lambda _at_once: DispatchWorker,
        free=free_deliveries,
        wake=partial(wake_dispatchers, every=every),
    )
    with open_redis(settings) as redis_url:
        with suppress(RedisError):
            # deliveries may have failed while we were away
            connect(redis_url, quick=True).delete(keys.LOOKED, keys.LOOKED_AROUND)
        WorkerPool(work, DISPATCHERS, redis_url, stop_seconds=settings.stop_seconds).run()


def dispatch(_guid: str) -> None:
    """The function of every job: handle the delivery whose turn it is, which may be another than was named."""
    job = get_current_job()
    settings = read_settings()
    with at_hand(settings.redis_url, settings.data) as redis_url:
        _open_handler(redis_url).handle_next(worker=(job and job.worker_name) or "")


def look_for_missed() -> None:
    """The function of a job: store the deliveries that did not reach us, and what no delivery told us of."""
    settings = read_settings()
    with at_hand(settings.redis_url, settings.data) as redis_url:
        look_around(settings, connect(redis_url), connect_raw(redis_url))


def look_around(settings: Settings, redis: TextRedis, raw: Redis) -> None:
    """Look in GitHub's list of deliveries, and in the repositories themselves at most every three minutes."""
    try:
        for guid in open_missed(settings, redis, raw).fetch():
            LOGGER.info("delivery %s: fetched from GitHub's list", guid)
        if redis.set(keys.LOOKED_AROUND, "", nx=True, ex=LOOK_SECONDS):
            for guid in open_reconciler(settings, redis, raw).look():
                LOGGER.info("delivery %s: GitHub sent none; this was found in the repository", guid)
    except HubError as error:  # the next look reads the same
        LOGGER.warning("%s %s", error, error.advice)


def write_notices() -> None:
    """The function of a job: tell people that their tasks wait."""
    settings = read_settings()
    with at_hand(settings.redis_url, settings.data) as redis_url:
        try:
            lines = open_notices(settings, connect(redis_url)).write()
        except HubUnavailable as error:  # the next round says the same
            lines = [str(error)]
        for text in lines:
            LOGGER.info("%s", text)


def open_notices(settings: Settings, redis: TextRedis) -> WaitingNotices:
    """What tells people that their tasks wait. Raises ``SettingsError``."""
    return WaitingNotices(Ledger(redis), _open_hub(settings, redis), settings.url)


def _open_hub(settings: Settings, redis: TextRedis) -> Hub:
    return Hub(
        settings.api_url, settings.app_id, app_key(settings), share=GitHubShare(redis), sending=SENDING
    )


def open_missed(settings: Settings, redis: TextRedis, raw: Redis) -> Missed:
    """What fetches the deliveries that did not reach us. Raises ``SettingsError``."""
    return Missed(
        _open_hub(settings, redis).auth,
        Deliveries(redis),
        wake=lambda guid: enqueue_delivery(raw, guid),
        all_of_them=bool(settings.poll),
    )


def open_reconciler(settings: Settings, redis: TextRedis, raw: Redis) -> Reconciler:
    """What finds the requests that no delivery told us of. Raises ``SettingsError``."""
    hub = _open_hub(settings, redis)
    return Reconciler(
        hub, Deliveries(redis), lambda guid: enqueue_delivery(raw, guid), _triggers(settings, hub)
    )


def _triggers(settings: Settings, hub: Hub) -> Triggers:
    return Triggers(settings.label, lambda: [*settings.handles, hub.slug()])


@cache
def _open_handler(redis_url: str) -> DeliveryHandler:
    """One for a process: what it found out about the App holds for all deliveries."""
    return open_handler(read_settings(), connect(redis_url), connect_raw(redis_url))


def open_handler(settings: Settings, redis: TextRedis, raw: Redis) -> DeliveryHandler:
    """What handles the deliveries in this Redis. Raises ``SettingsError``."""
    hub = _open_hub(settings, redis)

    def reply(notice: Notice) -> None:
        """Tell a person something on their issue or pull request."""
        subject = notice.subject
        repository = hub.repository(subject.installation, subject.repository).for_comments()
        try:
            text = refusal(notice.login, notice.text, links=notice.links)
            repository.comment(subject.number, text, marker=notice.marker)
        finally:
            repository.close()

    dispatcher = Dispatcher(
        ledger=Ledger(redis),
        hub=hub,
        enqueue=lambda task_id: enqueue(raw, task_id),
        reply=reply,
        label=settings.label,
        handles=settings.handles,
        caps=read_caps(settings.daily_dollars, settings.daily_usage),
    )
    return DeliveryHandler(Deliveries(redis), dispatcher, _triggers(settings, hub))


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What became of an attempt: a line for the operator, and when the next one is due."""

    text: str
    again_in: float | None = None  # seconds; None: the delivery is done with
    outcome: str = "given_up"  # as it is counted
    task: str = ""
    origin: Origin = NOWHERE
    asks: bool = False  # whether somebody asked for something


@dataclass(frozen=True, slots=True)
class DeliveryHandler:
    """Handles stored deliveries, each by one worker at a time."""

    deliveries: Deliveries
    dispatcher: Dispatcher
    triggers: Triggers

    def handle_next(self, *, worker: str) -> None:
        """Do what the next delivery asks, or let it wait; nothing if none is due that nobody holds."""
        delivery = self.deliveries.claim_next(worker)
        if delivery is None:
            return
        guid = delivery.guid
        with self.deliveries.kept(guid, worker):
            result = self._attempt(delivery)
            with log_fields(delivery=guid, task=result.task, installation=result.origin.installation):
                LOGGER.info("delivery %s (%s): %s", guid, delivery.event, result.text)
            if result.asks:
                self._audit(delivery, result)
            if result.again_in is None:
                self.deliveries.done(guid, worker)
            else:
                self.deliveries.postpone(guid, worker, seconds=result.again_in)
            count(self.deliveries.redis, [Increment(HANDLED, result.outcome)])

    def _audit(self, delivery: StoredDelivery, result: Dispatched) -> None:
        origin = result.origin
        audit(
            self.deliveries.redis,
            Action.ASKED,
            delivery=delivery.guid,
            event=delivery.event,
            who=origin.sender,
            repository=origin.repository,
            number=origin.number or None,
            installation=origin.installation or None,
            task=result.task,
            result=result.text,
        )

    def _attempt(self, delivery: StoredDelivery) -> Dispatched:
        """Make one attempt. After any other error, such as that of a Redis that is away, the claim expires by itself."""
        if delivery.attempts > MAX_ATTEMPTS:
            return Dispatched(f"given up: its dispatcher died or failed {MAX_ATTEMPTS} times")
        try:
            event = parse(delivery.event, delivery.body)
            request = request_key(event, self.triggers)
            if request and not self.deliveries.take_up(request, delivery.guid):
                return Dispatched("another delivery asked the same", outcome="nothing")
            decision = self.dispatcher.decide(event, delivery.guid)
        except (HubUnavailable, JobTimeoutException, NewerRecord) as error:
            return _later(delivery, str(error))
        except HubError as error:
            return Dispatched(f"given up: {error} {error.advice}")
        except IntakeError as error:  # stored by another version
            return Dispatched(f"given up: {error}")
        outcome, task = ("task", decision.task) if decision.task else ("nothing", "")
        if decision.task and (origin := origin_of(event)).installation:
            record_use(self.dispatcher.ledger, origin.installation, origin.repository)
        text = decision.reason or f"task {task}"
        return Dispatched(text, outcome=outcome, task=task, origin=origin_of(event), asks=decision.asks)


def _later(delivery: StoredDelivery, reason: str) -> Dispatched:
    """Wait, longer each time; give up after three days."""
    if delivery.waited > MAX_WAIT_SECONDS:
        return Dispatched(f"given up after three days: {reason}")
    wait = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(delivery.delays, 10))
    return Dispatched(f"{reason} It is tried again in {wait:.0f} seconds.", wait, "retry")


def free_deliveries(redis: TextRedis, worker: str, crashed: bool) -> None:  # noqa: FBT001 - of one kind of call
    """Free the delivery of a dead dispatcher."""
    Deliveries(redis).free(worker, crashed=crashed)


def wake_dispatchers(redis: TextRedis, raw: Redis, *, every: int) -> None:
    """Enqueue the deliveries that are due and have no job, and a look for missed ones ``every`` so many seconds.

    A delivery has no job if it waited, or if the process that should wake us died. A job serves any delivery, so only their number
    counts.
    """
    if redis.set(keys.LOOKED, "", nx=True, ex=every):
        enqueue_look(raw)
    if redis.set(keys.LOOKED_FOR_WAITING, "", nx=True, ex=NOTICE_SECONDS) and _somebody_waits(redis):
        enqueue_notices(raw)
    if Notifications(redis).due() and redis.set(keys.NOTIFYING, "", nx=True, ex=NOTIFY_SECONDS):
        enqueue_notify(raw)
    if due := Deliveries(redis).due():
        for guid in due[len(waiting_deliveries(raw)) :]:
            enqueue_delivery(raw, guid)


def _somebody_waits(redis: TextRedis) -> bool:
    """Whether a task waits, or a comment may still say so."""
    return bool(redis.scard(keys.TOLD) or redis.scard(keys.UNFINISHED) > redis.scard(keys.HELD))
