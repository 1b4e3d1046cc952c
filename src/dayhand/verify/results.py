"""Single tests' results, read from whatever a test command left or printed.

A report is a witness, not the judge: a command that fails has failed whatever it wrote, and where nothing can be
read its exit code alone speaks. A report in a file was made by a test runner that ran; printed words only name tests.
"""

from __future__ import annotations

from dataclasses import dataclass

from dayhand.task import Counts
from dayhand.verify.reports import go, junit, pytest, python_unittest, spec, tap
from dayhand.verify.reports.base import Format, Single, State

PRINTED: tuple[Format, ...] = (junit, go, tap, pytest, python_unittest, spec)


@dataclass(frozen=True, slots=True)
class Results:
    """What is known of the single tests of one run."""

    tests: tuple[Single, ...]
    reported: bool  # a runner wrote a report file: then this is all of them

    @property
    def failing(self) -> frozenset[str]:
        return frozenset(test.name for test in self.tests if test.state is State.FAILED)

    @property
    def passing(self) -> frozenset[str]:
        """Those that passed wherever they ran: two tests may have one name."""
        return frozenset(test.name for test in self.tests if test.state is State.PASSED) - self.failing

    @property
    def counts(self) -> Counts | None:
        """How many ended how; None where only printed words tell, which need not be all."""
        if not self.reported:
            return None
        states = [test.state for test in self.tests]
        return Counts(*(states.count(state) for state in (State.PASSED, State.FAILED, State.SKIPPED)))


def read_results(report: str, printed: str) -> Results | None:
    """The results in ``report`` (a JUnit file's text, "" for none), else in what was printed; None for none."""
    reported = junit.parse(report)
    if reported is not None:
        return Results(reported, reported=True)
    for form in PRINTED:
        if tests := form.read(printed):
            return Results(tests, reported=False)
    return None
