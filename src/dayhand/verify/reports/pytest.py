"""The output of pytest, if it wrote no report: its short summary, and the lines of ``-v``."""

from __future__ import annotations

import re

from dayhand.verify.reports.base import MAX_TESTS, CaseResult, CaseState, case_result

SUMMARY = re.compile(
    r"^(PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS) (?:\[\d+\] )?(\S+\.py(?:::.+?)?)(?: - (.*))?$"
)
VERBOSE = re.compile(r"^(\S+\.py::\S.*?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b")
STATES = {
    "PASSED": CaseState.PASSED,
    "XPASS": CaseState.PASSED,
    "FAILED": CaseState.FAILED,
    "ERROR": CaseState.FAILED,
}


def read(text: str) -> tuple[CaseResult, ...]:
    """The tests that pytest names: all tests with ``-v``, otherwise those that failed."""
    found: dict[str, CaseResult] = {}
    for row in text.splitlines():
        if line := VERBOSE.match(row):
            name, word, detail = line[1], line[2], ""
        elif line := SUMMARY.match(row):
            name, word, detail = line[2], line[1], line[3] or ""
        else:
            continue
        found[name] = case_result(name, STATES.get(word, CaseState.SKIPPED), detail)
        if len(found) >= MAX_TESTS:
            break
    return tuple(found.values())
