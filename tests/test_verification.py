"""What follows from the nouns alone."""

from __future__ import annotations

import pytest

from dayhand.verification import (
    Concern,
    Finding,
    Verdict,
    Verification,
)

WEAKER = (Concern("skipped test", "test_shop.py", 3, "test_sum"),)


@pytest.mark.parametrize(
    ("verdicts", "concerns", "conclusion"),
    [
        ((Verdict.PASSES, Verdict.NEW_FAILURE), (), "failure"),
        ((Verdict.PASSES, Verdict.NEW_FAILURE), WEAKER, "failure"),
        ((Verdict.PASSES, Verdict.DOES_NOT_TEST), (), "neutral"),
        ((Verdict.PASSES,), WEAKER, "action_required"),
        ((Verdict.FIXED, Verdict.FLAKY), (), "success"),
        ((Verdict.PASSES, Verdict.FAILS_ON_BASE_TOO, Verdict.CANNOT_RUN), (), "success"),
        ((Verdict.FLAKY,), (), "neutral"),
        ((Verdict.FAILS_ON_BASE_TOO,), WEAKER, "action_required"),
        ((Verdict.PASSES, Verdict.DOES_NOT_TEST), WEAKER, "action_required"),
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


def test_what_lint_says_is_no_success_where_no_test_could_run() -> None:
    lint = Finding("lint", "make lint", Verdict.PASSES, None)
    test, other = (Finding("test", one, Verdict.CANNOT_RUN, None) for one in ("make test", "npm test"))
    assert Verification("c0ffee", (lint, test, other)).conclusion.status == "neutral"
    ran = Finding("test", "make test", Verdict.PASSES, None)
    assert Verification("c0ffee", (lint, ran, other)).conclusion.status == "success"
    assert Verification("c0ffee", (lint,)).conclusion.status == "success", "there are no tests to run"
