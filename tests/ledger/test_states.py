"""Which steps of a task are legal."""

from __future__ import annotations

import pytest

from dayhand.errors import LedgerError
from dayhand.ledger.states import LEGAL, UNFINISHED, before, check
from dayhand.task import State


def test_every_state_has_its_rule() -> None:
    assert set(LEGAL) == set(State)


def test_what_is_proposed_or_answered_stays_so() -> None:
    for end in (State.PROPOSED, State.ANSWERED):
        for state in State:
            with pytest.raises(LedgerError, match="it is over"):
                check(end, state)


def test_an_illegal_step_is_told_with_the_legal_ones() -> None:
    with pytest.raises(
        LedgerError, match="queued cannot become proposed; it may become failed, running, stopped"
    ):
        check(State.QUEUED, State.PROPOSED)


def test_only_unfinished_tasks_may_run() -> None:
    assert set(before(State.RUNNING)) == UNFINISHED
