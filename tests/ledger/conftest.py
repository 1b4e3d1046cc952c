"""What the ledger's tests share: a real server, emptied before each test, and a task to write into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from redis import Redis

from dayhand.ledger import keys
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.redis_server import connect, connect_raw, embedded
from dayhand.task import Ask, Task, TaskKind
from tests.tasks import make_task
from tests.waiting import until

TASK = make_task(
    body="Results come „reversed“.",
    ask=Ask(TaskKind.FIX, "fix this", "ann", comment=99),
    clone_url="https://example.org/acme/shop.git",
)
THREAD = "1001#7"


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded(tmp_path_factory.mktemp("ledger")) as url:
        yield url


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with connect(redis_url) as client:
        client.flushall()
        yield client


@pytest.fixture
def raw(redis: Redis, redis_url: str) -> Iterator[Redis]:
    with connect_raw(redis_url) as client:
        yield client


@pytest.fixture
def ledger(redis: Redis) -> Ledger:
    return Ledger(redis)


@pytest.fixture
def claim(ledger: Ledger) -> Claim:
    """The first claim of a task that was just opened."""
    ledger.open(TASK, delivery="d-1", thread=THREAD)
    return claimed(ledger)


def claimed(ledger: Ledger, worker: str = "one", *, task_id: str = TASK.id) -> Claim:
    claim = ledger.claim(task_id, worker)
    assert claim is not None
    return claim


def another(task_id: str) -> Task:
    return replace(TASK, id=task_id)


def run_out(redis: Redis, task_id: str = TASK.id) -> None:
    """Let a task's lease end by itself, now instead of later."""
    redis.pexpire(keys.lease(task_id), 1)
    until(lambda: not redis.exists(keys.lease(task_id)))
