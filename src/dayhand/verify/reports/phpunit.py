"""The output of PHPUnit: a numbered list of the tests that failed."""

from __future__ import annotations

import re

from dayhand.verify.reports.base import MAX_TESTS, CaseResult, CaseState, case_result

SUMMARY = re.compile(r"^(?:OK \(\d+ tests?, |Tests: \d+, Assertions: \d+)", re.MULTILINE)
LIST = re.compile(r"^There (?:was|were) \d+ ([a-z ]+?)s?:$")
NAME = re.compile(r"^\d+\) ([\\\w]+::.+)$")
FAILING = ("error", "failure")


def read(text: str) -> tuple[CaseResult, ...]:
    """The tests that failed; none without PHPUnit's summary line."""
    if not SUMMARY.search(text):
        return ()
    found: dict[str, CaseResult] = {}
    failing = False
    for row in text.splitlines():
        if listed := LIST.match(row):
            failing = listed[1] in FAILING
        elif failing and (line := NAME.match(row)):
            name = re.sub(
                r" \(.*\)$", "", line[1]
            )  # the number of a data set is enough, its values are left out
            found[name] = case_result(name, CaseState.FAILED)
        if len(found) >= MAX_TESTS:
            break
    return tuple(found.values())
