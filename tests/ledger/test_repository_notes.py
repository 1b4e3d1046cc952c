"""What is kept about each repository."""

from __future__ import annotations

import pytest
from redis import Redis

from dayhand.errors import LeaseLost
from dayhand.ledger import facts, keys
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.repository_notes import EXAMINATION, RepositoryNotes, last_examination
from dayhand.task import NOT_ALLOWED, Blocked, Examined, ExaminedCheck, SetupStep
from dayhand.verification import Run
from tests.ledger.conftest import TASK

ONE = Blocked("files.example.org", 443, NOT_ALLOWED, "npm ci")
TWO = Blocked("files.example.org", 443, NOT_ALLOWED, "make ü")
FOUND = Examined(
    commit="c" * 40,
    toolchains=("Make",),
    steps=(SetupStep("make deps", "make deps", passed=False, seconds=0.5, reason="no rule"),),
    checks=(
        ExaminedCheck("lint", "make lint", "Makefile", Run("make lint", 0, "exit", 0.1, "fine", line=3)),
    ),
    blocked=(),
    pins=("Python 3.9 is asked for.",),
    known=True,
    seconds=0.25,
)


@pytest.fixture
def notes(ledger: Ledger, claim: Claim) -> RepositoryNotes:
    return RepositoryNotes(ledger, claim, TASK.repository)


def test_the_blocked_hosts_of_a_task_are_replaced(ledger: Ledger, notes: RepositoryNotes) -> None:
    notes.keep_blocked((ONE, TWO))
    assert ledger.record(TASK.id).fact(facts.BLOCKED) == (ONE, TWO)
    notes.keep_blocked(())
    assert ledger.record(TASK.id).fact(facts.BLOCKED) == ()


def test_a_worker_that_lost_its_task_writes_nothing(ledger: Ledger, notes: RepositoryNotes) -> None:
    ledger.drop("one")
    with pytest.raises(LeaseLost):
        notes.keep_blocked((ONE,))
    with pytest.raises(LeaseLost):
        notes.keep_examination(FOUND)
    assert ledger.record(TASK.id).fact(facts.BLOCKED) is None
    assert last_examination(ledger, TASK.repository) is None


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[1]",
        '[{"host": "x"}]',
        '[{"host": "x", "port": "y", "reason": ""}]',
        '{"version": 1}',
        '{"version": 99, "blocked": []}',
    ],
)
def test_a_blocklist_that_cannot_be_read_is_not_guessed(text: str) -> None:
    assert facts.BLOCKED.find({"blocked": text}) == ()


def test_a_blocklist_from_before_commands_were_kept_is_still_read() -> None:
    text = '[{"host": "x.org", "port": 443, "reason": "no"}]'
    assert facts.BLOCKED.find({"blocked": text}) == (Blocked("x.org", 443, "no"),)


def test_the_last_examination_is_kept_as_it_was(ledger: Ledger, notes: RepositoryNotes) -> None:
    assert last_examination(ledger, TASK.repository) is None
    notes.keep_examination(FOUND)
    assert last_examination(ledger, TASK.repository) == FOUND
    assert last_examination(ledger, "acme/other") is None


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"kind": "examined"}', '{"kind": "other"}', '{"version": 99}']
)
def test_an_examination_that_cannot_be_read_is_not_guessed(ledger: Ledger, redis: Redis, text: str) -> None:
    redis.hset(keys.examined(TASK.repository), EXAMINATION, text)
    assert last_examination(ledger, TASK.repository) is None
