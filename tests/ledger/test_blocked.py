"""The hosts that set-up asked for in vain."""

from __future__ import annotations

import pytest
from redis import Redis

from dayhand.errors import LeaseLost
from dayhand.ledger import keys
from dayhand.ledger.blocked import FACT, Blocklist, of_repository, of_task
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.task import NOT_ALLOWED, Blocked
from tests.ledger.conftest import TASK

ONE = Blocked("files.example.org", 443, NOT_ALLOWED, "npm ci")
TWO = Blocked("files.example.org", 443, NOT_ALLOWED, "make ü")


@pytest.fixture
def blocklist(ledger: Ledger, claim: Claim) -> Blocklist:
    return Blocklist(ledger, claim, TASK.repository)


def test_what_was_refused_is_known_of_the_task_and_of_its_repository(
    ledger: Ledger, blocklist: Blocklist
) -> None:
    assert of_repository(ledger, TASK.repository) == ()
    blocklist.keep((ONE, TWO))
    assert of_task(ledger.record(TASK.id).facts) == (ONE, TWO)
    assert of_repository(ledger, TASK.repository) == (ONE, TWO)
    assert of_repository(ledger, "acme/other") == ()


def test_what_is_no_longer_refused_is_no_longer_known(ledger: Ledger, blocklist: Blocklist) -> None:
    blocklist.keep((ONE,))
    blocklist.keep(())
    assert of_task(ledger.record(TASK.id).facts) == ()
    assert of_repository(ledger, TASK.repository) == ()


def test_it_is_not_kept_for_ever(redis: Redis, blocklist: Blocklist) -> None:
    blocklist.keep((ONE,))
    assert 0 < redis.ttl(keys.blocked(TASK.repository)) <= keys.KEPT_SECONDS


def test_a_worker_that_lost_its_task_writes_nothing(ledger: Ledger, blocklist: Blocklist) -> None:
    ledger.drop("one")
    with pytest.raises(LeaseLost):
        blocklist.keep((ONE,))
    assert of_repository(ledger, TASK.repository) == ()


@pytest.mark.parametrize(
    "text", ["{", "[1]", '[{"host": "x"}]', '[{"host": "x", "port": "y", "reason": ""}]']
)
def test_what_another_version_wrote_is_not_guessed(text: str) -> None:
    assert of_task({FACT: text}) == ()


def test_what_was_written_before_commands_were_is_still_known() -> None:
    assert of_task({FACT: '[{"host": "x.org", "port": 443, "reason": "no"}]'}) == (
        Blocked("x.org", 443, "no"),
    )
