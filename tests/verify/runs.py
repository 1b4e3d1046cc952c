"""Runs made by hand, for what judges them."""

from __future__ import annotations

from dayhand.verification import Run
from dayhand.verify.reports.base import CaseResult, CaseState
from dayhand.verify.reports.read import Results
from dayhand.verify.runner import CheckResult


def ran(
    *, code: int = 0, passing: str = "", failing: str = "", reported: bool = True, known: bool = True
) -> CheckResult:
    """A run whose tests have the letters of ``passing`` and ``failing`` as names."""
    tests = [CaseResult(name, CaseState.PASSED) for name in passing] + [
        CaseResult(name, CaseState.FAILED) for name in failing
    ]
    results = Results(tuple(tests), reported) if known else None
    return CheckResult(Run("make test", code, "exit", 1.0, "", 3), results)
