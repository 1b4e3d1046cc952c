"""Results of checks, written by hand."""

from __future__ import annotations

from dayhand.verification import Run
from dayhand.verify.reports.base import CaseResult, CaseState
from dayhand.verify.reports.read import Results
from dayhand.verify.runner import CheckResult


def check_result(
    *,
    code: int = 0,
    passing: str = "",
    failing: str = "",
    skipped: str = "",
    reported: bool = True,
    known: bool = True,
) -> CheckResult:
    """A result whose tests are named by the letters of ``passing``, ``failing`` and ``skipped``."""
    states = (
        (CaseState.PASSED, passing),
        (CaseState.FAILED, failing),
        (CaseState.SKIPPED, skipped),
    )
    tests = tuple(CaseResult(name, state) for state, names in states for name in names)
    results = Results(tests, reported) if known else None
    return CheckResult(Run("make test", code, "exit", 1.0, "", 3), results)
