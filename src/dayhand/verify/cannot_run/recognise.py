"""The rule: a check cannot run if it lacks the same thing with the change and without it.

What only the head lacks is the change's own doing, and a test that passes on the base can run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dayhand.startup.records import dataclass
from dayhand.verify.cannot_run.base import CannotRun, Cause, Kind
from dayhand.verify.cannot_run.causes import asserted, find_causes, first_cause, last_error
from dayhand.verify.cannot_run.summary import count_passed
from dayhand.verify.cannot_run.wording import explain
from dayhand.verify.reports.base import CaseState
from dayhand.verify.runner import CheckResult

MAX_DETAILS = 2_000  # different ones that are read: a test beyond them is judged by those that fail beside it
# A compiler or an interpreter refused a file.
DOES_NOT_LOAD = re.compile(
    r"\b(?:Syntax|Indentation)Error: |\[build failed\]|could not compile `|COMPILATION ERROR|Compilation failed"
    r"|error (?:TS|CS)\d+: |PHP Parse error|syntax error, unexpected|Transform failed"
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """What the head and the base lack."""

    cannot_run: CannotRun | None = None  # no test of the check can run here
    unrunnable: CannotRun | None = None  # the check runs, but these tests of the head cannot run here
    does_not_load: bool = False  # the base cannot run here, and the head fails before it gets that far


def recognise(head: CheckResult, base: CheckResult) -> Recognised:
    """Compare two failing runs of one check."""
    lacking, on_head = _causes(base), _failing_causes(head)
    passing = base.results.passing if base.results else frozenset()
    shared = {name: cause for name, cause in on_head.items() if cause in lacking and name not in passing}
    if passed_tests(head) or passed_tests(base):
        return Recognised(unrunnable=_explain(head, shared) if shared else None)
    if not shared and diagnose(base) and _fails_to_load(head, base, lacking):
        return Recognised(does_not_load=True)
    if shared and all(name in shared or _fails_on_both(name, head, base) for name in head.failing):
        return Recognised(cannot_run=_explain(head, shared))
    in_output = _output_causes(head)
    if not on_head and in_output and in_output <= lacking:
        return Recognised(cannot_run=explain(in_output, command=head.run.command))
    if _only_errors(head) and _only_errors(base) and head.failing <= base.failing:
        return Recognised(cannot_run=_no_test_passes(head))
    return Recognised()


def diagnose(result: CheckResult) -> CannotRun | None:
    """Why no test of a failing run can run here; None if some passed, or failed because they compared values."""
    if result.run.passed or passed_tests(result):
        return None
    causes = _failing_causes(result)
    found = {name: cause for name, cause in causes.items() if cause}
    if found and not any(asserted(detail) for detail in _details(result).values()):
        return _explain(result, found)
    if not causes and (in_output := _output_causes(result)):
        return explain(in_output, command=result.run.command)
    return _no_test_passes(result) if _only_errors(result) else None


def unrunnable_tests(result: CheckResult) -> CannotRun | None:
    """The tests of a run that cannot run here, while others pass."""
    found = {name: cause for name, cause in _failing_causes(result).items() if cause}
    return _explain(result, found) if found else None


def runs_no_test(result: CheckResult) -> bool:
    """Whether a command passes although it is known that no test ran."""
    if not result.run.passed:
        return False
    counts = result.results.counts if result.results else None
    if counts:
        return not counts.passed
    return result.report_missing or count_passed(result.run.output) == 0


def passed_tests(result: CheckResult) -> int:
    """How many tests are known to have passed: by the report, or by what the runner printed."""
    if result.results and result.results.reported:
        return len(result.results.passing)
    named = len(result.results.passing) if result.results else 0
    return max(named, count_passed(result.run.output) or 0)


def _explain(result: CheckResult, tests: Mapping[str, Cause]) -> CannotRun:
    return explain(tests.values(), command=result.run.command, tests=frozenset(tests))


def _no_test_passes(result: CheckResult) -> CannotRun:
    details = _details(result).values()
    error = next(filter(None, map(last_error, [*details, result.run.output])), "")
    return explain([Cause(Kind.NO_TEST_PASSES, error)], command=result.run.command)


def _details(result: CheckResult) -> dict[str, str]:
    """What each failing test says, where a report tells it."""
    if result.results is None or not result.results.reported:
        return {}
    return {
        test.name: test.detail
        for test in result.results.tests
        if test.state is CaseState.FAILED and test.detail
    }


def _failing_causes(result: CheckResult) -> dict[str, Cause | None]:
    known: dict[str, Cause | None] = {}  # many tests fail with the same words
    details = _details(result)
    for detail in details.values():
        if detail not in known and len(known) < MAX_DETAILS:
            known[detail] = first_cause(detail)
    return {name: known.get(detail) for name, detail in details.items()}


def _output_causes(result: CheckResult) -> frozenset[Cause]:
    return frozenset() if asserted(result.run.output) else find_causes(result.run.output)


def _causes(result: CheckResult) -> frozenset[Cause]:
    """Everything that a run lacks: by its report, and by its output where the report says nothing (a kept result)."""
    found = frozenset(filter(None, _failing_causes(result).values()))
    return found or find_causes(result.run.output)


def _fails_on_both(name: str, head: CheckResult, base: CheckResult) -> bool:
    """Whether a test without a cause of its own fails on both sides, by an error: it follows from the others."""
    return name in base.failing and not asserted(_details(head).get(name, ""))


def _fails_to_load(head: CheckResult, base: CheckResult, lacking: frozenset[Cause]) -> bool:
    if DOES_NOT_LOAD.search(head.run.output) and not DOES_NOT_LOAD.search(base.run.output):
        return True
    return any(cause.kind in (Kind.PACKAGE, Kind.IMPORT) for cause in _causes(head) - lacking)


def _only_errors(result: CheckResult) -> bool:
    """Whether it is known that no test passed, and none failed because it compared values."""
    reported = result.results is not None and result.results.reported
    nothing_passed = bool(result.failing) if reported else count_passed(result.run.output) == 0
    return (
        nothing_passed
        and not passed_tests(result)
        and not asserted(result.run.output)
        and not any(map(asserted, _details(result).values()))
    )
