"""What a task's steps cost beside many finished tasks, in a long queue, and in a long log."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from flask import Flask
from redis import Redis

from dayhand.bench.measure import median_ms, time_ms
from dayhand.dashboard.log import read_page
from dayhand.dashboard.pages import dashboard
from dayhand.errors import DayhandError
from dayhand.ledger import keys
from dayhand.ledger.codec import encode_task
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.log import LogReader, TaskLog
from dayhand.ledger.redis_server import connect, embedded
from dayhand.ledger.waiting.places import find_place
from dayhand.ledger.waiting.waiting_tasks import WaitingTasks
from dayhand.task import Ask, State, Task, TaskKind

ROUNDS = 20
BATCH = 1000
TASK = Task(
    id="bench",
    repository="bench/bench",
    installation=1,
    number=1,
    title="Totals are one too high",
    body="An empty cart costs 1.",
    ask=Ask(TaskKind.FIX, "fix", "bench"),
    default_branch="main",
    created_at=1_700_000_000.0,
)
PEOPLE, REPOSITORIES = 50, 20
LAST_LINES = 500  # of a log, whose writing is measured

Milliseconds = Mapping[str, float]


def measure_finished(count: int) -> Milliseconds:
    """The steps of a task in a ledger with so many finished tasks, and the page that lists tasks."""
    with _ledger() as (ledger, redis):
        _add_finished(ledger, count)
        return _steps(ledger, redis)


def measure_queue(count: int) -> Milliseconds:
    """The same steps while so many tasks wait, of many people in several repositories."""
    with _ledger() as (ledger, redis):
        for number in range(count):
            _open(ledger, f"waits-{number}", number)
        return _steps(ledger, redis)


def measure_log(count: int) -> Milliseconds:
    """Writing one of the last of so many lines, reading the log for its page, and the beginning of its stream."""
    with _ledger() as (ledger, redis):
        log = TaskLog(ledger, _claim(ledger, TASK.id))
        for number in range(count - LAST_LINES):
            log.line("output", f"line {number}")
        writes = [time_ms(lambda: log.line("output", "a last line")) for _ in range(LAST_LINES)]
        reader = LogReader(redis)
        return {
            "write": median_ms(writes),
            "page": _median(lambda: read_page(reader, TASK.id), 3),
            "stream": _median(lambda: next(reader.follow(TASK.id)), 3),
        }


def _steps(ledger: Ledger, redis: Redis) -> Milliseconds:
    """Medians of opening a task, claiming the next one, finding a place in the queue, and listing tasks."""
    tasks = WaitingTasks(ledger)
    app = Flask("dayhand", static_folder=None)
    app.register_blueprint(dashboard(ledger, LogReader(redis), "https://github.example"))
    client = app.test_client()
    client.get("/tasks")  # compiles the template
    opens, places = [], []
    for number in range(ROUNDS):
        opens.append(time_ms(partial(_open, ledger, f"new-{number}", number)))
        places.append(time_ms(partial(find_place, tasks, f"new-{number}")))
    claims = [time_ms(lambda: tasks.claim_next("bench")) for _ in range(ROUNDS)]
    return {
        "open": median_ms(opens),
        "claim": median_ms(claims),
        "place": median_ms(places),
        "page": _median(lambda: client.get("/tasks"), 5),
    }


def _add_finished(ledger: Ledger, count: int) -> None:
    """So many records of finished tasks: each is a copy of one that the ledger finished itself."""
    redis = ledger.redis
    ledger.finish(_claim(ledger, TASK.id), State.ANSWERED)
    fields, now = redis.hgetall(keys.record(TASK.id)), ledger.clock()
    for first in range(1, count, BATCH):
        with redis.pipeline(transaction=False) as pipe:
            for number in range(first, min(first + BATCH, count)):
                task = replace(TASK, id=f"over-{number}", number=number)
                pipe.hset(keys.record(task.id), mapping={**fields, "task": encode_task(task)})
                pipe.expire(keys.record(task.id), keys.KEPT_SECONDS)
                pipe.zadd(keys.TASKS, {task.id: now})
                pipe.set(keys.delivery(task.id), task.id, ex=keys.DELIVERY_SECONDS)
                pipe.hset(keys.thread(task.id), "last", task.id)
            pipe.execute()


def _open(ledger: Ledger, task_id: str, number: int) -> None:
    ask = replace(TASK.ask, asker=f"person-{number % PEOPLE}")
    repository = f"bench/bench-{number % REPOSITORIES}"
    task = replace(TASK, id=task_id, number=number, repository=repository, ask=ask, created_at=time.time())
    ledger.open(task, delivery=task_id, thread=task_id)


def _claim(ledger: Ledger, task_id: str) -> Claim:
    ledger.open(replace(TASK, id=task_id), delivery=task_id, thread=task_id)
    if claim := ledger.claim(task_id, "bench"):
        return claim
    raise DayhandError("The benchmark's own task could not be claimed.")


def _median(function: Callable[[], object], rounds: int) -> float:
    return median_ms([time_ms(function) for _ in range(rounds)])


@contextmanager
def _ledger() -> Iterator[tuple[Ledger, Redis]]:
    """An empty one, in a Redis of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="dayhand-growth-") as folder,
        embedded(Path(folder)) as url,
        connect(url) as redis,
    ):
        yield Ledger(redis), redis
