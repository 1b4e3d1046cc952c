"""Makes those of the four runs that a test command needs: old and new tests on the old and the new source.

The run of the new source with the new tests is the head's, and is complete. The base's comes from the cache. The other
two run only what differs: nothing where no test changed, and only the changed test files where the command can run them.
"""

from __future__ import annotations

from dataclasses import replace

from dayhand.environment.ecosystems.base import Check
from dayhand.startup.records import dataclass
from dayhand.verify.comparison import Comparison, FourRuns, compare
from dayhand.verify.integrity.new_tests import find_new_tests
from dayhand.verify.judge import Meaning
from dayhand.verify.nearest import NarrowedCheck, narrow_to_changed
from dayhand.verify.reports.read import Results
from dayhand.verify.runner import CheckResult, Runner
from dayhand.verify.trees import Fill, Trees, restore_files


@dataclass(frozen=True, slots=True)
class SwappedTests:
    """One test command whose tests, helpers, data or settings the change alters."""

    check: Check
    runner: Runner
    trees: Trees
    wording: tuple[str, ...]  # what it alters

    def compare(self, head: CheckResult, base: CheckResult | None) -> tuple[FourRuns, Comparison]:
        """Compare the head with the base, test by test, in the old and in the new wording."""
        checks = self._checks(head)
        if base is None and checks.on_base:
            base = self._run(checks.on_base, self.trees.base, "Running the old tests on the base.")
        old = self._old(checks.on_base, head, base)
        runs = FourRuns(base, None, old, head, narrowed=self.check not in (checks.on_head, checks.on_base))
        if checks.on_head and (self._has_new_tests or compare(runs).tests(Meaning.WEAKENED)):
            red = self._run(
                checks.on_head,
                restore_files(self.trees.source, self.trees.base_commit, self.trees.head),
                "Running the change's tests on the source of the base: they should fail.",
            )
            runs = replace(runs, red=red)
        return self._confirmed(runs, checks.on_base)

    def _checks(self, head: CheckResult) -> NarrowedCheck:
        """The check on the tests that differ, where its narrowed command is known to run them as the whole one does."""
        narrowed = narrow_to_changed(
            self.check,
            self.trees.before,
            self.trees.after,
            wording=self.wording,
            named=head.results.passing if head.results and head.results.reported else frozenset(),
        )
        if narrowed is None:
            return NarrowedCheck(on_head=self.check, on_base=self.check)
        if (
            not narrowed.is_derived
            or narrowed.on_head == self.check
            or self._runs_the_same(narrowed.on_head, head)
        ):
            return narrowed
        on_base = self.check if narrowed.on_base else None
        return NarrowedCheck(on_head=self.check if narrowed.on_head else None, on_base=on_base)

    def _runs_the_same(self, check: Check | None, head: CheckResult) -> bool:
        """Whether a narrowed command says of each test that it runs what the whole one said."""
        if check is None or head.results is None:
            return False
        tried = self._run(
            check, self.trees.head, "Running the changed tests alone: is the result the same?"
        ).results
        return (
            tried is not None
            and bool(tried.passing)
            and tried.reported == head.results.reported
            and tried.passing <= head.results.passing
            and tried.failing <= head.results.failing
        )

    def _old(self, check: Check | None, head: CheckResult, base: CheckResult | None) -> CheckResult | None:
        """The old tests with the change; the head's own results where no test of the base could differ."""
        if check is None:
            return _of_base_only(head, base) if base else None
        return self._run(check, self._old_tests, "Running the old tests with the change: they should pass.")

    def _confirmed(self, runs: FourRuns, on_base: Check | None) -> tuple[FourRuns, Comparison]:
        """Run the old tests again before anything is called weakened: they may have failed by chance."""
        comparison = compare(runs)
        if runs.old and on_base and comparison.tests(Meaning.WEAKENED):
            again = self._run(on_base, self._old_tests, "Old tests fail with the change; running them again.")
            runs = replace(runs, old=_failing_twice(runs.old, again))
            comparison = compare(runs)
        return runs, comparison

    @property
    def _has_new_tests(self) -> bool:
        return bool(find_new_tests(self.trees.before, self.trees.after, self.wording))

    @property
    def _old_tests(self) -> Fill:
        return restore_files(self.wording, self.trees.base_commit, self.trees.head)

    def _run(self, check: Check, fill: Fill, why: str) -> CheckResult:
        self.runner.log.line("say", why)
        return self.runner.run(check, fill)


def _of_base_only(head: CheckResult, base: CheckResult) -> CheckResult:
    """The head's results of the tests that the base has too."""
    if not (head.results and base.results):
        return head
    known = {test.name for test in base.results.tests}
    kept = tuple(test for test in head.results.tests if test.name in known)
    return replace(head, results=Results(kept, head.results.reported))


def _failing_twice(first: CheckResult, again: CheckResult) -> CheckResult:
    """The second result, with only those failures that the first has too."""
    if not (first.results and again.results):
        return again if again.run.passed else first
    once = again.failing - first.failing
    kept = tuple(test for test in again.results.tests if test.name not in once)
    return replace(again, results=Results(kept, again.results.reported))
