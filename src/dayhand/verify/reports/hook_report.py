"""The report that Dayhand's own hooks write: ``{"dayhand": [{"name", "state", "detail"}]}``."""

from __future__ import annotations

import json

from dayhand.verify.reports.base import MAX_TESTS, CaseResult, CaseState, case_result


def parse(text: str) -> tuple[CaseResult, ...] | None:
    """The tests, if any; None if the text is not such a report."""
    try:
        report = json.loads(text)
    except (ValueError, RecursionError):
        return None
    tests = report.get("dayhand") if isinstance(report, dict) else None
    if not isinstance(tests, list):
        return None
    return tuple(_case(test) for test in tests[:MAX_TESTS] if isinstance(test, dict))


def _case(test: dict[str, object]) -> CaseResult:
    words = {state.value: state for state in CaseState}
    state = words.get(str(test.get("state")), CaseState.SKIPPED)
    return case_result(str(test.get("name") or ""), state, str(test.get("detail") or ""))
