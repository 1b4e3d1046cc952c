"""The verdict matrix: the results of the head, the base and a second run of the head."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dayhand.verification import Verdict
from dayhand.verify.judge import judge_failed, judge_passed
from dayhand.verify.reports.base import CaseResult, CaseState
from dayhand.verify.reports.read import Results
from dayhand.verify.runner import CheckResult
from tests.verify.runs import check_result

GREEN, RED = check_result(passing="ab"), check_result(code=1, passing="a", failing="b")
MUTE_GREEN, MUTE_RED = check_result(known=False), check_result(code=1, known=False)
EMPTY = check_result()
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
    ],
    ids=["base-unknown", "base-passes", "base-fails", "no-tests-known", "no-test-ran", "all-skipped"],
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


def test_a_failure_that_passes_when_run_again_is_flaky() -> None:
    judged = judge_failed(RED, GREEN, rerun=GREEN)
    assert (judged.verdict, judged.failing) == (Verdict.FLAKY, ("b",))


def test_only_what_fails_each_time_is_named() -> None:
    judged = judge_failed(check_result(code=1, failing="bc"), GREEN, rerun=check_result(code=1, failing="cd"))
    assert (judged.verdict, judged.failing) == (Verdict.NEW_FAILURE, ("c",))


def test_two_different_failures_in_a_row_are_not_flaky() -> None:
    judged = judge_failed(check_result(code=1, failing="b"), GREEN, rerun=check_result(code=1, failing="c"))
    assert judged.verdict is Verdict.NEW_FAILURE


def test_fixed_tests_are_named_beside_a_new_failure() -> None:
    judged = judge_failed(check_result(code=1, passing="b", failing="c"), RED)
    assert (judged.failing, judged.fixed) == (("c",), ("b",))
