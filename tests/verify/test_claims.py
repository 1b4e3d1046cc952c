"""An account's claims are held against the ledger."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from dayhand.verification import (
    CheckClaim,
    Counts,
    Finding,
    Run,
    Verdict,
    Verification,
)
from dayhand.verify.claims import Weighed, weigh

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
    assert weigh(f"Done. {claim}", Verification("t", (unit, node))).claims == (CheckClaim(claim, line),)


RED = Verification(
    "c0ffee",
    (
        Finding("test", "pytest -q", Verdict.NEW_FAILURE, RUN),
        Finding("lint", "ruff check .", Verdict.PASSES, RUN),
        Finding("types", "mypy .", Verdict.CANNOT_RUN, None, missing="mypy"),
    ),
)


@pytest.mark.parametrize(
    ("words", "struck"),
    [
        ("Mended. All 212 tests pass.", "All 212 tests pass"),
        ("Mended, and the existing tests still pass.", "the existing tests still pass"),
        ("The test suite is green", "The test suite is green"),
        ("I ran it: the full test suite passes.", "the full test suite passes"),
        ("Lint is clean. Tests are all passing.", "Tests are all passing"),
        ("- All checks pass", "All checks pass"),
        ("**Everything passes** now.", "Everything passes"),
        ("CI is green!", "CI is green"),
        ("I set it to 0, so all tests pass.", "all tests pass"),
        ("Nothing is left.\nAll unit tests passed and docs are written", "All unit tests passed"),
    ],
)
def test_plain_words_that_the_ledger_contradicts_are_struck_out(words: str, struck: str) -> None:
    said = weigh(words, RED).account
    assert said == words.replace(struck, f"~~{struck}~~ (not so: pytest -q: new failure)")


def test_a_check_that_could_not_run_is_not_clean() -> None:
    assert weigh("The type checks pass.", RED).account == (
        "~~The type checks pass~~ (not so: mypy .: the environment cannot run it)."
    )


@pytest.mark.parametrize(
    "words",
    [
        "Lint is clean.",
        "The new test passes.",
        "The tests pass an empty list to `total`.",
        "This makes the tests pass.",
        "The tests passed before this change.",
        "All tests pass except `test_old`, which needs a network.",
        "All tests should pass once the fixture is there.",
        "I could not check whether all tests pass.",
        "Not all tests pass.",
        "The tests don't pass.",
        "It checks that everything passes through the parser.",
        "The suite of tests is small.",
        "Do all tests pass?",
        "`all tests pass`",
        "```\nAll tests pass.\n```",
        "If CI is green, merge it.",
        "The tests were passing.",
        "All tests pass on main, but not here.",
        "The checks that were there before are kept.",
        "It now passes the tests directory to the linter.",
    ],
)
def test_ordinary_prose_is_left_alone_on_a_red_verdict(words: str) -> None:
    assert weigh(words, RED).account == words


@pytest.mark.parametrize(
    "words", ["All 212 tests pass.", "Everything passes and CI is green.", "Lint is clean"]
)
def test_plain_words_are_no_claim_where_nothing_speaks_against_them(words: str) -> None:
    green = Verification("t", (Finding("test", "pytest -q", Verdict.PASSES, RUN, counts=Counts(3, 0, 0)),))
    assert weigh(words, green) == weigh(words, Verification("t")) == Weighed(words, ())


@pytest.mark.parametrize("piece", ["all ", "tests  \n", "everything now ", "1,1", "[a:", "`", "```"])
def test_a_long_hostile_account_is_weighed_in_a_moment(piece: str) -> None:
    begun = time.process_time()
    weigh(piece * (100_000 // len(piece)), RED)
    assert time.process_time() - begun < 5, "what is quadratic takes minutes"
