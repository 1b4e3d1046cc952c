"""The output of Minitest, which Rails uses too: the tests that failed, or all tests with ``-v``."""

from __future__ import annotations

import re

from dayhand.verify.reports.base import MAX_TESTS, CaseResult, CaseState, case_result

SUMMARY = re.compile(r"^\d+ (?:runs|tests), \d+ assertions, \d+ failures, \d+ errors", re.MULTILINE)
HEAD = re.compile(r"^ *\d+\) (Failure|Error):$|^(Failure|Error):$")
NAME = re.compile(r"^([A-Z][\w:]*#[^\[\n]+?)(?: \[[^\]]*\])?:$")
VERBOSE = re.compile(r"^([A-Z][\w:]*#.+) = [\d.]+ s = ([.FES])$")
STATES = {".": CaseState.PASSED, "S": CaseState.SKIPPED, "F": CaseState.FAILED, "E": CaseState.FAILED}


def read(text: str) -> tuple[CaseResult, ...]:
    """The tests that Minitest names; none without its summary line."""
    if not SUMMARY.search(text):
        return ()
    found: dict[str, CaseResult] = {}
    failed = False
    for row in text.splitlines():
        if line := VERBOSE.match(row):
            found[line[1]] = case_result(line[1], STATES[line[2]])
        elif failed and (name := NAME.match(row)):
            found[name[1]] = case_result(name[1], CaseState.FAILED)
        failed = bool(HEAD.match(row))
        if len(found) >= MAX_TESTS:
            break
    return tuple(found.values())
