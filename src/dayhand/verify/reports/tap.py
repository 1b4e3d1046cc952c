"""The Test Anything Protocol, nested as Node writes it. https://testanything.org/tap-version-14-specification.html"""

from __future__ import annotations

import re

from dayhand.verify.reports.base import MAX_TESTS, CaseResult, CaseState, single

POINT = re.compile(r"( *)(not )?ok\b(?: +\d+)?(?: +- | +)?(.*)")
DIRECTIVE = re.compile(r"\s#\s*(skip|todo)\b", re.IGNORECASE)
SUBTEST = re.compile(r"( *)# Subtest: (.*)")
PLAN = re.compile(r" *(TAP version \d+|1\.\.\d+)\s*$", re.MULTILINE)


def read(text: str) -> tuple[CaseResult, ...]:
    """The test points, each named with the subtests that it stands in; a group's own point is left out."""
    if not PLAN.search(text):
        return ()
    found: list[CaseResult] = []
    open_groups: list[tuple[int, str, int]] = []  # indent, name, and how many were found before it
    for row in text.splitlines():
        if group := SUBTEST.match(row):
            indent = len(group[1])
            open_groups = [one for one in open_groups if one[0] < indent]
            open_groups.append((indent, group[2].strip(), len(found)))
        elif point := POINT.match(row):
            _point(point, found, open_groups)
            if len(found) >= MAX_TESTS:
                break
    return tuple(found)


def _point(point: re.Match[str], found: list[CaseResult], open_groups: list[tuple[int, str, int]]) -> None:
    indent = len(point[1])
    own = next((one for one in open_groups if one[0] == indent), None)
    if own and own[2] < len(found) and not point[2]:
        return  # it sums up the points inside it
    if own and own[2] < len(found) and any(one.state is CaseState.FAILED for one in found[own[2] :]):
        return
    words, directive = point[3], DIRECTIVE.search(point[3])
    if directive:
        words = words[: directive.start()]
    path = [name for depth, name, _ in open_groups if depth < indent]
    state = CaseState.SKIPPED if directive else CaseState.FAILED if point[2] else CaseState.PASSED
    found.append(single(" > ".join([*path, words.strip() or f"point {len(found) + 1}"]), state))
