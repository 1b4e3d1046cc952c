"""The output of ``go test``: events with ``-json``, otherwise the lines that name tests and packages.

The report is what a test binary prints with ``-test.v``, kept by the hook that starts it: one for each package.

https://pkg.go.dev/cmd/test2json
"""

from __future__ import annotations

import json
import re

from dayhand.box_paths import WORKSPACE
from dayhand.verify.reports.base import MAX_TESTS, CaseResult, CaseState, case_result

LINE = re.compile(r"^ *--- (PASS|FAIL|SKIP): (\S+) \([\d.]+s\)$")
PACKAGE = re.compile(r"^(ok  |FAIL)\t(\S+)[\t ]")
REPORT = re.compile(r"dayhand go (.*)\n")
EXIT = re.compile(r"\ndayhand exit (\d+)\s*\Z")
FAILED_BUILD = re.compile(r"^FAIL\t(\S+) \[(?:build|setup) failed\]$", re.MULTILINE)
ENDS = {"pass": CaseState.PASSED, "fail": CaseState.FAILED, "skip": CaseState.SKIPPED}


def read(text: str) -> tuple[CaseResult, ...]:
    """The tests, named by package and test."""
    return _events(text) or _lines(text)


def is_report(text: str) -> bool:
    """Whether it is the report of one package."""
    return bool(REPORT.match(text))


def parse(text: str, workspace: str = WORKSPACE) -> tuple[CaseResult, ...] | None:
    """The tests of one package, named by its folder; None if the report is not complete.

    A package that fails without a failing test counts as one: its ``TestMain`` ended the run.
    """
    begin, end = REPORT.match(text), EXIT.search(text)
    if begin is None or end is None:
        return None
    folder = begin[1].removeprefix(workspace).strip("/")
    package = f"./{folder}." if folder else "./"
    found: dict[str, CaseResult] = {}
    said: list[str] = []
    for row in text[begin.end() : end.start()].splitlines():
        if line := LINE.match(row):
            found[line[2]] = case_result(f"{package}{line[2]}", ENDS[line[1].lower()], "\n".join(said))
            said = []
        elif not row.startswith("=== "):
            said = [*said[-20:], row]
        if len(found) >= MAX_TESTS:
            break
    if end[1] != "0" and not any(test.state is CaseState.FAILED for test in found.values()):
        found[""] = case_result(package, CaseState.FAILED, "\n".join(said))
    return tuple(found.values())


def failed_builds(printed: str) -> tuple[CaseResult, ...]:
    """The packages that could not be built, by what was printed: each counts as a failing test."""
    return tuple(case_result(found[1], CaseState.FAILED) for found in FAILED_BUILD.finditer(printed))


def _lines(text: str) -> tuple[CaseResult, ...]:
    """A package's line follows those of its tests. A package that fails without a failing test does not build: it counts as one."""
    found: dict[str, CaseResult] = {}
    open_tests: list[tuple[str, CaseState]] = []
    for row in text.splitlines():
        if line := LINE.match(row):
            open_tests.append((line[2], ENDS[line[1].lower()]))
        elif package := PACKAGE.match(row):
            found |= {
                f"{package[2]}.{name}": case_result(f"{package[2]}.{name}", state)
                for name, state in open_tests
            }
            if package[1] == "FAIL" and not any(state is CaseState.FAILED for _, state in open_tests):
                found[package[2]] = case_result(package[2], CaseState.FAILED)
            open_tests = []
        if len(found) >= MAX_TESTS:
            break
    return tuple(found.values())


def _events(text: str) -> tuple[CaseResult, ...]:
    """As above: a package that fails without a failing test does not build, and counts as a failing test itself."""
    found: dict[str, CaseResult] = {}
    output: dict[str, str] = {}
    for row in text.splitlines():
        event = _event(row)
        package, test, action = (str(event.get(key) or "") for key in ("Package", "Test", "Action"))
        if not package or len(found) >= MAX_TESTS:
            continue
        name = f"{package}.{test}" if test else package
        if action == "output" and len(output.get(name, "")) < 4000:
            output[name] = output.get(name, "") + str(event.get("Output") or "")
        elif action in ENDS and (test or (action == "fail" and not _failed_in(found, package))):
            found[name] = case_result(name, ENDS[action], output.get(name, "") if action == "fail" else "")
    return tuple(found.values())


def _failed_in(found: dict[str, CaseResult], package: str) -> bool:
    return any(
        test.state is CaseState.FAILED and name.startswith(f"{package}.") for name, test in found.items()
    )


def _event(row: str) -> dict[str, object]:
    if not row.startswith("{"):
        return {}
    try:
        event = json.loads(row)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}
