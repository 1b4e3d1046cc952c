"""What follows from the nouns alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dayhand.verification import (
    Concern,
    Conclusion,
    Expectation,
    Finding,
    Gap,
    Objection,
    Scope,
    Status,
    Unverified,
    Verdict,
    Verification,
)

WEAKER = (Concern("skipped test", "test_shop.py", 3, "test_sum"),)


@pytest.mark.parametrize(
    ("verdicts", "concerns", "conclusion"),
    [
        ((Verdict.PASSES, Verdict.NEW_FAILURE), (), "failure"),
        ((Verdict.PASSES, Verdict.NEW_FAILURE), WEAKER, "failure"),
        ((Verdict.PASSES, Verdict.DOES_NOT_TEST), (), "success"),
        ((Verdict.DOES_NOT_TEST,), (), "neutral"),
        ((Verdict.FAILS_ON_BASE_TOO,), (), "neutral"),
        ((Verdict.PASSES,), WEAKER, "action_required"),
        ((Verdict.FIXED, Verdict.FLAKY), (), "success"),
        ((Verdict.PASSES, Verdict.FAILS_ON_BASE_TOO, Verdict.CANNOT_RUN), (), "success"),
        ((Verdict.FLAKY,), (), "neutral"),
        ((Verdict.FAILS_ON_BASE_TOO,), WEAKER, "action_required"),
        ((Verdict.DOES_NOT_TEST,), WEAKER, "action_required"),
        ((), WEAKER, "action_required"),
        ((Verdict.CANNOT_RUN,), (), "neutral"),
        ((), (), "neutral"),
    ],
)
def test_the_conclusion_follows_from_the_findings_alone(
    verdicts: tuple[Verdict, ...], concerns: tuple[Concern, ...], conclusion: str
) -> None:
    findings = tuple(Finding("test", "make test", verdict, None) for verdict in verdicts)
    assert Verification("c0ffee", findings, concerns).conclusion.status == conclusion


TESTS = Finding("test", "make test", Verdict.PASSES, None)
LINT = Finding("lint", "make lint", Verdict.PASSES, None)
CHANGED = Finding("test", "make test", Verdict.PASSES, None, expectations=(Expectation("test_sum"),))


def test_success_is_proof_and_not_the_absence_of_a_failure() -> None:
    """Tests that ran and passed speak for every project that the change touches."""
    gap = (Gap(Unverified.CANNOT_RUN, "backend"),)
    assert Verification("c0ffee", (LINT,)).conclusion.status == "neutral", "only lint"
    assert Verification("c0ffee", (LINT, TESTS), gaps=gap).conclusion.status == "neutral"
    assert Verification("c0ffee", (LINT, TESTS)).conclusion.status == "success"
    beside = Finding("test", "make test", Verdict.FAILS_ON_BASE_TOO, None, proves=("",))
    assert Verification("c0ffee", (beside,)).conclusion.status == "success"


def test_a_new_failure_stays_one_when_the_size_is_accepted() -> None:
    failing = Finding("test", "make test", Verdict.NEW_FAILURE, None)
    huge = Verification("c0ffee", (failing,), scope=Scope(lines=11, max_lines=6))
    assert huge.conclusion == Conclusion(Status.FAILURE, Status.FAILURE, (Objection.TOO_LARGE,))
    passing = replace(huge, findings=(TESTS,))
    assert passing.conclusion == Conclusion(Status.ACTION_REQUIRED, Status.SUCCESS, (Objection.TOO_LARGE,))
    assert replace(huge, findings=()).conclusion.if_accepted is Status.NEUTRAL, "no check speaks for it"


def test_a_changed_expectation_is_for_a_person_to_confirm_and_holds_nothing() -> None:
    conclusion = Verification("c0ffee", (CHANGED,)).conclusion
    assert (conclusion.status, conclusion.objections) == ("neutral", ())
    assert Verification("c0ffee", (CHANGED,), WEAKER).conclusion.if_accepted == "neutral"
