"""Jest's report, asked for with ``--json``. https://jestjs.io/docs/cli#--json"""

from __future__ import annotations

import json

from dayhand.box_paths import WORKSPACE
from dayhand.verify.reports.base import MAX_TESTS, CaseResult, CaseState, case_result

STATES = {"passed": CaseState.PASSED, "failed": CaseState.FAILED}


def parse(text: str, workspace: str = WORKSPACE) -> tuple[CaseResult, ...] | None:
    """The tests, named by file and groups; None if the text is not such a report. A file that does not load counts as failing."""
    try:
        report = json.loads(text)
    except (ValueError, RecursionError):
        return None
    found = report.get("testResults") if isinstance(report, dict) else None
    if not isinstance(found, list):
        return None
    tests: list[CaseResult] = []
    for file in found:
        if isinstance(file, dict):
            tests += _file(file, str(file.get("name") or "").removeprefix(f"{workspace}/"))
        if len(tests) >= MAX_TESTS:
            break
    return tuple(tests)


def _file(file: dict[str, object], name: str) -> list[CaseResult]:
    found = file.get("assertionResults")
    cases = [case for case in found if isinstance(case, dict)] if isinstance(found, list) else []
    if not cases and file.get("status") == "failed":
        return [case_result(name, CaseState.FAILED, str(file.get("message") or ""))]
    return [_case(case, name) for case in cases]


def _case(case: dict[str, object], file: str) -> CaseResult:
    groups, messages = case.get("ancestorTitles"), case.get("failureMessages")
    names = [file, *(map(str, groups) if isinstance(groups, list) else ()), str(case.get("title") or "")]
    detail = "\n".join(map(str, messages)) if isinstance(messages, list) else ""
    return case_result(" > ".join(names), STATES.get(str(case.get("status")), CaseState.SKIPPED), detail)
