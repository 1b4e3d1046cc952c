"""Reading a log that others write."""

from __future__ import annotations

import itertools
import threading

from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.log import LogReader, TaskLog
from dayhand.task import State
from tests.ledger.conftest import TASK
from tests.waiting import PATIENCE


def test_a_follower_sees_every_line_as_it_comes_and_ends_with_the_task(ledger: Ledger, claim: Claim) -> None:
    seen: list[int] = []
    got = threading.Semaphore(0)

    def follow() -> None:
        for note in LogReader(ledger.redis).follow(TASK.id):
            if note:
                seen.append(note.line)
                got.release()

    follower = threading.Thread(target=follow)
    follower.start()
    log = TaskLog(ledger, claim)
    for _ in range(20):
        log.line("say", "x")
        assert got.acquire(timeout=PATIENCE), "the line did not come while the task ran"
    log.line("say", "last words")
    ledger.finish(claim, State.PROPOSED)
    follower.join(timeout=PATIENCE)
    assert not follower.is_alive()
    assert seen == list(range(1, 22))


def test_a_reader_goes_on_after_the_line_that_it_saw_last(ledger: Ledger, claim: Claim) -> None:
    log, live = TaskLog(ledger, claim), LogReader(ledger.redis)
    for _ in range(5):
        log.line("say", "x")
    assert [note.line for note in live.read(TASK.id, after=3)] == [4, 5]
    ledger.finish(claim, State.ANSWERED)
    assert [note.line for note in live.follow(TASK.id, after=3) if note] == [4, 5]


def test_a_long_log_of_a_task_that_is_over_is_read_to_its_end(ledger: Ledger, claim: Claim) -> None:
    log = TaskLog(ledger, claim)
    for _ in range(1203):
        log.line("output", "x")
    ledger.finish(claim, State.FAILED)
    assert [note.line for note in LogReader(ledger.redis).follow(TASK.id) if note] == list(range(1, 1204))


def test_a_silent_log_gives_a_sign_of_life(ledger: Ledger, claim: Claim) -> None:
    times = itertools.count(0.0, 10.0)  # each look at the clock is ten seconds later
    follower = LogReader(ledger.redis, clock=lambda: next(times)).follow(claim.task_id)
    assert next(follower) is None


def test_a_task_that_is_not_there_has_an_empty_log(ledger: Ledger) -> None:
    assert list(LogReader(ledger.redis).follow("t-0")) == []
