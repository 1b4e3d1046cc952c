"""What Python's unittest prints: the tests that failed, and with ``-v`` all of them."""

from __future__ import annotations

import re

from dayhand.verify.reports.base import MAX_TESTS, CaseResult, CaseState, single

TALLY = re.compile(r"^Ran \d+ tests? in [\d.]+s", re.MULTILINE)
FAILED = re.compile(r"^(?:FAIL|ERROR): (\S+) \(([\w.]+)\)(.*)$")
VERBOSE = re.compile(r"^(\S+) \(([\w.]+)\) \.\.\. (ok|skipped|expected failure|FAIL|ERROR)\b")
STATES = {"ok": CaseState.PASSED, "FAIL": CaseState.FAILED, "ERROR": CaseState.FAILED}


def read(text: str) -> tuple[CaseResult, ...]:
    """The tests that unittest names; none where its tally is missing."""
    if not TALLY.search(text):
        return ()
    found: dict[str, CaseResult] = {}
    for row in text.splitlines():
        if line := VERBOSE.match(row):
            name, state = _name(line[1], line[2]), STATES.get(line[3], CaseState.SKIPPED)
        elif line := FAILED.match(row):
            name, state = _name(line[1], line[2]) + line[3], CaseState.FAILED
        else:
            continue
        found[name] = single(name, state)
        if len(found) >= MAX_TESTS:
            break
    return tuple(found.values())


def _name(test: str, place: str) -> str:
    """One name in all Pythons: from 3.11 on the place ends with the test."""
    return place if place.endswith(f".{test}") else f"{place}.{test}"
