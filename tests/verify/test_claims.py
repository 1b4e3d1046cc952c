"""An account's claims are held against the ledger."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dayhand.task import Claim, Counts, Finding, Run, Verdict, Verification
from dayhand.verify.claims import weigh

RUN = Run("pytest -q", 0, "exit", 1.0, "3 passed")
LEDGER = Verification(
    "c0ffee",
    (
        Finding("test", "pytest -q", Verdict.PASSES, RUN, counts=Counts(3, 0, 0)),
        Finding("lint", "ruff check .", Verdict.NEW_FAILURE, RUN),
        Finding("types", "mypy .", Verdict.CANNOT_RUN, None, missing="mypy"),
    ),
)


@pytest.mark.parametrize(
    "account",
    [
        "It works [tests: 3 passed].",
        "It works [pytest -q: 3 passed].",
        "It works [tests: all pass].",
        "A list [see: below] and a [link: passed](#x).",
        "`[build: passed]` is what it prints.",
        "It fails [lint: 2 errors].",
    ],
)
def test_what_the_ledger_bears_or_what_claims_no_success_stays(account: str) -> None:
    assert weigh(account, LEDGER).account == account


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        ("[tests: 212 passed]", "3 passed"),
        ("[lint: passed]", "ruff check .: new failure"),
        ("[types: clean]", "the worker ran no such command"),
        ("[npm test: 12 passed]", "the worker ran no such command"),
    ],
)
def test_what_it_does_not_bear_is_struck_out(claim: str, why: str) -> None:
    weighed = weigh(f"Done. {claim} So there.", LEDGER)
    assert weighed.account == f"Done. ~~{claim}~~ (not so: {why}) So there."
    assert weighed.claims == ()


@pytest.mark.parametrize(
    ("claim", "line"),
    [
        ("[tests: 3 passed]", 41),
        ("[tests: 2 passed]", 57),
        ("[pytest -q: all pass]", 41),
        ("[tests: 5 passed]", 41),
    ],
)
def test_a_borne_claim_points_to_the_run_that_bears_it(claim: str, line: int) -> None:
    unit = Finding("test", "pytest -q", Verdict.PASSES, replace(RUN, line=41), counts=Counts(3, 0, 0))
    node = Finding("test", "npm test", Verdict.FIXED, replace(RUN, line=57), counts=Counts(2, 0, 0))
    assert weigh(f"Done. {claim}", Verification("t", (unit, node))).claims == (Claim(claim, line),)
