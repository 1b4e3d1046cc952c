"""The verdict on one check, from its runs alone: no box, no clock, no words of the model."""

from __future__ import annotations

from dataclasses import dataclass

from dayhand.verification import Verdict
from dayhand.verify.runner import CheckResult


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and the single tests that speak for it."""

    verdict: Verdict
    failing: tuple[str, ...] = ()  # fail with the change and did not before
    fixed: tuple[str, ...] = ()  # failed before and pass now
    note: str = ""


def judge_passed(head: CheckResult, base: CheckResult | None) -> Judgement:
    """A head that passes, beside the base where that is known."""
    counts = head.results.counts if head.results else None
    if counts and not counts.passed:
        return Judgement(Verdict.DOES_NOT_TEST, note="it passes, but its own report holds no test that ran")
    if base is None or base.run.passed:
        return Judgement(Verdict.PASSES)
    return Judgement(Verdict.FIXED, fixed=_fixed(head, base))


def judge_failed(head: CheckResult, base: CheckResult, again: CheckResult | None = None) -> Judgement:
    """A head that fails, beside the base, and beside itself where it was run once more."""
    if again and again.run.passed:
        return Judgement(Verdict.FLAKY, failing=tuple(sorted(head.failing - base.failing)))
    last = again or head
    fixed = () if base.run.passed else _fixed(last, base)
    if base.run.passed:
        return Judgement(Verdict.NEW_FAILURE, tuple(sorted(_twice(head, again))))
    if not base.results:
        return Judgement(Verdict.FAILS_ON_BASE_TOO)  # no single test is known: the exit codes speak
    silenced = base.results.reported and not (last.results and last.results.reported)
    if silenced or not last.results or (base.failing and not last.failing):
        note = "it fails in another way than on the base, where single tests failed"
        return Judgement(Verdict.NEW_FAILURE, note=note)
    if last.results.reported != base.results.reported:
        return Judgement(Verdict.FAILS_ON_BASE_TOO)  # what was printed there cannot be compared with a report
    new = _twice(head, again) - base.failing
    if new:
        return Judgement(Verdict.NEW_FAILURE, tuple(sorted(new)), fixed)
    return Judgement(Verdict.FAILS_ON_BASE_TOO, fixed=fixed)


def _twice(head: CheckResult, again: CheckResult | None) -> frozenset[str]:
    """What failed each time; where the second run names no test, what failed at first."""
    return head.failing & again.failing if again and again.failing else head.failing


def _fixed(head: CheckResult, base: CheckResult) -> tuple[str, ...]:
    if head.results and base.results and head.results.reported == base.results.reported:
        return tuple(sorted(base.failing & head.results.passing))
    return ()
