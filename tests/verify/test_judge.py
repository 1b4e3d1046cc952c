"""The verdict matrix: the results of the head, the base and a second run of the head."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from dayhand.verification import Verdict
from dayhand.verify.judge import (
    Meaning,
    RunOutcome,
    Wording,
    judge_failed,
    judge_flaky,
    judge_passed,
    judge_test,
)
from dayhand.verify.reports.base import CaseResult, CaseState
from dayhand.verify.reports.read import Results
from dayhand.verify.runner import CheckResult
from tests.verify.runs import check_result

GREEN, RED = check_result(passing="ab"), check_result(code=1, passing="a", failing="b")
MUTE_GREEN, MUTE_RED = check_result(known=False), check_result(code=1, known=False)
EMPTY = check_result()


def printed(output: str, passing: str = "") -> CheckResult:
    """A run that passes and is known from what it prints."""
    made = check_result(passing=passing, reported=False, known=bool(passing))
    return replace(made, run=replace(made.run, output=output))


SKIPPED = replace(EMPTY, results=Results((CaseResult("a", CaseState.SKIPPED),), reported=True))


@pytest.mark.parametrize(
    ("head", "base", "verdict", "fixed"),
    [
        (GREEN, None, Verdict.PASSES, ()),
        (GREEN, GREEN, Verdict.PASSES, ()),
        (GREEN, RED, Verdict.FIXED, ("b",)),
        (MUTE_GREEN, MUTE_RED, Verdict.FIXED, ()),
        (EMPTY, GREEN, Verdict.DOES_NOT_TEST, ()),
        (SKIPPED, GREEN, Verdict.DOES_NOT_TEST, ()),
        (MUTE_GREEN, GREEN, Verdict.DOES_NOT_TEST, ()),
        (printed("0 passed"), None, Verdict.DOES_NOT_TEST, ()),
        (printed("[INFO] No tests to run."), None, Verdict.DOES_NOT_TEST, ()),
        (MUTE_GREEN, printed("2 passed"), Verdict.DOES_NOT_TEST, ()),
        (printed("running 2 tests\ntest a ... ok", passing="a"), None, Verdict.DOES_NOT_TEST, ()),
        (check_result(passing="a", failing="b"), GREEN, Verdict.NEW_FAILURE, ()),
        (check_result(passing="a", failing="b"), RED, Verdict.FAILS_ON_BASE_TOO, ()),
    ],
    ids=[
        "base-unknown",
        "base-passes",
        "base-fails",
        "no-tests-known",
        "no-test-ran",
        "all-skipped",
        "no-report-any-more",
        "none-printed",
        "none-to-run",
        "no-number-any-more",
        "ends-before-its-result",
        "ignores-a-new-failure",
        "ignores-an-old-failure",
    ],
)
def test_a_head_that_passes(
    head: CheckResult, base: CheckResult | None, verdict: Verdict, fixed: tuple[str, ...]
) -> None:
    judged = judge_passed(head, base)
    assert (judged.verdict, judged.fixed) == (verdict, fixed)


@pytest.mark.parametrize(
    ("head", "base", "verdict", "failing"),
    [
        (RED, GREEN, Verdict.NEW_FAILURE, ("b",)),
        (MUTE_RED, MUTE_GREEN, Verdict.NEW_FAILURE, ()),
        (RED, RED, Verdict.FAILS_ON_BASE_TOO, ()),
        (MUTE_RED, MUTE_RED, Verdict.FAILS_ON_BASE_TOO, ()),
        (check_result(code=1, failing="bc"), RED, Verdict.NEW_FAILURE, ("c",)),
        (MUTE_RED, RED, Verdict.NEW_FAILURE, ()),
        (check_result(code=1, passing="ab"), RED, Verdict.NEW_FAILURE, ()),
        (check_result(code=1, failing="b", reported=False), RED, Verdict.NEW_FAILURE, ()),
        (RED, check_result(code=1, failing="x", reported=False), Verdict.FAILS_ON_BASE_TOO, ()),
    ],
    ids=[
        "base-passes",
        "base-passes-mute",
        "same-tests-fail",
        "both-fail-mute",
        "one-more-fails",
        "head-breaks-before-its-tests",
        "head-fails-without-a-failing-test",
        "head-writes-no-report",
        "names-cannot-be-compared",
    ],
)
def test_a_head_that_fails(
    head: CheckResult, base: CheckResult, verdict: Verdict, failing: tuple[str, ...]
) -> None:
    judged = judge_failed(head, base)
    assert (judged.verdict, judged.failing) == (verdict, failing)


@pytest.mark.parametrize(
    ("bases", "verdict"),
    [
        ([RED, GREEN], Verdict.FLAKY),
        ([GREEN, GREEN, RED], Verdict.FLAKY),
        ([GREEN] * 5, Verdict.NEW_FAILURE),
        ([RED] * 5, Verdict.NEW_FAILURE),
        ([], Verdict.NEW_FAILURE),
        ([check_result(code=1, failing="c"), GREEN], Verdict.NEW_FAILURE),
    ],
    ids=["both", "both-later", "base-passes", "base-fails", "not-run", "another-test"],
)
def test_chance_excuses_a_failure_only_if_the_base_shows_both_outcomes(
    bases: list[CheckResult], verdict: Verdict
) -> None:
    judged = judge_flaky(frozenset("b"), bases)
    assert (judged.verdict, judged.failing) == (verdict, ("b",))


def test_a_command_without_names_is_flaky_as_a_whole() -> None:
    assert judge_flaky(frozenset(), [MUTE_RED, MUTE_GREEN]).verdict is Verdict.FLAKY
    assert judge_flaky(frozenset(), [MUTE_GREEN, MUTE_GREEN]).verdict is Verdict.NEW_FAILURE


# One row for each pair of wordings: base -> new source, in the old and in the new wording. "-": not run there.
FOUR_RUNS = """
  P P | P P | hides nothing
  P P | F P | red to green
  P P | - P | hides nothing
  P P | P - | hides nothing
  P P | - - | hides nothing
  P P | F - | hides nothing
  F P | F P | red to green
  F P | P P | red to green
  F P | - - | red to green
  - - | F P | red to green
  - - | P P | proves nothing
  - - | - P | not compared
  - - | P - | not compared
  - - | - - | not compared
  P - | P P | no longer runs
  P - | P - | no longer runs
  P - | - - | no longer runs
  P - | F P | red to green
  F - | P P | not compared
  - P | P P | hides nothing
  P F | F P | expectation changed
  F F | F P | expectation changed
  - F | F P | expectation changed
  P F | P P | weakened
  P F | P - | weakened
  P F | - - | weakened
  P F | - P | weakened
  P F | F - | weakened
  - F | P P | weakened
  F F | P P | fails on the base too
  F F | - - | fails on the base too
  F F | F F | fails on the base too
  F F | P F | fails on the base too
  F - | F F | fails on the base too
  F P | F F | new failure
  P F | P F | new failure
  P P | P F | new failure
  P P | F F | new failure
  P - | P F | new failure
  - - | F F | new failure
  - - | P F | new failure
  - - | - F | new failure
"""
LETTERS = {"P": RunOutcome.PASSES, "F": RunOutcome.FAILS, "-": RunOutcome.NOT_RUN}


def wording(text: str) -> Wording:
    base, head = text.split()
    return Wording(LETTERS[base], LETTERS[head])


@pytest.mark.parametrize("row", FOUR_RUNS.strip().splitlines(), ids=lambda row: row.strip())
def test_each_cell_of_the_four_runs_has_its_meaning(row: str) -> None:
    old, new, meaning = row.split(" | ")
    assert judge_test(wording(old), wording(new)) == meaning


def test_no_old_wording_that_fails_with_the_change_is_ever_taken_for_proof() -> None:
    for base, red, head in itertools.product(RunOutcome, repeat=3):
        meaning = judge_test(Wording(base, RunOutcome.FAILS), Wording(red, head))
        assert meaning not in (Meaning.RED_TO_GREEN, Meaning.HIDES_NOTHING), (base, red, head)


def test_only_what_fails_each_time_is_named() -> None:
    judged = judge_failed(check_result(code=1, failing="bc"), GREEN, rerun=check_result(code=1, failing="cd"))
    assert (judged.verdict, judged.failing) == (Verdict.NEW_FAILURE, ("c",))


def test_two_different_failures_in_a_row_are_not_flaky() -> None:
    judged = judge_failed(check_result(code=1, failing="b"), GREEN, rerun=check_result(code=1, failing="c"))
    assert judged.verdict is Verdict.NEW_FAILURE


def test_fixed_tests_are_named_beside_a_new_failure() -> None:
    judged = judge_failed(check_result(code=1, passing="b", failing="c"), RED)
    assert (judged.failing, judged.fixed) == (("c",), ("b",))
