"""What is known of a repository's environment."""

from __future__ import annotations

import pytest
from redis import Redis

from dayhand.errors import LeaseLost
from dayhand.ledger import examined, keys
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.task import Examined, ExaminedCheck, SetupStep
from dayhand.verification import Run
from tests.ledger.conftest import MEANING, TASK, another

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


def test_the_last_examination_is_remembered_as_it_was(ledger: Ledger, claim: Claim) -> None:
    assert examined.last(ledger, TASK.repository) is None
    examined.keep(ledger, claim, TASK.repository, found=FOUND)
    assert examined.last(ledger, TASK.repository) == FOUND
    assert examined.last(ledger, "acme/other") is None


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"kind": "examined"}', '{"kind": "other"}'])
def test_what_another_version_wrote_is_not_guessed(ledger: Ledger, redis: Redis, text: str) -> None:
    redis.hset(keys.examined(TASK.repository), examined.FIELD, text)
    assert examined.last(ledger, TASK.repository) is None


def test_once_it_began_the_same_may_be_asked_again(ledger: Ledger, claim: Claim) -> None:
    assert not ledger.open(another("t-2"), delivery="d-2", meaning=MEANING).fresh
    examined.begin(ledger, claim)
    assert ledger.open(another("t-2"), delivery="d-3", meaning=MEANING).fresh
    examined.begin(ledger, claim)
    assert ledger.open(another("t-3"), delivery="d-4", meaning=MEANING).task_id == "t-2", "that one waits"


def test_a_worker_that_lost_its_task_writes_nothing(ledger: Ledger, claim: Claim) -> None:
    ledger.drop("one")
    with pytest.raises(LeaseLost):
        examined.begin(ledger, claim)
    with pytest.raises(LeaseLost):
        examined.keep(ledger, claim, TASK.repository, found=FOUND)
    assert examined.last(ledger, TASK.repository) is None
