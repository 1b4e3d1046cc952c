"""The verdict on one check, from its runs alone: no box, no clock, nothing that the model wrote."""

from __future__ import annotations

from dataclasses import dataclass

from dayhand.verification import Verdict
from dayhand.verify.cannot_run.recognise import recognise
from dayhand.verify.cannot_run.wording import describe_unrunnable
from dayhand.verify.runner import CheckResult

DOES_NOT_LOAD = "it cannot run without the change either, but with it a file cannot even be loaded"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and the single tests that it rests on."""

    verdict: Verdict
    failing: tuple[str, ...] = ()  # fail with the change and did not fail before
    fixed: tuple[str, ...] = ()  # failed before and pass now
    note: str = ""
    missing: str = ""  # for CANNOT_RUN: what is missing, and what would provide it


def judge_passed(head: CheckResult, base: CheckResult | None) -> Judgement:
    """Judge a head that passes, with the base if its result is known."""
    counts = head.results.counts if head.results else None
    if counts and not counts.passed:
        return Judgement(Verdict.DOES_NOT_TEST, note="it passes, but its own report shows that no test ran")
    if base is None or base.run.passed:
        return Judgement(Verdict.PASSES)
    return Judgement(Verdict.FIXED, fixed=_fixed(head, base))


def judge_failed(head: CheckResult, base: CheckResult, rerun: CheckResult | None = None) -> Judgement:
    """Judge a head that fails, with the base and, if it was run again, with the second run of the head."""
    if rerun and rerun.run.passed:
        return Judgement(Verdict.FLAKY, failing=tuple(sorted(head.failing - base.failing)))
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
    last = rerun or head
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


def _failing_each_time(head: CheckResult, rerun: CheckResult | None) -> frozenset[str]:
    """The tests that failed in both runs; if the second run names none, those of the first."""
    return head.failing & rerun.failing if rerun and rerun.failing else head.failing


def _fixed(head: CheckResult, base: CheckResult) -> tuple[str, ...]:
    if head.results and base.results and head.results.reported == base.results.reported:
        return tuple(sorted(base.failing & head.results.passing))
    return ()
