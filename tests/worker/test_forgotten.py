"""What is kept of a repository is deleted once its App was removed for long, and nothing else is, and nothing too early."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis

from dayhand.checkout.repository import open_mirror
from dayhand.ledger import keys
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import TaskLog
from dayhand.ledger.redis_server import connect, embedded
from dayhand.ledger.repository_notes import accept_head, record_installation, record_push, record_removal
from dayhand.task import State
from dayhand.worker.forgotten import DAY, HOUR, Forgetter
from tests.tasks import make_task

SHOP, OTHER = "acme/shop", "acme/shop-2"  # the name of one begins with that of the other
DAYS = 30


@dataclass(slots=True)
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class Installation:
    """A ledger and a data folder with the traces of two repositories, and a clock for both."""

    redis: Redis
    data: Path
    clock: Clock = field(default_factory=Clock)
    environments: list[float] = field(default_factory=list)  # when their use had to be later
    tasks: int = 0

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.redis, clock=self.clock)

    def run_task(self, repository: str, *, finished: bool = True) -> str:
        self.tasks += 1
        task_id = f"t-{self.tasks}"
        task = make_task(id=task_id, repository=repository, created_at=self.clock())
        self.ledger.open(task, delivery=task_id, thread=f"{repository}#{self.tasks}")
        claim = self.ledger.claim(task_id, "me")
        assert claim
        TaskLog(self.ledger, claim).line("output", f"a line about {repository}")
        if finished:
            self.ledger.finish(claim, State.ANSWERED)
        accept_head(self.ledger, repository, "c" * 40, login="ada")
        record_push(self.ledger, repository, "c" * 40, commits=["c" * 40], login="ada")
        mirror = open_mirror(self.data, repository, "")
        with mirror.locked():
            mirror.path.mkdir(exist_ok=True)
        lock = mirror.path.with_suffix(".lock")
        os.utime(lock, (self.clock(), self.clock()))
        return task_id

    def pass_days(self, days: float) -> None:
        """Let time pass, and the janitor look at its end."""
        self.clock.now += days * DAY
        Forgetter(self.data, DAYS, self.environments.append, self.clock).look(self.ledger)

    def traces(self, repository: str) -> list[str]:
        """The keys and mirrors that name a repository, or one of its tasks."""
        tasks = [record.task.id for record in self.ledger.recent(0) if record.task.repository == repository]
        names = [
            key
            for key in self.redis.scan_iter()
            for name in (repository, *tasks)
            if key.endswith(f":{name}") or f":{name}:" in key or f":{name}#" in key
        ]
        return sorted([*names, *(["mirror"] if open_mirror(self.data, repository, "").path.exists() else [])])


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded(tmp_path_factory.mktemp("forgotten")) as url:
        yield url


@pytest.fixture
def place(redis_url: str, tmp_path: Path) -> Iterator[Installation]:
    with connect(redis_url) as client:
        client.flushall()
        installation = Installation(client, tmp_path)
        record_installation(installation.ledger, 11, [SHOP, OTHER])
        yield installation


def test_what_is_kept_of_a_removed_repository_is_deleted_after_the_period_and_not_before(
    place: Installation,
) -> None:
    place.run_task(SHOP)
    record_removal(place.ledger, 11, [SHOP])
    before = place.traces(SHOP)
    place.pass_days(DAYS - 0.1)
    place.run_task(OTHER)
    kept = place.traces(OTHER)
    assert place.traces(SHOP) == before
    assert len(before) > 5
    place.pass_days(0.2)
    assert place.traces(SHOP) == []
    assert place.traces(OTHER) == kept
    assert [record.task.repository for record in place.ledger.recent(0)] == [OTHER]
    assert place.redis.zcard(keys.REMOVED) == 0


def test_installed_again_within_the_period_nothing_is_lost(place: Installation) -> None:
    place.run_task(SHOP)
    record_removal(place.ledger, 11, [SHOP])
    place.pass_days(DAYS - 1)
    record_installation(place.ledger, 12, [SHOP])
    place.pass_days(DAYS)
    assert [record.task.repository for record in place.ledger.recent(0)] == [SHOP]


@pytest.mark.parametrize("late", ["after the new installation", "after a new task"])
def test_a_removal_that_arrives_late_deletes_nothing(place: Installation, late: str) -> None:
    place.run_task(SHOP)
    if late == "after a new task":
        record_removal(place.ledger, 11, [SHOP])
        place.clock.now += 60
        place.run_task(SHOP)  # the delivery about the new installation was lost
    else:
        record_installation(place.ledger, 12, [SHOP])
        record_removal(place.ledger, 11, [SHOP])
    place.pass_days(DAYS + 1)
    assert {record.task.repository for record in place.ledger.recent(0)} == {SHOP}
    assert place.redis.zcard(keys.REMOVED) == 0


def test_an_unfinished_task_keeps_its_repository_until_it_ends(place: Installation) -> None:
    task_id = place.run_task(SHOP, finished=False)
    record_removal(place.ledger, 11, [SHOP])
    place.pass_days(DAYS + 1)
    assert place.ledger.record(task_id).state is State.RUNNING
    place.ledger.ask_to_stop(task_id, "ada")
    place.redis.srem(keys.UNFINISHED, task_id)
    place.redis.hset(keys.record(task_id), "state", State.STOPPED)
    place.pass_days(1)
    assert place.traces(SHOP) == []


def test_a_cache_that_was_used_or_is_in_use_stays(place: Installation) -> None:
    place.run_task(SHOP)
    place.run_task(OTHER)
    bundles, bases = place.data / "mirrors" / "bundles", place.data / "bases"
    for folder, name in ((bundles, "old.bundle"), (bundles, "new.bundle"), (bases, "old.json")):
        folder.mkdir(exist_ok=True)
        (folder / name).touch()
        os.utime(folder / name, (place.clock(), place.clock()))
    (bundles / "lock").touch()
    os.utime(bundles / "lock", (place.clock(), place.clock()))
    used = place.clock.now + (DAYS + 1) * DAY
    os.utime(bundles / "new.bundle", (used, used))
    in_use = open_mirror(place.data, OTHER, "").path.with_suffix(".lock")
    with in_use.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        place.pass_days(DAYS + 1)
    assert not open_mirror(place.data, SHOP, "").path.exists()
    assert open_mirror(place.data, OTHER, "").path.exists()
    assert sorted(path.name for path in (*bundles.iterdir(), *bases.iterdir())) == ["lock", "new.bundle"]
    assert place.environments == [place.clock() - DAYS * DAY]
    assert len(place.ledger.recent(0)) == 2, "the App is still installed: tasks are not caches"


def test_it_looks_once_an_hour(place: Installation) -> None:
    forgetter = Forgetter(place.data, DAYS, place.environments.append, place.clock)
    for seconds in (0.0, 1.0, HOUR - 2, 1.0, 1.0):
        place.clock.now += seconds
        forgetter.look(place.ledger)
    assert len(place.environments) == 2
