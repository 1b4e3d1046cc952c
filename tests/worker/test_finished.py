"""What finished tasks leave in Redis is compressed and bounded, and the oldest leave first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple

import pytest
from redis import Redis

from dayhand.errors import LedgerError
from dayhand.ledger import keys
from dayhand.ledger.journal import Journal, usage_so_far
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import LogReader, TaskLog
from dayhand.ledger.redis_server import connect, embedded
from dayhand.task import State
from dayhand.usage import Usage
from dayhand.worker.finished import tidy
from tests.tasks import make_task

LINES = 50
TURNS = 10


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded(tmp_path_factory.mktemp("finished")) as url:
        yield url


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with connect(redis_url) as client:
        client.flushall()
        yield client


def run_task(redis: Redis, number: int, *, finished: bool = True) -> str:
    ledger = Ledger(redis, clock=lambda: 1_800_000_000.0 + number)
    task = make_task(id=f"t-{number}", number=number)
    ledger.open(task, delivery=task.id, thread=task.id)
    claim = ledger.claim(task.id, "me")
    assert claim
    for line in range(LINES):
        TaskLog(ledger, claim).line("output", f"the same words again and again, {line}")
    journal = Journal(redis, task.id, claim)
    for turn in range(TURNS):
        journal.write_reply(
            turn, [{"type": "message", "text": "a reply of the model. " * 20}], Usage(turns=1)
        )
    redis.hset(keys.checked_change(task.id), "pack", "x" * 5000)
    if finished:
        ledger.finish(claim, State.ANSWERED)
    return task.id


def tidy_now(redis: Redis, kept_bytes: int = 0) -> None:
    redis.delete(keys.TIDIED)
    tidy(redis, kept_bytes)


def test_the_log_of_a_finished_task_is_compressed_and_reads_as_before(redis: Redis) -> None:
    task, running = run_task(redis, 1), run_task(redis, 2, finished=False)
    live = LogReader(redis)
    before = [astuple(note) for note in live.read(task)]
    size = redis.memory_usage(keys.log(task))
    tidy_now(redis)
    assert redis.exists(keys.log(task), keys.log(running)) == 1
    assert redis.memory_usage(keys.log_parts(task)) < size / 3
    assert 0 < redis.ttl(keys.log_parts(task)) <= keys.KEPT_SECONDS
    assert [astuple(note) for note in live.read(task)] == before
    assert [note.line for note in live.read(task, 10, most=3)] == [11, 12, 13]
    assert [note.line for note in live.follow(task, 40) if note] == list(range(41, LINES + 1))
    redis.set(keys.log_archive(task), redis.hget(keys.log_parts(task), 1))
    redis.delete(keys.log_parts(task))  # as an older version left it
    assert [astuple(note) for note in live.read(task)] == before
    assert [note.line for note in live.read_before(task, 10, most=3)] == [7, 8, 9]


def test_the_journal_of_a_finished_task_is_compressed_and_still_says_what_it_cost(redis: Redis) -> None:
    task, running = run_task(redis, 1), run_task(redis, 2, finished=False)
    size = redis.memory_usage(keys.journal(task))
    tidy_now(redis)
    redis.hdel(keys.FINISHED_BYTES, task)
    tidy_now(redis)  # what is compressed stays as it is
    assert redis.memory_usage(keys.journal(task)) < size / 5
    assert 0 < redis.ttl(keys.journal(task)) <= keys.KEPT_SECONDS
    assert usage_so_far(redis, task).turns == usage_so_far(redis, running).turns == TURNS
    assert redis.hlen(keys.journal(running)) == TURNS


def test_a_checked_change_counts_among_the_bytes_and_leaves_with_its_task(redis: Redis) -> None:
    task = run_task(redis, 1)
    tidy_now(redis)
    assert int(redis.hget(keys.FINISHED_BYTES, task)) > 5000
    tidy_now(redis, kept_bytes=1)
    assert not redis.exists(keys.checked_change(task))


def test_the_oldest_finished_tasks_leave_first_and_no_unfinished_one(redis: Redis) -> None:
    running = run_task(redis, 0, finished=False)
    tasks = [run_task(redis, number) for number in range(1, 6)]
    tidy_now(redis)
    size = sum(int(each) for each in redis.hvals(keys.FINISHED_BYTES))
    tidy_now(redis, kept_bytes=size * 3 // 5 + 100)
    ledger = Ledger(redis)
    assert [record.task.id for record in ledger.recent()] == [*reversed(tasks[2:]), running]
    with pytest.raises(LedgerError, match="There is no task t-1"):
        ledger.record(tasks[0])
    left = {key.rpartition(":")[0] for key in redis.keys("dayhand:*") if key.endswith((":t-1", ":t-2"))}
    assert left <= {"dayhand:delivery", "dayhand:thread"}, "they are small, and belong to no task alone"


def test_it_reads_what_is_new_however_many_are_finished(redis: Redis) -> None:
    def tidied(*, finished: int) -> int:
        redis.zadd(keys.TASKS, {f"old-{number}": 1.79e9 + number for number in range(finished)})
        redis.hset(keys.FINISHED_BYTES, mapping={f"old-{number}": 100 for number in range(finished)})
        redis.delete(keys.COUNTED)
        tidy_now(redis)
        task = run_task(redis, finished)
        before = int(redis.info("stats")["total_net_output_bytes"])
        tidy_now(redis, kept_bytes=100 * finished)
        assert redis.exists(keys.log_parts(task))
        assert not redis.exists(keys.log(task))
        assert redis.zscore(keys.TASKS, "old-0") is None, "the oldest made room"
        return int(redis.info("stats")["total_net_output_bytes"]) - before

    little, much = tidied(finished=1000), tidied(finished=5000)
    assert much < little * 1.5


def test_it_is_done_once_a_minute_however_many_ask(redis: Redis) -> None:
    tidy_now(redis)
    task = run_task(redis, 1)
    tidy(redis, 0)
    assert redis.exists(keys.log(task))
    assert 0 < redis.ttl(keys.TIDIED) <= 60
