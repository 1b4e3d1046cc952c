"""What PHPUnit prints: the tests that failed, numbered."""

from __future__ import annotations

import re

from dayhand.verify.reports.base import MAX_TESTS, CaseResult, CaseState, single

TALLY = re.compile(r"^(?:OK \(\d+ tests?, |Tests: \d+, Assertions: \d+)", re.MULTILINE)
LIST = re.compile(r"^There (?:was|were) \d+ ([a-z ]+?)s?:$")
NAME = re.compile(r"^\d+\) ([\\\w]+::.+)$")
FAILING = ("error", "failure")


def read(text: str) -> tuple[CaseResult, ...]:
    """The tests that PHPUnit says failed; none where its tally is missing."""
    if not TALLY.search(text):
        return ()
    found: dict[str, CaseResult] = {}
    failing = False
    for row in text.splitlines():
        if listed := LIST.match(row):
            failing = listed[1] in FAILING
        elif failing and (line := NAME.match(row)):
            name = re.sub(r" \(.*\)$", "", line[1])  # a data set's values: its number is enough
            found[name] = single(name, CaseState.FAILED)
        if len(found) >= MAX_TESTS:
            break
    return tuple(found.values())
