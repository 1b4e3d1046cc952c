"""What the tests of a change say of it, test by test, from the four runs of old and new tests on old and new source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from dayhand.startup.records import dataclass
from dayhand.verify.judge import Meaning, RunOutcome, Wording, judge_test
from dayhand.verify.runner import CheckResult

WHOLE_COMMAND = ""  # stands for all tests of a run that says nothing about single ones


@dataclass(frozen=True, slots=True)
class FourRuns:
    """The runs of one test command. None: the run was not made.

    "Tests" are the tests, their helpers, their data and the configuration of checks.
    """

    base: CheckResult | None  # source of the base, tests of the base
    red: CheckResult | None  # source of the base, tests of the change
    old: CheckResult | None  # source of the change, tests of the base
    head: CheckResult  # source of the change, tests of the change
    narrowed: bool = False  # ``red`` and ``old`` ran only the test files that differ


@dataclass(frozen=True, slots=True)
class Comparison:
    """What each test means, by its name."""

    meanings: Mapping[str, Meaning] = field(default_factory=dict)
    hides_nothing: Mapping[str, bool] = field(default_factory=dict)  # whether runs show that of a test's edit
    fewer: tuple[str, ...] = ()  # passed on the base, and do not run with the change

    def tests(self, meaning: Meaning) -> tuple[str, ...]:
        return tuple(sorted(name for name, found in self.meanings.items() if found is meaning))


def compare(runs: FourRuns) -> Comparison:
    """Judge every test that one of the runs names; the whole command if they do not name the same things."""
    tests = _FourReadings.of(runs)
    wordings = {name: tests.wordings(name) for name in tests.names}
    meanings = {name: judge_test(old, new) for name, (old, new) in wordings.items()}
    proofs = {name for name, meaning in meanings.items() if meaning is Meaning.RED_TO_GREEN}
    if proofs - tests.unloadable:  # the tests in a file say more than that it can be loaded
        meanings = {name: meanings[name] for name in meanings if name not in proofs & tests.unloadable}
    if not tests.shows_what_runs:
        no_longer = (Meaning.NO_LONGER_RUNS, Meaning.NOT_COMPARED)
        meanings = {name: no_longer[1] if each is no_longer[0] else each for name, each in meanings.items()}
    hides_nothing = {
        name: old.head is RunOutcome.PASSES or tests.is_new(name)
        for name, (old, _) in wordings.items()
        if name != WHOLE_COMMAND
    }
    return Comparison(meanings, hides_nothing, tests.fewer)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one run says of single tests."""

    named: frozenset[str] = frozenset()
    passing: frozenset[str] = frozenset()
    failing: frozenset[str] = frozenset()
    complete: bool = False  # names all tests; what is only printed names some of them, and all that fail
    others_pass: bool = False  # so the tests that it does not name pass
    was_made: bool = False

    @classmethod
    def of(cls, run: CheckResult | None) -> _Reading:
        if run is None:
            return cls()
        passing = run.results.passing if run.results else frozenset[str]()
        named = frozenset(test.name for test in run.results.tests) if run.results else frozenset[str]()
        complete = run.results is not None and run.results.names_all
        breaks_off = not (run.run.passed or run.failing or passing)  # before any test has a result
        return cls(
            named,
            passing,
            failing=frozenset([WHOLE_COMMAND]) if breaks_off else run.failing,
            complete=complete,
            others_pass=not complete and (run.run.passed or bool(run.failing)),
            was_made=True,
        )

    def outcome(self, name: str) -> RunOutcome:
        if name in self.failing:
            return RunOutcome.FAILS
        passes = name in self.passing or (self.others_pass and name not in self.named)
        return RunOutcome.PASSES if passes else RunOutcome.NOT_RUN


@dataclass(frozen=True, slots=True)
class _FourReadings:
    """The four runs in a form in which they can be compared."""

    base: _Reading
    red: _Reading
    old: _Reading
    head: _Reading
    names: frozenset[str]
    never_pass: frozenset[
        str
    ]  # named as failing only: files that cannot be loaded, and tests that always fail
    unloadable: frozenset[str]  # the files among them: the head can load them
    narrowed: bool

    @classmethod
    def of(cls, runs: FourRuns) -> _FourReadings:
        made = [run for run in (runs.base, runs.red, runs.old, runs.head) if run]
        by_name = _name_the_same(made)
        base, red, old, head = four = [
            _Reading.of(run if by_name or run is None else replace(run, results=None))
            for run in (runs.base, runs.red, runs.old, runs.head)
        ]
        failing = frozenset[str]().union(*(reading.failing for reading in four))
        others = frozenset[str]().union(*(reading.named - reading.failing for reading in four))
        return cls(
            base,
            red,
            old,
            head,
            names=failing | others,
            never_pass=failing - others,
            unloadable=failing - others - head.failing,
            narrowed=runs.narrowed,
        )

    @property
    def fewer(self) -> tuple[str, ...]:
        if not (self.base.complete and self.head.complete):
            return ()
        return tuple(sorted(self.base.passing - self.head.passing - self.head.failing))

    @property
    def shows_what_runs(self) -> bool:
        """Whether a test that the old wording does not run with the change is known to be kept from running."""
        return self.base.complete and self.old.complete and not self._lacks_file(self.old)

    def is_new(self, name: str) -> bool:
        """Whether the complete report of the base shows that a test has no old wording."""
        return self.base.complete and name not in self.base.named and name not in self.old.named

    def wordings(self, name: str) -> tuple[Wording, Wording]:
        """The old and the new wording of a test."""
        base, red, old, head = (
            self._outcome(name, run) for run in (self.base, self.red, self.old, self.head)
        )
        if base is red is old is RunOutcome.NOT_RUN and self._lacks_file_of(name, self.red):
            red = RunOutcome.FAILS  # a new test in a file that cannot be loaded without the change
        elif (
            self.narrowed
            and red is old is RunOutcome.NOT_RUN is not base
            and name not in self.old.named
            and not self._lacks_file(self.old)
        ):
            red, old = base, head  # its wordings do not differ
        return Wording(base, old), Wording(red, head)

    def _outcome(self, name: str, run: _Reading) -> RunOutcome:
        outcome = run.outcome(name)
        is_loaded = run.was_made and name in self.never_pass and outcome is RunOutcome.NOT_RUN
        return RunOutcome.PASSES if is_loaded else outcome

    def _lacks_file(self, run: _Reading) -> bool:
        return not run.failing.isdisjoint(self.unloadable)

    def _lacks_file_of(self, name: str, run: _Reading) -> bool:
        return name not in run.named and self._lacks_file(run)


def _name_the_same(runs: Sequence[CheckResult]) -> bool:
    """Whether the results can be compared by name: all runs report, or fail before they can; or all only print."""
    kinds = {run.results.reported for run in runs if run.results}
    return kinds == {False} or (kinds == {True} and all(run.results or not run.run.passed for run in runs))
