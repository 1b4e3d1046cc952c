"""The output of Python's unittest: the tests that failed, or all tests with ``-v``."""

from __future__ import annotations

import re

from dayhand.verify.reports.base import MAX_TESTS, CaseResult, CaseState, case_result

SUMMARY = re.compile(r"^Ran \d+ tests? in [\d.]+s", re.MULTILINE)
FAILED = re.compile(r"^(?:FAIL|ERROR): (\S+) \(([\w.]+)\)(.*)$")
VERBOSE = re.compile(r"^(\S+) \(([\w.]+)\) \.\.\. (ok|skipped|expected failure|FAIL|ERROR)\b")
STATES = {"ok": CaseState.PASSED, "FAIL": CaseState.FAILED, "ERROR": CaseState.FAILED}


def read(text: str) -> tuple[CaseResult, ...]:
    """The tests that unittest names; none without its summary line."""
    if not SUMMARY.search(text):
        return ()
    found: dict[str, CaseResult] = {}
    for row in text.splitlines():
        if line := VERBOSE.match(row):
            name, state = _name(line[1], line[2]), STATES.get(line[3], CaseState.SKIPPED)
        elif line := FAILED.match(row):
            name, state = _name(line[1], line[2]) + line[3], CaseState.FAILED
        else:
            continue
        found[name] = case_result(name, state)
        if len(found) >= MAX_TESTS:
            break
    return tuple(found.values())


def _name(test: str, owner: str) -> str:
    """The same name in all versions of Python: from 3.11 on, the name in parentheses ends with the test."""
    return owner if owner.endswith(f".{test}") else f"{owner}.{test}"
