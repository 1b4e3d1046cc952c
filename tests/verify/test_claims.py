"""Claims in the model's summary are compared with what the worker ran."""

from __future__ import annotations

import time

import pytest

from dayhand.verification import Finding, Run, Verdict, Verification
from dayhand.verify.claims import strike_false_claims

RUN = Run("pytest -q", 0, "exit", 1.0, "3 passed")
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
def test_a_claim_that_a_finding_contradicts_is_struck_out(words: str, struck: str) -> None:
    account = strike_false_claims(words, RED)
    assert account == words.replace(struck, f"~~{struck}~~ (not true: pytest -q: new failure)")


def test_a_check_that_could_not_run_is_not_clean() -> None:
    assert strike_false_claims("The type checks pass.", RED) == (
        "~~The type checks pass~~ (not true: mypy .: the environment cannot run it)."
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
    assert strike_false_claims(words, RED) == words


@pytest.mark.parametrize(
    "words", ["All 212 tests pass.", "Everything passes and CI is green.", "Lint is clean"]
)
def test_a_claim_that_no_finding_contradicts_stays(words: str) -> None:
    green = Verification("t", (Finding("test", "pytest -q", Verdict.PASSES, RUN),))
    assert strike_false_claims(words, green) == strike_false_claims(words, Verification("t")) == words


@pytest.mark.parametrize("piece", ["all ", "tests  \n", "everything now ", "1,1", "`", "```"])
def test_a_long_hostile_account_is_read_in_a_moment(piece: str) -> None:
    begun = time.process_time()
    strike_false_claims(piece * (100_000 // len(piece)), RED)
    assert time.process_time() - begun < 5, "quadratic time would take minutes"
