"""The output of ``cargo test`` and ``cargo nextest``: one line per test, under or beside its target.

libtest writes JSON with unstable options only.
"""

from __future__ import annotations

import re

from dayhand.verify.reports.base import MAX_TESTS, CaseResult, CaseState, case_result

TARGET = re.compile(r"^ +(?:Running (?:unittests )?(\S+) \(|Doc-tests (\S+))")
TEST = re.compile(r"^test (\S.*?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)\b")
ANNOUNCED = re.compile(r"^running (\d+) tests?$")
# https://nexte.st/docs/reporting/
NEXTEST = re.compile(r"^ +(PASS|FAIL|SIG\w+|TIMEOUT|SKIP) \[[ \d.>]*s?\](?: +\( *\d+/\d+\))? +(\S+) +(\S.*)$")
STATES = {"ok": CaseState.PASSED, "FAILED": CaseState.FAILED, "ignored": CaseState.SKIPPED}

NEXTEST_STATES = {"PASS": CaseState.PASSED, "SKIP": CaseState.SKIPPED}


def read(text: str) -> tuple[CaseResult, ...]:
    """The tests, named by target and path; none if no target ran."""
    found: dict[str, CaseResult] = {}
    target = ""
    for row in text.splitlines():
        if running := TARGET.match(row):
            target = running[1] or running[2]
        elif nextest := NEXTEST.match(row):
            name = f"{nextest[2]}::{nextest[3]}"
            found[name] = case_result(name, NEXTEST_STATES.get(nextest[1], CaseState.FAILED))
        elif target and (line := TEST.match(row)):
            name = f"{target}::{re.sub(r'[(]line [0-9]+[)]', '', line[1]).strip()}"
            if name not in found or line[2] == "FAILED":
                found[name] = case_result(name, STATES[line[2]])
        if len(found) >= MAX_TESTS:
            break
    return tuple(found.values())


def is_complete(text: str) -> bool:
    """Whether the output names as many tests as libtest says it runs."""
    rows = text.splitlines()
    announced = [int(row[1]) for row in map(ANNOUNCED.match, rows) if row]
    return 0 < sum(announced) == sum(bool(TEST.match(row)) for row in rows)
