"""The tick and cross lines of Node's spec reporter, Mocha, Jest and Vitest, nested by indentation."""

from __future__ import annotations

import re

from dayhand.verify.reports.base import MAX_TESTS, CaseResult, CaseState, single

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
AGAIN = re.compile(r"^\s*(?:✖ failing tests:|\d+ failing|Failed Tests|Summary of all failing tests)")
DEEPEST = 12
STATES = {"ok": CaseState.PASSED, "bad": CaseState.FAILED, "skip": CaseState.SKIPPED}


def read(text: str) -> tuple[CaseResult, ...]:
    """The ticks and crosses, each named with the groups that it stands in; a group's own mark only sums it up."""
    found: dict[str, CaseResult] = {}
    groups: set[str] = set()  # those that a test was found in
    path: list[tuple[int, str]] = []
    for row in text.splitlines():
        if AGAIN.match(row):
            break  # the failing ones are told once more
        if line := ROW.match(row):
            path = [one for one in path if one[0] < len(line[1])]
            around = " > ".join(group for _, group in path)
            name = f"{around} > {line[3]}" if around else line[3]
            if name not in groups:
                found[name] = single(name, STATES[MARKS[line[2]]])
            groups.add(around)
        elif group := GROUP.match(row):
            path = [*[one for one in path if one[0] < len(group[1])][:DEEPEST], (len(group[1]), group[2])]
        if len(found) >= MAX_TESTS:
            break
    return tuple(found.values())
