"""The ticks and crosses that Node's spec reporter, Mocha, Jest and Vitest print, nested by indentation."""

from __future__ import annotations

import re

from dayhand.verify.reports.base import MAX_TESTS, CaseResult, CaseState, case_result

MARKS = {
    "✔": "ok",
    "✓": "ok",
    "√": "ok",
    "✖": "bad",
    "✗": "bad",
    "✕": "bad",
    "×": "bad",
    "﹣": "skip",
    "○": "skip",
}
ROW = re.compile(r"^( *)([✔✓√✖✗✕×﹣○]) (.+?)(?: \(?\d+(?:\.\d+)? ?m?s\)?)?(?: # (?:SKIP|TODO).*)?$")
GROUP = re.compile(r"^( *)(?:▶ |PASS +|FAIL +)?(\S.*?)(?: \(\d+(?:\.\d+)? ?m?s\))?$")
FAILURES_REPEATED = re.compile(
    r"^\s*(?:✖ failing tests:|\d+ failing|Failed Tests|Summary of all failing tests)"
)
MAX_DEPTH = 12
STATES = {"ok": CaseState.PASSED, "bad": CaseState.FAILED, "skip": CaseState.SKIPPED}


def read(text: str) -> tuple[CaseResult, ...]:
    """The tests, each named with its groups; the mark of a group only sums up its tests and is left out."""
    found: dict[str, CaseResult] = {}
    groups: set[str] = set()  # with at least one test
    path: list[tuple[int, str]] = []
    for row in text.splitlines():
        if FAILURES_REPEATED.match(row):
            break
        if line := ROW.match(row):
            path = _outside(path, len(line[1]))
            group_name = " > ".join(name for _, name in path)
            name = f"{group_name} > {line[3]}" if group_name else line[3]
            if name not in groups:
                found[name] = case_result(name, STATES[MARKS[line[2]]])
            groups.add(group_name)
        elif group := GROUP.match(row):
            path = [*_outside(path, len(group[1]))[:MAX_DEPTH], (len(group[1]), group[2])]
        if len(found) >= MAX_TESTS:
            break
    return tuple(found.values())


def _outside(path: list[tuple[int, str]], indent: int) -> list[tuple[int, str]]:
    """The groups that a line with this indentation belongs to."""
    return [group for group in path if group[0] < indent]
