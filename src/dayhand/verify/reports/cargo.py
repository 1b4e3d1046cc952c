"""What ``cargo test`` prints: a line a test, under the target that it belongs to."""

from __future__ import annotations

import re

from dayhand.verify.reports.base import MOST_TESTS, Single, State, single

TARGET = re.compile(r"^ +(?:Running (?:unittests )?(\S+) \(|Doc-tests (\S+))")
TEST = re.compile(r"^test (\S.*?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)\b")
STATES = {"ok": State.PASSED, "FAILED": State.FAILED, "ignored": State.SKIPPED}


def read(text: str) -> tuple[Single, ...]:
    """The tests by target and path; none where no target ran."""
    found: dict[str, Single] = {}
    target = ""
    for row in text.splitlines():
        if running := TARGET.match(row):
            target = running[1] or running[2]
        elif target and (line := TEST.match(row)):
            name = f"{target}::{re.sub(r'[(]line [0-9]+[)]', '', line[1]).strip()}"
            if name not in found or line[2] == "FAILED":
                found[name] = single(name, STATES[line[2]])
        if len(found) >= MOST_TESTS:
            break
    return tuple(found.values())
