"""What Python's unittest prints: the tests that failed, and with ``-v`` all of them."""

from __future__ import annotations

import re

from dayhand.verify.reports.base import MOST_TESTS, Single, State, single

TALLY = re.compile(r"^Ran \d+ tests? in [\d.]+s", re.MULTILINE)
FAILED = re.compile(r"^(?:FAIL|ERROR): (\S+) \(([\w.]+)\)(.*)$")
VERBOSE = re.compile(r"^(\S+) \(([\w.]+)\) \.\.\. (ok|skipped|expected failure|FAIL|ERROR)\b")
STATES = {"ok": State.PASSED, "FAIL": State.FAILED, "ERROR": State.FAILED}


def read(text: str) -> tuple[Single, ...]:
    """The tests that unittest names; none where its tally is missing."""
    if not TALLY.search(text):
        return ()
    found: dict[str, Single] = {}
    for row in text.splitlines():
        if line := VERBOSE.match(row):
            name, state = _name(line[1], line[2]), STATES.get(line[3], State.SKIPPED)
        elif line := FAILED.match(row):
            name, state = _name(line[1], line[2]) + line[3], State.FAILED
        else:
            continue
        found[name] = single(name, state)
        if len(found) >= MOST_TESTS:
            break
    return tuple(found.values())


def _name(test: str, place: str) -> str:
    """One name in all Pythons: from 3.11 on the place ends with the test."""
    return place if place.endswith(f".{test}") else f"{place}.{test}"
