"""The Test Anything Protocol, nested as Node writes it. https://testanything.org/tap-version-14-specification.html"""

from __future__ import annotations

import re
from dataclasses import replace

from dayhand.verify.reports.base import MAX_TESTS, CaseResult, CaseState, case_result

POINT = re.compile(r"( *)(not )?ok\b(?: +\d+)?(?: +- | +)?(.*)")
DIRECTIVE = re.compile(r"\s#\s*(skip|todo)\b", re.IGNORECASE)
SUBTEST = re.compile(r"( *)# Subtest: (.*)")
COUNT = re.compile(r"^1\.\.(\d+)\s*$", re.MULTILINE)
AVA_FILE = (
    " › "  # before it stands the file, only where there are several: names must not change with their number
)
GROUP = re.compile(
    r"# (?!(?:tests|pass|fail|suites|cancelled|skipped|todo|duration_ms) )(\S.*)"
)  # as tape names its tests
PLAN = re.compile(r" *(TAP version \d+|1\.\.\d+)\s*$", re.MULTILINE)


def read(text: str) -> tuple[CaseResult, ...]:
    """The test points, each named with its subtests; the point of a group itself is left out."""
    if not PLAN.search(text):
        return ()
    found: list[CaseResult] = []
    open_groups: list[tuple[int, str, int]] = []  # indentation, name, number of tests found before it
    for row in text.splitlines():
        if subtest := SUBTEST.match(row):
            indent = len(subtest[1])
            open_groups = [group for group in open_groups if group[0] < indent]
            open_groups.append((indent, subtest[2].strip(), len(found)))
        elif group := GROUP.match(row):
            open_groups = [(-1, group[1].strip(), len(found))]
        elif point := POINT.match(row):
            _point(point, found, open_groups)
            if len(found) >= MAX_TESTS:
                break
    return tuple(found)


def parse(text: str) -> tuple[CaseResult, ...] | None:
    """The points of a stream that is complete: as many as its plan says."""
    plans = COUNT.findall(text)
    points = [line for line in text.splitlines() if POINT.match(line) and not line.startswith(" ")]
    if len(plans) != 1 or len(points) != int(plans[0]):
        return None
    return tuple(replace(test, name=test.name.rpartition(AVA_FILE)[2]) for test in read(text))


def _point(point: re.Match[str], found: list[CaseResult], open_groups: list[tuple[int, str, int]]) -> None:
    indent = len(point[1])
    group = next((group for group in open_groups if group[0] == indent), None)
    if group and group[2] < len(found) and not point[2]:
        return  # it only sums up its subtests
    if group and group[2] < len(found) and any(test.state is CaseState.FAILED for test in found[group[2] :]):
        return
    description, directive = point[3], DIRECTIVE.search(point[3])
    if directive:
        description = description[: directive.start()]
    path = [name for depth, name, _ in open_groups if depth < indent]
    state = CaseState.SKIPPED if directive else CaseState.FAILED if point[2] else CaseState.PASSED
    found.append(case_result(" > ".join([*path, description.strip() or f"point {len(found) + 1}"]), state))
