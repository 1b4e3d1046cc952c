"""Whose turn is next: small queues as data, against the real scripts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from redis import Redis

from dayhand.ledger import keys
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.thread import Message
from dayhand.ledger.waiting import scripts
from dayhand.ledger.waiting.index import INDEX
from dayhand.ledger.waiting.waiting_tasks import MAX_PLACES, RAISED_AFTER_SECONDS, WaitingTasks
from dayhand.task import Ask, State, TaskKind
from tests.ledger.conftest import run_out
from tests.tasks import find_abandoned, make_task

NOW = 1_800_000_000.0


@dataclass
class Waiting:
    """A queue that a test fills; its clock stands still."""

    redis: Redis
    now: float = NOW
    ledger: Ledger = field(init=False)
    opened: int = 0

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.redis, clock=lambda: self.now)

    def add(
        self,
        person: str,
        repository: str = "acme/shop",
        *,
        kind: TaskKind = TaskKind.FIX,
        installation: int = 1,
        number: int | None = None,
    ) -> str:
        """Open a task; its id says whose it is and that it was the n-th."""
        self.opened += 1
        task = make_task(
            id=f"{person}-{self.opened}",
            repository=repository,
            installation=installation,
            number=self.opened if number is None else number,
            ask=Ask(kind, "fix this", person),
            created_at=self.now + self.opened / 1000,
        )
        self.ledger.open(task, delivery=task.id, thread=task.id)
        return task.id

    def claim(self, limit: int = 0) -> Claim | None:
        tasks = WaitingTasks(self.ledger)
        tasks.limit(limit)
        return tasks.claim_next("w")

    def started(self, most: int = 1000, limit: int = 0) -> list[str]:
        """Claim one after the other, while none ends; the ids in their order."""
        claims: list[str] = []
        while len(claims) < most and (claim := self.claim(limit)):
            claims.append(claim.task_id)
        return claims

    def finish(self, claim: Claim) -> None:
        self.ledger.finish(claim, State.FAILED)


@pytest.fixture
def waiting(redis: Redis) -> Waiting:
    return Waiting(redis)


def test_the_one_task_of_a_person_goes_before_the_second_of_24_of_another(waiting: Waiting) -> None:
    for _ in range(24):
        waiting.add("ann")
    bob = waiting.add("bob")
    assert waiting.started(3) == ["ann-1", bob, "ann-2"]


def test_it_does_so_too_where_one_person_asks_in_24_repositories(waiting: Waiting) -> None:
    for number in range(24):
        waiting.add("ann", f"acme/r{number}")
    bob = waiting.add("bob", "acme/r0")
    assert waiting.started(3) == ["ann-1", bob, "ann-2"]


def test_it_does_so_too_where_tasks_end_at_once(waiting: Waiting) -> None:
    for _ in range(24):
        waiting.add("ann")
    for _ in range(2):
        waiting.add("bob")
    order = []
    while claim := waiting.claim():
        order.append(claim.task_id.partition("-")[0])
        waiting.finish(claim)
    assert order[:5] == ["ann", "bob", "ann", "bob", "ann"]
    assert len(order) == 26


def test_a_quiet_repository_is_served_between_those_of_a_busy_one(waiting: Waiting) -> None:
    for number in range(6):
        waiting.add(f"p{number}", "acme/busy")
    waiting.add("zoe", "acme/quiet")
    assert waiting.started(2) == ["p0-1", "zoe-7"]


def test_the_repository_with_fewer_running_tasks_is_next_also_if_it_was_served_last(waiting: Waiting) -> None:
    waiting.add("p0", "acme/busy")
    assert waiting.claim()
    waiting.add("q0", "acme/quiet")
    claim = waiting.claim()
    assert claim
    waiting.finish(claim)
    waiting.add("p1", "acme/busy")
    waiting.add("q1", "acme/quiet")
    assert waiting.started() == ["q1-4", "p1-3"]


ORDERS: list[tuple[str, list[tuple[str, dict[str, object]]], str]] = [
    ("a follow-up before a first fix", [("ann", {}), ("bob", {"kind": TaskKind.FOLLOW_UP})], "bob-2"),
    ("an accepted change before a first fix", [("ann", {}), ("bob", {"kind": TaskKind.ACCEPT})], "bob-2"),
    (
        "what a person asked for before what nobody did",
        [("ann", {"kind": TaskKind.ENVIRONMENT, "number": 0}), ("bob", {})],
        "bob-2",
    ),
    (
        "a requested examination in its turn",
        [("ann", {"kind": TaskKind.ENVIRONMENT}), ("bob", {})],
        "ann-1",
    ),
    ("the oldest", [("ann", {}), ("bob", {})], "ann-1"),
    ("one person by any case of the login", [("Ann", {}), ("ann", {}), ("bob", {})], "Ann-1"),
    ("a login with spaces, tabs and a bracket", [("a\tb c[bot]", {})], "a\tb c[bot]-1"),
]


@pytest.mark.parametrize(("opened", "first"), [row[1:] for row in ORDERS], ids=[row[0] for row in ORDERS])
def test_first_comes(waiting: Waiting, opened: list[tuple[str, dict[str, object]]], first: str) -> None:
    for person, options in opened:
        waiting.add(person, **options)  # type: ignore[arg-type]
    assert waiting.started(1) == [first]


def test_a_task_that_was_begun_continues_before_anything_else(waiting: Waiting) -> None:
    waiting.add("ann")
    claim = waiting.claim()
    assert claim
    waiting.add("bob", kind=TaskKind.FOLLOW_UP)
    claim.release()
    assert waiting.started() == ["ann-1", "bob-2"]


def test_a_begun_task_whose_stop_a_person_asked_for_is_next(waiting: Waiting) -> None:
    waiting.add("ann")
    claim = waiting.claim()
    assert claim
    claim.release(again_in=600)
    waiting.add("bob")
    waiting.ledger.ask_to_stop("ann-1", "bob")
    assert waiting.started() == ["ann-1", "bob-2"]


def test_a_task_that_waits_for_later_is_skipped_and_counts_as_nobodys(waiting: Waiting) -> None:
    waiting.add("ann")
    claim = waiting.claim()
    assert claim
    claim.release(again_in=600)
    waiting.add("bob")
    waiting.add("ann")
    assert waiting.started(limit=2) == ["bob-2", "ann-3"]


def test_a_flood_of_follow_ups_delays_a_first_fix_by_half_an_hour_at_most(waiting: Waiting) -> None:
    first = waiting.add("ann")
    waiting.now += RAISED_AFTER_SECONDS + 1
    for _ in range(50):
        waiting.add("bob", kind=TaskKind.FOLLOW_UP)
    assert waiting.started(1) == [first]


def test_an_installation_runs_as_many_as_its_limit_and_others_go_on(waiting: Waiting) -> None:
    for _ in range(3):
        waiting.add("ann", installation=1)
    waiting.add("bob", installation=2)
    claims = [waiting.claim(2) for _ in range(3)]
    assert [claim and claim.task_id for claim in claims] == ["ann-1", "bob-4", "ann-2"]
    assert waiting.claim(2) is None
    tasks = WaitingTasks(waiting.ledger)
    assert (tasks.without_job(0), tasks.order().ids) == (([], []), ("ann-3",))
    assert claims[0]
    waiting.finish(claims[0])
    assert (tasks.without_job(0), tasks.without_job(1)) == (([], ["ann-3"]), ([], []))
    assert waiting.started(limit=2) == ["ann-3"]


def test_a_worker_that_died_takes_no_share(redis: Redis) -> None:
    waiting = Waiting(redis)
    waiting.add("ann", installation=1)
    assert waiting.claim(1)
    waiting.add("bob", installation=1)
    assert waiting.claim(1) is None
    run_out(redis, "ann-1")
    assert find_abandoned(waiting.ledger) == ["ann-1", "bob-2"]
    assert waiting.started(1, limit=1) == ["ann-1"], "it was begun"


def test_a_worker_that_may_come_back_after_an_outage_keeps_its_share(waiting: Waiting, redis: Redis) -> None:
    waiting.add("ann")
    assert waiting.claim()
    redis.delete(keys.lease("ann-1"))  # it expired while Redis was away
    redis.set(keys.AFTER_OUTAGE, 1)
    waiting.add("bob")
    assert waiting.started(limit=1) == []


def test_a_call_that_the_client_repeats_claims_one_task(waiting: Waiting, redis: Redis) -> None:
    waiting.add("ann")
    waiting.add("bob")
    tasks = WaitingTasks(waiting.ledger)
    claim = tasks.claim_next("w")
    assert claim
    same = (claim.token, 15_000, "w", 10, "queued", "running")
    again = tasks._run(scripts.CLAIM_NEXT, *same)
    assert again == ["ann-1", 1, 0]


def test_tasks_that_an_older_version_opened_are_claimed_too(waiting: Waiting, redis: Redis) -> None:
    """One version wrote no turns, another kept them without an index; ended tasks leave nothing behind."""
    waiting.add("ann")
    waiting.add("cay")
    redis.delete(*redis.keys("dayhand:waiting*"))
    redis.hset("dayhand:turns", "cay-2", f"3\t{NOW}\t1\tacme/shop\tcay")
    bob = waiting.add("bob")
    claims = [waiting.claim() for _ in range(3)]
    assert [claim and claim.task_id for claim in claims] == ["ann-1", bob, "cay-2"]
    redis.srem("dayhand:unfinished", "cay-2")  # it ended in a process of an older version
    for claim in claims[:2]:
        assert claim
        waiting.finish(claim)
        assert not redis.hexists("dayhand:waiting", claim.task_id)
    assert waiting.claim() is None
    assert redis.keys("dayhand:waiting*") + redis.keys("dayhand:turns") == []


def test_a_task_that_an_older_version_ended_does_not_hide_one_that_it_opened(
    waiting: Waiting, redis: Redis
) -> None:
    ended, opened = waiting.add("ann"), waiting.add("bob")
    redis.hset(f"dayhand:task:{ended}", "state", "failed")
    redis.srem("dayhand:unfinished", ended)
    redis.eval(INDEX + "return unindex(ARGV[1])", 0, opened)
    assert waiting.started() == [opened]


def test_the_next_task_of_a_mailbox_has_its_turn_too(waiting: Waiting) -> None:
    waiting.add("ann")
    claim = waiting.claim()
    assert claim
    task = make_task(id="m-1", number=1, ask=Ask(TaskKind.FOLLOW_UP, "and this", "ann", comment=5))
    waiting.ledger.open(task, delivery="d-m", thread="ann-1", message=Message(task, mention=True))
    waiting.finish(claim)
    waiting.add("bob")
    waiting.ledger.threads.open_from_mailboxes()
    assert waiting.started() == ["m-1", "bob-2"]


def test_a_queue_of_5000_is_not_looked_through(waiting: Waiting, redis: Redis) -> None:
    """What a claim, a place and the janitor ask of Redis grows with the parties, not with the tasks."""
    tasks = WaitingTasks(waiting.ledger)
    people = 20

    def fill(first: int, number: int) -> None:
        batch = redis.pipeline()
        for task in (f"x-{one}" for one in range(first, first + number)):
            batch.sadd("dayhand:unfinished", task)
            batch.hset(f"dayhand:task:{task}", "state", "queued")
            batch.hset("dayhand:turns", task, f"2\t{NOW}\t1\tacme/shop\tp{int(task[2:]) % people}")
        batch.execute()
        tasks.claim_next("w")  # the tasks of an older version are indexed once

    def calls() -> tuple[int, ...]:
        return (
            _calls(redis, waiting.claim),
            _calls(redis, tasks.order),
            _calls(redis, lambda: tasks.without_job(5000)),
            _calls(redis, lambda: waiting.ledger.drop("gone")),
        )

    fill(0, 300)
    few = calls()
    fill(300, 4700)
    claim, order, janitor, drop = (much - little for little, much in zip(few, calls(), strict=True))
    running = 4  # were claimed in between
    assert claim <= 10 * running
    assert order <= 10 * running
    assert (janitor <= 10 * running, drop <= 10 * running) == (True, True)
    found = tasks.order()
    assert (len(found.ids), found.more, found.running) == (MAX_PLACES, 4996 - MAX_PLACES, 4)
    assert all(waiting.claim() for _ in range(3))
    assert len(tasks.without_job(0)[1]) == 4993


def _calls(redis: Redis, act: Callable[[], object]) -> int:
    """How many commands Redis runs, those of scripts with them."""

    def total() -> int:
        return sum(int(stats["calls"]) for stats in redis.info("commandstats").values())

    before = total()
    act()
    return total() - before


def test_a_task_whose_process_died_is_claimed_by_a_worker_that_runs_it_alone(waiting: Waiting) -> None:
    died = waiting.add("ann")
    assert waiting.claim()
    waiting.ledger.drop("w", crashed=True)
    stopped = waiting.add("bob")
    assert waiting.claim()
    waiting.ledger.drop("w", crashed=False)
    tasks = WaitingTasks(waiting.ledger)
    assert tasks.without_job(0) == ([died], [stopped])
    shared = tasks.claim_next("shared", crashed=False)
    assert shared is not None
    assert shared.task_id == stopped
    assert tasks.claim_next("shared", crashed=False) is None
    alone = tasks.claim_next("alone", crashed=True)
    assert alone is not None
    assert (alone.task_id, alone.attempt) == (died, 2)
    assert tasks.claim_next("alone", crashed=True) is None
