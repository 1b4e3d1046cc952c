"""The order of the waiting tasks, against a plain one that looks at each: random queues, from printed seeds."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from redis import Redis

from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.waiting.turns import Class
from dayhand.ledger.waiting.waiting_tasks import RAISED_AFTER_SECONDS, WaitingTasks
from dayhand.task import Ask, State, Task, TaskKind
from tests.tasks import make_task

SEEDS = range(12)
STEPS = 60
KINDS = [TaskKind.FIX, TaskKind.FIX, TaskKind.FIX, TaskKind.FOLLOW_UP, TaskKind.ENVIRONMENT]


@dataclass
class Plain:
    """The rules as docs/scaling.md tells them: each task is looked at each time."""

    limit: int = 0
    waiting: dict[str, Task] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    running: dict[str, Task] = field(default_factory=dict)
    served: Counter[tuple[str, str]] = field(default_factory=Counter)
    starts: int = 0

    def next(self, now: float) -> Task | None:
        per_installation = Counter(task.installation for task in self.running.values())
        allowed = [
            task
            for task in self.waiting.values()
            if not self.limit or per_installation[task.installation] < self.limit
        ]
        return min(allowed, key=lambda task: self.rank(task, now), default=None)

    def rank(self, task: Task, now: float) -> tuple[object, ...]:
        person, repository = task.ask.asker, task.repository
        return (
            self.class_of(task, now),
            sum(one.ask.asker == person for one in self.running.values()),
            sum(one.repository == repository for one in self.running.values()),
            self.served["person", person],
            self.served["repository", repository],
            task.created_at,
            task.id,
        )

    def class_of(self, task: Task, now: float) -> int:
        if task.id in self.begun:
            return Class.BEGUN
        raised = max(0, int((now - task.created_at) // RAISED_AFTER_SECONDS))
        match task.ask.kind:
            case TaskKind.FOLLOW_UP:
                return Class.FOLLOW_UP
            case TaskKind.ENVIRONMENT:
                return max(Class.FOLLOW_UP, Class.UNREQUESTED - raised)
            case _:
                return max(Class.FOLLOW_UP, Class.FIRST - raised)

    def start(self, task: Task) -> None:
        self.running[task.id] = self.waiting.pop(task.id)
        self.begun.add(task.id)
        self.starts += 1
        self.served["person", task.ask.asker] = self.served["repository", task.repository] = self.starts

    def order(self, now: float) -> list[str]:
        """All of them, as if no running task ended: those of installations at their limit at the end."""
        ahead = Plain(
            self.limit,
            dict(self.waiting),
            set(self.begun),
            dict(self.running),
            self.served.copy(),
            self.starts,
        )
        ids = []
        while task := ahead.next(now):
            ids.append(task.id)
            ahead.start(task)
        ahead.limit = 0
        while task := ahead.next(now):
            ids.append(task.id)
            ahead.start(task)
        return ids


@dataclass
class Both:
    """One random life of a queue, in the ledger and in the plain rules."""

    redis: Redis
    dice: random.Random
    now: float = 1_800_000_000.0
    opened: int = 0
    claims: dict[str, Claim] = field(default_factory=dict)
    plain: Plain = field(default_factory=Plain)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.redis, clock=lambda: self.now)
        self.tasks = WaitingTasks(self.ledger)

    def open(self) -> None:
        self.opened += 1
        kind = self.dice.choice(KINDS)
        task = make_task(
            id=f"t-{self.dice.randrange(10)}-{self.opened}",
            repository=f"acme/r{self.dice.randrange(4)}",
            installation=self.dice.randrange(3),
            number=0 if kind is TaskKind.ENVIRONMENT else self.opened,
            ask=Ask(kind, "fix this", self.dice.choice("abcde")),
            created_at=self.now - self.dice.choice([0, 0, 1, RAISED_AFTER_SECONDS]),
        )
        self.ledger.open(task, delivery=task.id, thread=task.id)
        self.plain.waiting[task.id] = task

    def claim(self) -> None:
        expected = self.plain.next(self.now)
        claim = self.tasks.claim_next("w")
        assert (claim and claim.task_id) == (expected and expected.id)
        if claim and expected:
            self.claims[claim.task_id] = claim
            self.plain.start(expected)

    def finish(self) -> None:
        if task_id := self._any_running():
            self.ledger.finish(self.claims.pop(task_id), State.FAILED)
            del self.plain.running[task_id]

    def hand_back(self) -> None:
        if task_id := self._any_running():
            self.claims.pop(task_id).release()
            self.plain.waiting[task_id] = self.plain.running.pop(task_id)

    def stop(self) -> None:
        never_begun = sorted(set(self.plain.waiting) - self.plain.begun)
        if never_begun:
            task_id = self.dice.choice(never_begun)
            self.ledger.ask_to_stop(task_id, "ann")
            del self.plain.waiting[task_id]

    def wait(self) -> None:
        self.now += self.dice.choice([1, 60, RAISED_AFTER_SECONDS / 2, RAISED_AFTER_SECONDS])

    def limit(self) -> None:
        self.plain.limit = self.dice.choice([0, 1, 2, 5])
        self.tasks.limit(self.plain.limit)

    def look(self) -> None:
        order = self.tasks.order()
        assert list(order.ids) == self.plain.order(self.now)
        assert (order.more, order.running) == (0, len(self.plain.running))

    def _any_running(self) -> str:
        return self.dice.choice(sorted(self.claims)) if self.claims else ""


@pytest.mark.parametrize("seed", SEEDS)
def test_random_queues_are_served_by_the_rules(redis: Redis, seed: int) -> None:
    both = Both(redis, random.Random(seed))
    steps = [both.open] * 6 + [both.claim] * 4 + [both.finish] * 2
    steps += [both.hand_back, both.stop, both.wait, both.limit, both.look]
    for _ in range(30):
        both.open()
    for _ in range(STEPS):
        both.dice.choice(steps)()
    both.look()
    while both.plain.next(both.now):
        both.claim()
    both.claim()
