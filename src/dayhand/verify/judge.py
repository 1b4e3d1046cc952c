"""The verdicts, from runs alone: no box, no clock, nothing that the model wrote.

``judge_test`` is the heart: what one test says of the change, from four runs. The others judge a whole check.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from dayhand.startup.records import dataclass
from dayhand.verification import Verdict
from dayhand.verify.cannot_run.recognise import passed_tests, recognise, runs_no_test
from dayhand.verify.cannot_run.summary import breaks_off
from dayhand.verify.cannot_run.wording import describe_unrunnable
from dayhand.verify.runner import CheckResult

NO_TEST_RAN = "it passes, but nothing shows that a test ran"
BREAKS_OFF = "it passes, but a program of tests ended before its last test"
IGNORES_FAILURES = "the command passes, although its own report names tests that fail"
DOES_NOT_LOAD = "it cannot run without the change either, but with it a file cannot even be loaded"


class RunOutcome(StrEnum):
    """How one test ended in one run."""

    PASSES = "passes"
    FAILS = "fails"
    NOT_RUN = "not run"  # gone, skipped, expected to fail, or not reached


@dataclass(frozen=True, slots=True)
class Wording:
    """One wording of a test: how it ends on the source of the base, and on the source with the change."""

    base: RunOutcome
    head: RunOutcome


class Meaning(StrEnum):
    """What a test says of the change."""

    RED_TO_GREEN = "red to green"  # proof
    HIDES_NOTHING = "hides nothing"  # the old wording passes with the change
    EXPECTATION_CHANGED = "expectation changed"  # a person must confirm it
    WEAKENED = "weakened"  # held until a person accepts it
    NEW_FAILURE = "new failure"
    FAILS_ON_BASE_TOO = "fails on the base too"
    PROVES_NOTHING = "proves nothing"  # a new test that passes without the change
    NO_LONGER_RUNS = "no longer runs"  # no edit of the test explains it: the source keeps it from running
    NOT_COMPARED = "not compared"


def judge_test(old: Wording, new: Wording) -> Meaning:
    """What one test says of the change. A test that did not change has the same wording twice."""
    passes, fails = RunOutcome.PASSES, RunOutcome.FAILS
    if new.head is fails:
        excused = old.base is fails and old.head is not passes
        return Meaning.FAILS_ON_BASE_TOO if excused else Meaning.NEW_FAILURE
    if old.head is fails:  # the old wording speaks against the change
        if new == Wording(fails, passes):
            return Meaning.EXPECTATION_CHANGED
        return Meaning.FAILS_ON_BASE_TOO if old.base is fails else Meaning.WEAKENED
    if new == Wording(fails, passes) or old == Wording(fails, passes):
        return Meaning.RED_TO_GREEN
    if old.head is passes:
        return Meaning.HIDES_NOTHING
    if old == Wording(passes, RunOutcome.NOT_RUN):
        return Meaning.NO_LONGER_RUNS
    is_new = old == Wording(RunOutcome.NOT_RUN, RunOutcome.NOT_RUN)
    return Meaning.PROVES_NOTHING if is_new and new.base is new.head is passes else Meaning.NOT_COMPARED


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and the single tests that it rests on."""

    verdict: Verdict
    failing: tuple[str, ...] = ()  # fail with the change and did not fail before
    fixed: tuple[str, ...] = ()  # failed before and pass now
    note: str = ""
    missing: str = ""  # for CANNOT_RUN: what is missing, and what would provide it


def judge_passed(head: CheckResult, base: CheckResult | None) -> Judgement:
    """Judge a head that passes, with the base if its result is known.

    A command can pass although tests failed, or without running any: then its exit code says nothing.
    """
    if head.results and head.results.reported and head.failing:
        ignored = head.failing - (base.failing if base else frozenset())
        if not ignored and base and not base.run.passed:
            return Judgement(Verdict.FAILS_ON_BASE_TOO)
        if ignored:
            return Judgement(Verdict.NEW_FAILURE, tuple(sorted(ignored)), note=IGNORES_FAILURES)
    if runs_no_test(head) or (base and _ran_no_more(head, base)):
        return Judgement(Verdict.DOES_NOT_TEST, note=NO_TEST_RAN)
    if head.results and breaks_off(head.run.output):
        return Judgement(Verdict.DOES_NOT_TEST, note=BREAKS_OFF)
    if base is None or base.run.passed:
        return Judgement(Verdict.PASSES)
    return Judgement(Verdict.FIXED, fixed=_fixed(head, base))


def _ran_no_more(head: CheckResult, base: CheckResult) -> bool:
    """Whether tests passed on the base, and nothing shows that one ran with the change: its process ended before."""
    report_lost = (
        base.results is not None and base.results.reported and not (head.results and head.results.reported)
    )
    return passed_tests(base) > 0 and (report_lost or not passed_tests(head))


def judge_failed(head: CheckResult, base: CheckResult, rerun: CheckResult | None = None) -> Judgement:
    """Judge a head that fails, with the base and, if it was run again, with the second run of the head."""
    if base.run.passed:
        return Judgement(Verdict.NEW_FAILURE, tuple(sorted(_failing_each_time(head, rerun))))
    lacking = recognise(head, base)
    if lacking.cannot_run:
        return Judgement(Verdict.CANNOT_RUN, missing=str(lacking.cannot_run))
    if lacking.does_not_load:
        return Judgement(
            Verdict.NEW_FAILURE, tuple(sorted(_failing_each_time(head, rerun))), note=DOES_NOT_LOAD
        )
    unrunnable = lacking.unrunnable.tests if lacking.unrunnable else frozenset()
    if not base.results:
        return Judgement(Verdict.FAILS_ON_BASE_TOO)  # single tests are not known, only the exit codes
    last = head if rerun is None or rerun.run.passed else rerun
    report_lost = base.results.reported and not (last.results and last.results.reported)
    if report_lost or not last.results or (base.failing and not last.failing):
        note = "it fails in a different way than on the base, where single tests failed"
        return Judgement(Verdict.NEW_FAILURE, note=note)
    if last.results.reported != base.results.reported:
        return Judgement(Verdict.FAILS_ON_BASE_TOO)  # printed names cannot be compared with those of a report
    new, fixed = _failing_each_time(head, rerun) - base.failing - unrunnable, _fixed(last, base)
    if new:
        return Judgement(Verdict.NEW_FAILURE, tuple(sorted(new)), fixed)
    note = describe_unrunnable(lacking.unrunnable, len(head.results.tests) if head.results else 0)
    return Judgement(Verdict.FAILS_ON_BASE_TOO, fixed=fixed, note=note)


def judge_flaky(failing: frozenset[str], bases: Sequence[CheckResult]) -> Judgement:
    """Judge a head that failed and then passed, from several runs of the base.

    ``failing``: the tests that failed, if they are known. Chance excuses them only if the base fails by chance too.
    """
    names = tuple(sorted(failing))
    if all(_shows_both(name, bases) for name in names or ("",)):
        return Judgement(Verdict.FLAKY, names)
    note = f"with the change it fails in some runs; {len(bases)} runs of the base show no such chance"
    return Judgement(Verdict.NEW_FAILURE, names, note=note)


def _shows_both(name: str, bases: Sequence[CheckResult]) -> bool:
    """Whether a test, or the whole command if ``name`` is "", both fails and passes on the base."""
    failed = [name in base.failing if name else not base.run.passed for base in bases]
    return any(failed) and not all(failed)


def _failing_each_time(head: CheckResult, rerun: CheckResult | None) -> frozenset[str]:
    """The tests that failed in both runs; if the second run names none, those of the first."""
    return head.failing & rerun.failing if rerun and rerun.failing else head.failing


def _fixed(head: CheckResult, base: CheckResult) -> tuple[str, ...]:
    if head.results and base.results and head.results.reported == base.results.reported:
        return tuple(sorted(base.failing & head.results.passing))
    return ()
