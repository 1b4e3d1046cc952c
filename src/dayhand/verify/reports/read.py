"""The results of single tests, read from the reports that a test command wrote, or from its output.

A report never overrides the exit code: a command that fails has failed, whatever it reported, and if nothing can be
read, the exit code alone counts. A report file was written by a test runner that ran; printed text only names tests.
"""

from __future__ import annotations

from collections.abc import Sequence

from dayhand.startup.records import dataclass
from dayhand.untrusted_text import BYTE_ORDER_MARK
from dayhand.verification import Counts
from dayhand.verify.reports import (
    cargo,
    go,
    hook_report,
    jest,
    junit,
    minitest,
    phpunit,
    pytest,
    python_unittest,
    rspec,
    spec,
    tap,
    trx,
)
from dayhand.verify.reports.base import CaseResult, CaseState, ReportFormat

PRINTED: tuple[ReportFormat, ...] = (junit, go, cargo, tap, pytest, python_unittest, minitest, phpunit, spec)


@dataclass(frozen=True, slots=True)
class Results:
    """The known results of the single tests of one run."""

    tests: tuple[CaseResult, ...]
    reported: bool  # whether they come from report files: then all tests are known
    counted: bool = False  # printed, and as many as the runner says that there are

    @property
    def names_all(self) -> bool:
        return self.reported or self.counted

    @property
    def failing(self) -> frozenset[str]:
        return frozenset(test.name for test in self.tests if test.state is CaseState.FAILED)

    @property
    def passing(self) -> frozenset[str]:
        """The tests that never failed: two tests may share a name."""
        return frozenset(test.name for test in self.tests if test.state is CaseState.PASSED) - self.failing

    @property
    def counts(self) -> Counts | None:
        """The numbers of tests by result; None if they come from printed text, which may name only some."""
        if not self.reported:
            return None
        states = [test.state for test in self.tests]
        return Counts(
            *(states.count(state) for state in (CaseState.PASSED, CaseState.FAILED, CaseState.SKIPPED))
        )


def read_results(reports: Sequence[str], printed: str) -> Results | None:
    """The results in ``reports`` (the texts of report files), otherwise those in ``printed``; None if there are none.

    If one report cannot be read, none of them counts: the missing part could hold the failures.
    """
    parsed = [_parse(text) for text in reports]
    if parsed and all(tests is not None for tests in parsed):
        unbuilt = (
            go.failed_builds(printed) if any(map(go.is_report, reports)) else ()
        )  # no program, so no report
        return Results((*(test for tests in parsed for test in tests or ()), *unbuilt), reported=True)
    for report_format in PRINTED:
        if tests := report_format.read(printed):
            counted = report_format is cargo and cargo.is_complete(printed)
            return Results(tests, reported=False, counted=counted)
    return None


def _parse(text: str) -> tuple[CaseResult, ...] | None:
    """One report, by its format; None if it cannot be read."""
    start = text.lstrip(f"{BYTE_ORDER_MARK} \t\r\n")
    if go.is_report(start):
        return go.parse(start)
    if start.startswith("TAP version"):
        return tap.parse(start)
    if start.startswith("<"):
        return trx.parse(start) if trx.ROOT in start[:2000] else junit.parse(start)
    readers = (hook_report.parse, jest.parse, rspec.parse)
    return next((tests for read in readers if (tests := read(start)) is not None), None)
