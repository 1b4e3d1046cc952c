"""The verdict on one check, from its runs alone: no box, no clock, no words of the model."""

from __future__ import annotations

from dataclasses import dataclass

from dayhand.verification import Verdict
from dayhand.verify.runner import Ran


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and the single tests that speak for it."""

    verdict: Verdict
    failing: tuple[str, ...] = ()  # fail with the change and did not before
    fixed: tuple[str, ...] = ()  # failed before and pass now
    note: str = ""


def judge_passed(head: Ran, base: Ran | None) -> Judged:
    """A head that passes, beside the base where that is known."""
    counts = head.results.counts if head.results else None
    if counts and not counts.passed:
        return Judged(Verdict.BLIND, note="it passes, but its own report holds no test that ran")
    if base is None or base.run.passed:
        return Judged(Verdict.PASSES)
    return Judged(Verdict.FIXED, fixed=_fixed(head, base))


def judge_failed(head: Ran, base: Ran, again: Ran | None = None) -> Judged:
    """A head that fails, beside the base, and beside itself where it was run once more."""
    if again and again.run.passed:
        return Judged(Verdict.FLAKY, failing=tuple(sorted(head.failing - base.failing)))
    last = again or head
    fixed = () if base.run.passed else _fixed(last, base)
    if base.run.passed:
        return Judged(Verdict.NEW_FAILURE, tuple(sorted(_twice(head, again))))
    if not base.results:
        return Judged(Verdict.FAILS_ON_BASE_TOO)  # no single test is known: the exit codes speak
    silenced = base.results.reported and not (last.results and last.results.reported)
    if silenced or not last.results or (base.failing and not last.failing):
        note = "it fails in another way than on the base, where single tests failed"
        return Judged(Verdict.NEW_FAILURE, note=note)
    if last.results.reported != base.results.reported:
        return Judged(Verdict.FAILS_ON_BASE_TOO)  # what was printed there cannot be compared with a report
    new = _twice(head, again) - base.failing
    if new:
        return Judged(Verdict.NEW_FAILURE, tuple(sorted(new)), fixed)
    return Judged(Verdict.FAILS_ON_BASE_TOO, fixed=fixed)


def _twice(head: Ran, again: Ran | None) -> frozenset[str]:
    """What failed each time; where the second run names no test, what failed at first."""
    return head.failing & again.failing if again and again.failing else head.failing


def _fixed(head: Ran, base: Ran) -> tuple[str, ...]:
    if head.results and base.results and head.results.reported == base.results.reported:
        return tuple(sorted(base.failing & head.results.passing))
    return ()
