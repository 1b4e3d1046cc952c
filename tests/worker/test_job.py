"""The worker's edge: whatever becomes of a task is told to the person and written down, once."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ExecAbortError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq.timeouts import JobTimeoutException

from dayhand.environment.declared.dayhand_toml import RepoConfig
from dayhand.errors import (
    AppRejected,
    CheckoutError,
    DataDeleted,
    DayhandError,
    DiskFull,
    HubError,
    HubUnavailable,
    InstallationSuspended,
    LeaseLost,
    MirrorDamaged,
    NewerRecord,
    SandboxError,
    TaskStopped,
)
from dayhand.journey_tools import Tools
from dayhand.ledger import keys
from dayhand.ledger.journal import Journal
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.log import LogReader
from dayhand.ledger.redis_server import connect, embedded
from dayhand.publish.base import Publication
from dayhand.task import State, Task
from dayhand.usage import Usage
from dayhand.worker.job import (
    FIRST_DELAY,
    MAX_ATTEMPTS,
    MAX_DELAYS,
    NEWER_DELAY,
    travel_with,
)
from tests.tasks import find_abandoned, make_task
from tests.waiting import becomes_true

TASK = make_task()


@dataclass
class Told:
    """A publication that only listens; ``deaf`` is what it raises when it is to tell a failure."""

    heard: list[str] = field(default_factory=list)
    failures: list[DayhandError] = field(default_factory=list)
    deaf: Exception | None = None

    def progress(self, note: Any) -> None:
        self.heard.append(note.text)

    def fail(self, _task: Task, error: DayhandError, _spent: Usage | None = None) -> None:
        if self.deaf:
            raise self.deaf
        self.failures.append(error)


@dataclass
class Checkout:
    """The journey's first stop: ``act`` is all that happens there."""

    act: Callable[[], None]

    def cancelled_by(self, _check: Callable[[], None]) -> Checkout:
        return self

    def fetch(self, _task: Task) -> SimpleNamespace:
        self.act()
        return SimpleNamespace(config=RepoConfig())


@dataclass
class Services:
    """Tools of a journey that gets as far as its first stage."""

    act: Callable[[], None]
    listener: Told = field(default_factory=Told)
    notified: list[tuple[str, State]] = field(default_factory=list)

    @contextmanager
    def publication(self, _task: Task, _claim: Claim) -> Iterator[Publication]:
        yield cast("Publication", self.listener)

    def notify(self, task: Task, state: State, _outcome: object) -> None:
        self.notified.append((task.id, state))

    @contextmanager
    def tools(self, task: Task, claim: Claim, publication: Publication) -> Iterator[Tools]:
        nothing = cast("Any", None)
        memory = Journal(claim.ledger.redis, task.id, claim)
        sandbox = cast("Any", SimpleNamespace(name="none", toolchains=()))
        notes = cast("Any", SimpleNamespace(questioned_by=lambda: "another task"))
        checkout = cast("Any", Checkout(self.act))
        yield Tools(checkout, sandbox, nothing, publication, memory, nothing, notes, nothing)


def failing(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded(tmp_path_factory.mktemp("worker")) as url:
        yield url


@pytest.fixture
def ledger(redis_url: str) -> Iterator[Ledger]:
    with connect(redis_url) as client:
        client.flushall()
        ledger = Ledger(client)
        ledger.open(TASK, delivery="d-1", thread="acme/shop#7:fix")
        yield ledger


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (CheckoutError("No clone.", advice="Look."), State.FAILED, "No clone. Look."),
        (HubError("GitHub refused.", status=403), State.FAILED, "GitHub refused."),
        (TaskStopped("ann stopped this task."), State.STOPPED, "ann stopped this task."),
        (JobTimeoutException("7200"), State.FAILED, "The task took longer than allowed, and did not"),
        (ValueError("oh"), State.FAILED, "Dayhand itself failed: ValueError: oh"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_failure_is_told_to_the_person_and_written_down(
    ledger: Ledger, error: Exception, state: State, reason: str
) -> None:
    services = Services(failing(error))
    travel_with(ledger.claim(TASK.id, "w"), services)
    record = ledger.record(TASK.id)
    assert record.state is state
    assert record.reason.startswith(reason)
    assert [f"{error} {error.advice}".strip() for error in services.listener.failures] == [record.reason]
    assert LogReader(ledger.redis).read(TASK.id)[-1].text == record.reason
    assert find_abandoned(ledger) == []


def test_a_fault_of_our_own_leaves_its_traceback_in_the_log(ledger: Ledger) -> None:
    travel_with(ledger.claim(TASK.id, "w"), Services(failing(ValueError("oh"))))
    errors = [note.text for note in LogReader(ledger.redis).read(TASK.id) if note.kind == "error"]
    assert "Traceback" in errors[0]
    assert "raise error" in errors[0]


def test_a_task_that_somebody_holds_is_left_alone(ledger: Ledger) -> None:
    holder = ledger.claim(TASK.id, "one")
    services = Services(failing(AssertionError("it was touched")))
    travel_with(ledger.claim(TASK.id, "w"), services)
    assert services.listener == Told()
    assert holder is not None
    holder.check()


def test_whoever_loses_the_lease_stops_without_a_word(ledger: Ledger) -> None:
    def lose() -> None:
        ledger.drop("slow")
        assert ledger.claim(TASK.id, "quick") is not None
        raise SandboxError("The box broke.")

    services = Services(lose)
    travel_with(ledger.claim(TASK.id, "slow"), services)
    assert services.listener.failures == []
    record = ledger.record(TASK.id)
    assert (record.state, record.reason) == (State.RUNNING, "")


def test_a_journey_that_sees_the_lease_lost_ends_quietly(ledger: Ledger) -> None:
    services = Services(failing(LeaseLost("gone")))
    travel_with(ledger.claim(TASK.id, "w"), services)
    assert services.listener.failures == []
    assert ledger.record(TASK.id).state is State.RUNNING


def test_while_github_is_away_the_task_waits_longer_and_longer(ledger: Ledger) -> None:
    services = Services(failing(HubUnavailable("GitHub does not answer.")))
    waits = []
    for _ in range(8):
        travel_with(ledger.claim(TASK.id, "w"), services)
        waits.append(round(ledger.redis.pttl(keys.lease(TASK.id)) / 1000))
        ledger.redis.delete(keys.lease(TASK.id))  # the wait is over
    assert waits == [FIRST_DELAY, 30, 60, 120, 240, 480, 600, 600]
    record = ledger.record(TASK.id)
    assert record.state is State.QUEUED
    assert record.reason == "GitHub does not answer. The task will be retried in 600 seconds."
    assert services.listener.failures == []
    assert not any("takes over" in text for text in services.listener.heard)


def test_github_that_stays_away_for_a_day_ends_the_task(ledger: Ledger) -> None:
    ledger.redis.hset(keys.record(TASK.id), "delays", MAX_DELAYS)
    travel_with(ledger.claim(TASK.id, "w"), Services(failing(HubUnavailable("GitHub does not answer."))))
    assert ledger.record(TASK.id).state is State.FAILED


@pytest.mark.parametrize("error", [AppRejected("GitHub rejects us."), InstallationSuspended("Suspended.")])
def test_while_github_rejects_the_app_the_task_waits_for_three_days(
    ledger: Ledger, error: AppRejected
) -> None:
    services = Services(failing(error))
    for delays, state in ((MAX_DELAYS, State.QUEUED), (3 * MAX_DELAYS, State.FAILED)):
        ledger.redis.hset(keys.record(TASK.id), "delays", delays)
        travel_with(ledger.claim(TASK.id, "w"), services)
        assert ledger.record(TASK.id).state is state
        ledger.redis.delete(keys.lease(TASK.id))
    assert services.listener.failures == []


def test_a_stop_while_github_is_away_ends_the_task_in_the_ledger(ledger: Ledger) -> None:
    services = Services(
        failing(HubUnavailable("GitHub does not answer.")), Told(deaf=HubUnavailable("Away."))
    )
    travel_with(ledger.claim(TASK.id, "w"), services)
    ledger.ask_to_stop(TASK.id, "ada")
    travel_with(ledger.claim(TASK.id, "w"), services)  # without a wait: the stop ended it
    record = ledger.record(TASK.id)
    assert (record.state, record.reason.partition(".")[0]) == (State.STOPPED, "ada stopped this task")


def test_a_failure_that_github_does_not_take_is_still_written_down(ledger: Ledger) -> None:
    services = Services(failing(SandboxError("No box.")), Told(deaf=HubError("Locked.", status=403)))
    travel_with(ledger.claim(TASK.id, "w"), services)
    assert ledger.record(TASK.id).reason == "No box."
    assert "GitHub refused the message about this failure: Locked." in services.listener.heard


def test_a_failure_that_cannot_be_told_yet_is_told_later(ledger: Ledger) -> None:
    services = Services(failing(SandboxError("No box.")), Told(deaf=HubUnavailable("Away.")))
    travel_with(ledger.claim(TASK.id, "w"), services)
    assert ledger.record(TASK.id).state is State.QUEUED
    ledger.redis.delete(keys.lease(TASK.id))
    services.listener.deaf = None
    travel_with(ledger.claim(TASK.id, "w"), services)
    assert [str(error) for error in services.listener.failures] == ["No box."]
    assert ledger.record(TASK.id).state is State.FAILED


AWAY = (
    OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
    RedisConnectionError("Connection refused."),
    RedisTimeoutError("Timeout reading from socket"),
    ReadOnlyError("You can't write against a read only replica."),
    ExecAbortError("Transaction discarded because of previous errors."),
    ResponseError("MISCONF Errors writing to the AOF file: No space left on device"),
)


def test_no_number_of_outages_of_redis_ends_a_task_or_counts_as_a_crash(ledger: Ledger) -> None:
    for error in AWAY * 3:
        services = Services(failing(error))
        travel_with(ledger.claim(TASK.id, "w"), services)
        record = ledger.record(TASK.id)
        assert (record.state, services.listener.failures) == (State.QUEUED, []), error
        assert find_abandoned(ledger) == [TASK.id], "anybody may continue at once"
    services = Services(failing(CheckoutError("It got here.")))
    travel_with(ledger.claim(TASK.id, "w"), services)
    assert ledger.record(TASK.id).reason == "It got here."
    assert not any("worker died" in text for text in services.listener.heard), "a false story"


@pytest.fixture
def refusing(ledger: Ledger) -> Iterator[Callable[[], object]]:
    """From this call on, Redis takes no writes."""
    ledger.redis.config_resetstat()
    yield lambda: ledger.redis.config_set("min-replicas-to-write", 1) and ledger.redis.set("a", "")
    ledger.redis.config_set("min-replicas-to-write", 0)


def test_a_task_is_held_until_redis_takes_writes_again(
    ledger: Ledger, refusing: Callable[[], object]
) -> None:
    def refused() -> int:
        return int(ledger.redis.info("errorstats").get("errorstat_NOREPLICAS", {}).get("count", 0))

    worker = threading.Thread(target=travel_with, args=(ledger.claim(TASK.id, "w"), Services(refusing)))
    worker.start()
    assert becomes_true(lambda: refused() > 2)
    assert (worker.is_alive(), ledger.record(TASK.id).state) == (True, State.RUNNING)
    ledger.redis.config_set("min-replicas-to-write", 0)
    worker.join()
    again = ledger.claim(TASK.id, "w")
    assert again
    assert again.attempt == 1, "it has not crashed"


def test_a_worker_that_is_stopped_while_redis_is_away_does_not_wait_for_it(
    ledger: Ledger, refusing: Callable[[], object]
) -> None:
    stopping = threading.Event()

    def stop() -> None:
        stopping.set()
        refusing()

    travel_with(ledger.claim(TASK.id, "w"), Services(stop), stopping=stopping)
    assert ledger.record(TASK.id).state is State.RUNNING, "its pool frees it"


def test_a_record_that_redis_cannot_work_on_is_a_fault_and_not_an_outage(ledger: Ledger) -> None:
    error = ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")
    services = Services(failing(error))
    travel_with(ledger.claim(TASK.id, "w"), services)
    assert ledger.record(TASK.id).reason.startswith("Dayhand itself failed: ResponseError: WRONGTYPE")


def test_a_task_that_kills_its_workers_is_not_tried_for_ever(ledger: Ledger) -> None:
    for _ in range(MAX_ATTEMPTS):
        assert ledger.claim(TASK.id, "victim") is not None
        ledger.drop("victim")
    services = Services(failing(AssertionError("it was tried again")))
    travel_with(ledger.claim(TASK.id, "w"), services)
    assert "The worker died 5 times in a row on this task" in ledger.record(TASK.id).reason
    assert len(services.listener.failures) == 1


def test_a_worker_that_is_stopped_hands_the_task_back_and_no_number_of_restarts_ends_it(
    ledger: Ledger,
) -> None:
    for _ in range(2 * MAX_ATTEMPTS + 1):
        stopping = threading.Event()
        services = Services(stopping.set)
        travel_with(ledger.claim(TASK.id, "w"), services, stopping=stopping)
        record = ledger.record(TASK.id)
        assert (record.state, services.listener.failures) == (State.QUEUED, [])
        assert find_abandoned(ledger) == [TASK.id], "anybody may continue at once"
    assert record.reason == "Its worker was stopped. Another one continues."
    services = Services(failing(CheckoutError("It got here.")))
    travel_with(ledger.claim(TASK.id, "w"), services)
    assert ledger.record(TASK.id).reason == "It got here."
    assert not any("worker died" in text for text in services.listener.heard), "a false story"


def test_a_worker_that_does_not_stop_in_time_is_killed_and_that_does_not_count_either(ledger: Ledger) -> None:
    for _ in range(2 * MAX_ATTEMPTS + 1):
        claim = ledger.claim(TASK.id, "slow")
        assert claim
        assert claim.attempt == 1
        ledger.drop("slow", crashed=False)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        CheckoutError("git fetch: fatal: write error: No space left on device"),
    ],
)
def test_a_task_that_meets_a_full_disk_waits_and_goes_on(ledger: Ledger, error: Exception) -> None:
    services = Services(failing(error))
    travel_with(ledger.claim(TASK.id, "w"), services)
    record = ledger.record(TASK.id)
    assert (record.state, services.listener.failures) == (State.QUEUED, [])
    assert record.reason == "The worker's disk is full. The task will be retried in 15 seconds."
    assert record.reason in services.listener.heard, "people read it in the check run"
    ledger.redis.delete(keys.lease(TASK.id))  # 15 seconds later
    travel_with(ledger.claim(TASK.id, "w"), Services(failing(CheckoutError("It got here."))))
    assert ledger.record(TASK.id).reason == "It got here."


@pytest.mark.parametrize("error", [MirrorDamaged, DataDeleted])
def test_a_task_whose_worker_lost_files_waits_and_goes_on(ledger: Ledger, error: type[DayhandError]) -> None:
    services = Services(failing(error("The copy is damaged.")))
    travel_with(ledger.claim(TASK.id, "w"), services)
    record = ledger.record(TASK.id)
    assert (record.state, services.listener.failures) == (State.QUEUED, [])
    assert record.reason == "The copy is damaged. The task will be retried in 15 seconds."


def test_a_task_stops_before_the_disk_is_full_so_that_no_check_fails_for_it(ledger: Ledger) -> None:
    services = Services(lambda: None)
    short = failing(DiskFull("Only 9 MB of disk are free."))
    travel_with(ledger.claim(TASK.id, "w"), services, check_disk=short)
    record = ledger.record(TASK.id)
    assert (record.state, services.listener.failures) == (State.QUEUED, [])
    assert record.reason.startswith("Only 9 MB of disk are free.")


def test_a_task_that_cannot_even_be_told_of_ends_in_the_ledger(ledger: Ledger) -> None:
    services = Services(
        failing(AssertionError("it was tried again")), Told(deaf=ValueError("a fault in the telling"))
    )
    for _ in range(MAX_ATTEMPTS):
        assert ledger.claim(TASK.id, "victim") is not None
        ledger.drop("victim")
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(ValueError, match="in the telling"):
            travel_with(ledger.claim(TASK.id, "victim"), services)
        ledger.drop("victim")
    travel_with(ledger.claim(TASK.id, "w"), services)
    assert ledger.record(TASK.id).state is State.FAILED


def test_a_worker_that_is_killed_in_mid_task_is_followed_by_another(ledger: Ledger) -> None:
    began, go_on = os.pipe()
    victim = os.fork()
    if victim == 0:
        try:
            _travel_and_hang(str(ledger.redis.connection_pool.connection_kwargs["path"]), go_on)
        finally:
            os._exit(1)
    assert os.read(began, 1) == b"x"  # it is in the middle of its first stage
    assert find_abandoned(ledger) == []
    os.kill(victim, signal.SIGKILL)
    os.waitpid(victim, 0)
    ledger.drop("victim")
    services = Services(failing(CheckoutError("The second one got here too.")))
    travel_with(ledger.claim(TASK.id, "w"), services)
    lines = LogReader(ledger.redis).read(TASK.id)
    assert [note.line for note in lines] == list(range(1, len(lines) + 1))
    assert [note.text for note in lines] == [
        "fetch",
        "Another worker died or did not answer; this one takes over. Finished steps are not repeated.",
        "fetch",
        "The second one got here too.",
    ]
    assert ledger.record(TASK.id).state is State.FAILED
    for end in (began, go_on):
        os.close(end)


def _travel_and_hang(socket: str, tell: int) -> None:
    """In a child: claim the task, and stay in its first stage."""

    def hang() -> None:
        os.write(tell, b"x")
        signal.pause()

    travel_with(
        Ledger(Redis(unix_socket_path=socket, decode_responses=True)).claim(TASK.id, "victim"), Services(hang)
    )


def test_a_task_that_a_newer_version_wrote_waits_and_says_why(ledger: Ledger) -> None:
    ledger.redis.hset(keys.record(TASK.id), "task", '{"version": 99}')
    services = Services(lambda: None)
    travel_with(ledger.claim(TASK.id, "w"), services)
    state, reason, attempt = ledger.redis.hmget(keys.record(TASK.id), "state", "reason", "attempt")
    assert (state, attempt, services.listener.failures) == ("queued", "0", [])
    assert reason.startswith("A newer version of Dayhand wrote this task")
    assert "Upgrade every Dayhand process" in reason
    assert find_abandoned(ledger) == [], "it is not woken again at once"


def test_work_that_a_newer_version_continued_is_left_to_it_and_not_ended(ledger: Ledger) -> None:
    """The task is of this version, but a newer worker wrote into its journal and was stopped."""
    services = Services(
        failing(NewerRecord("A newer version of Dayhand wrote this entry.", advice="Upgrade."))
    )
    travel_with(ledger.claim(TASK.id, "w"), services)
    record = ledger.record(TASK.id)
    assert (record.state, record.outcome, services.listener.failures) == (State.QUEUED, None, [])
    assert record.reason == "A newer version of Dayhand wrote this entry. Upgrade."
    assert 0 < ledger.redis.pttl(keys.lease(TASK.id)) <= NEWER_DELAY * 1000, "a newer worker takes it soon"
