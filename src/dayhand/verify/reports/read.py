"""Single tests' results, read from whatever a test command left or printed.

A report is a witness, not the judge: a command that fails has failed whatever it wrote, and where nothing can be
read its exit code alone speaks. A report in a file was made by a test runner that ran; printed words only name tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dayhand.verification import Counts
from dayhand.verify.reports import (
    cargo,
    go,
    junit,
    minitest,
    phpunit,
    pytest,
    python_unittest,
    rspec,
    spec,
    tap,
)
from dayhand.verify.reports.base import CaseResult, CaseState, Format

PRINTED: tuple[Format, ...] = (junit, go, cargo, tap, pytest, python_unittest, minitest, phpunit, spec)


@dataclass(frozen=True, slots=True)
class Results:
    """What is known of the single tests of one run."""

    tests: tuple[CaseResult, ...]
    reported: bool  # a runner wrote a report file: then this is all of them

    @property
    def failing(self) -> frozenset[str]:
        return frozenset(test.name for test in self.tests if test.state is CaseState.FAILED)

    @property
    def passing(self) -> frozenset[str]:
        """Those that passed wherever they ran: two tests may have one name."""
        return frozenset(test.name for test in self.tests if test.state is CaseState.PASSED) - self.failing

    @property
    def counts(self) -> Counts | None:
        """How many ended how; None where only printed words tell, which need not be all."""
        if not self.reported:
            return None
        states = [test.state for test in self.tests]
        return Counts(
            *(states.count(state) for state in (CaseState.PASSED, CaseState.FAILED, CaseState.SKIPPED))
        )


def read_results(reports: Sequence[str], printed: str) -> Results | None:
    """The results in ``reports`` (the texts of files that runners wrote), else in what was printed; None for none.

    Where one report cannot be read, none counts: what is missing could be what failed.
    """
    read = [junit.parse(one) if one.lstrip().startswith("<") else rspec.parse(one) for one in reports]
    if read and all(one is not None for one in read):
        return Results(tuple(test for one in read for test in one or ()), reported=True)
    for form in PRINTED:
        if tests := form.read(printed):
            return Results(tests, reported=False)
    return None
