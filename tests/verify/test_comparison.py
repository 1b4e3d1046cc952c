"""What four runs say, test by test: from reports, from printed names, and from exit codes alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dayhand.verify.comparison import WHOLE_COMMAND, FourRuns, compare
from dayhand.verify.judge import Meaning
from dayhand.verify.runner import CheckResult
from tests.verify.runs import check_result


def reported(passing: str = "", failing: str = "", skipped: str = "") -> CheckResult:
    """A run whose report names its tests; a capital letter is a file that could not be loaded."""
    return check_result(code=int(bool(failing)), passing=passing, failing=failing, skipped=skipped)


def printed(failing: str = "") -> CheckResult:
    """A run that prints only the names of what fails."""
    return check_result(code=int(bool(failing)), failing=failing, reported=False, known=bool(failing))


def counted(passing: str, skipped: str = "") -> CheckResult:
    """A run that prints the names of all tests."""
    run = check_result(passing=passing, skipped=skipped, reported=False)
    assert run.results
    return replace(run, results=replace(run.results, counted=True))


def mute(*, passes: bool) -> CheckResult:
    return check_result(code=int(not passes), known=False)


CRASH = mute(passes=False)


# name: base, red (old source, new tests), old (new source, old tests), head; the meanings of the tests that have one
CASES: dict[str, tuple[FourRuns, dict[str, Meaning]]] = {
    "emptied helper": (
        FourRuns(reported("ab"), reported("ab"), reported("b", "a"), reported("ab")),
        {"a": Meaning.WEAKENED, "b": Meaning.HIDES_NOTHING},
    ),
    "deleted row of a table": (
        FourRuns(reported("ab"), reported("b"), reported("b", "a"), reported("b")),
        {"a": Meaning.WEAKENED, "b": Meaning.HIDES_NOTHING},
    ),
    "skipped where it fails": (
        FourRuns(reported("a"), reported(skipped="a"), reported("", "a"), reported(skipped="a")),
        {"a": Meaning.WEAKENED},
    ),
    "renamed": (
        FourRuns(reported("a"), reported("n"), reported("a"), reported("n")),
        {"a": Meaning.HIDES_NOTHING, "n": Meaning.PROVES_NOTHING},
    ),
    "new test": (
        FourRuns(reported("a"), reported("a", "n"), reported("a"), reported("an")),
        {"a": Meaning.HIDES_NOTHING, "n": Meaning.RED_TO_GREEN},
    ),
    "new file that does not load without the change": (
        FourRuns(reported("a"), reported("a", "M"), reported("a"), reported("ano")),
        {"a": Meaning.HIDES_NOTHING, "n": Meaning.RED_TO_GREEN, "o": Meaning.RED_TO_GREEN},
    ),
    "old file that does not load without the change": (
        FourRuns(reported("a"), reported("", "M"), reported("a"), reported("an")),
        {"a": Meaning.HIDES_NOTHING, "n": Meaning.RED_TO_GREEN},
    ),
    "removed function, with its tests": (
        FourRuns(reported("ab"), reported("b"), reported("", "M"), reported("b")),
        {"M": Meaning.WEAKENED, "a": Meaning.NOT_COMPARED, "b": Meaning.NOT_COMPARED},
    ),
    "renamed function, with its tests": (
        FourRuns(reported("ab"), reported("", "M"), reported("", "M"), reported("ab")),
        {"M": Meaning.EXPECTATION_CHANGED, "a": Meaning.NOT_COMPARED, "b": Meaning.NOT_COMPARED},
    ),
    "the old run crashes before its report": (
        FourRuns(reported("a"), reported("a"), CRASH, reported("a")),
        {WHOLE_COMMAND: Meaning.WEAKENED, "a": Meaning.NOT_COMPARED},
    ),
    "another value is expected": (
        FourRuns(reported("ab"), reported("b", "a"), reported("b", "a"), reported("ab")),
        {"a": Meaning.EXPECTATION_CHANGED, "b": Meaning.HIDES_NOTHING},
    ),
    "was red on the base": (
        FourRuns(reported("b", "a"), reported("b", "a"), reported("ab"), reported("ab")),
        {"a": Meaning.RED_TO_GREEN, "b": Meaning.HIDES_NOTHING},
    ),
    "was red on the base, outside what ran again": (
        FourRuns(reported("b", "a"), reported("b"), reported("b"), reported("ab"), narrowed=True),
        {"a": Meaning.RED_TO_GREEN, "b": Meaning.HIDES_NOTHING},
    ),
    "always fails": (
        FourRuns(reported("b", "a"), reported("b", "a"), reported("b", "a"), reported("b", "a")),
        {"a": Meaning.FAILS_ON_BASE_TOO, "b": Meaning.HIDES_NOTHING},
    ),
    "the edit of a failing test fails in its new form": (
        FourRuns(reported("a"), reported("", "a"), reported("a"), reported("", "a")),
        {"a": Meaning.NEW_FAILURE},
    ),
    "a threshold fails, and no test": (
        FourRuns(reported("a"), reported("a", "n"), check_result(code=2, passing="a"), reported("an")),
        {"a": Meaning.HIDES_NOTHING, "n": Meaning.RED_TO_GREEN},
    ),
    "the source keeps an unchanged test from running": (
        FourRuns(reported("ab"), None, reported("b"), reported("b", skipped="a"), narrowed=True),
        {"a": Meaning.NO_LONGER_RUNS, "b": Meaning.HIDES_NOTHING},
    ),
    "the source keeps the old wording from running": (
        FourRuns(reported("ab"), reported("ab"), reported("b", skipped="a"), reported("ab")),
        {"a": Meaning.NO_LONGER_RUNS, "b": Meaning.HIDES_NOTHING},
    ),
    "a new function that an old file of tests imports, beside files that did not run again": (
        FourRuns(reported("abc"), reported("", "M"), reported("a"), reported("abcn"), narrowed=True),
        {"a": Meaning.HIDES_NOTHING, "b": Meaning.HIDES_NOTHING, "c": Meaning.HIDES_NOTHING, "n": Meaning.RED_TO_GREEN},
    ),
    "the same, and the source keeps another test from running": (
        FourRuns(reported("abc"), reported("", "M"), reported("a"), reported("abn", skipped="c"), narrowed=True),
        {"a": Meaning.HIDES_NOTHING, "b": Meaning.HIDES_NOTHING, "c": Meaning.NO_LONGER_RUNS, "n": Meaning.RED_TO_GREEN},
    ),
    "printed in full: a test of the source is gone": (
        FourRuns(counted("ab"), counted("ab"), counted("b"), counted("b")),
        {"a": Meaning.NO_LONGER_RUNS, "b": Meaning.HIDES_NOTHING},
    ),
    "printed in full: a test is ignored": (
        FourRuns(counted("ab"), counted("ab"), counted("b", skipped="a"), counted("b", skipped="a")),
        {"a": Meaning.NO_LONGER_RUNS, "b": Meaning.HIDES_NOTHING},
    ),
    "printed: new test": (
        FourRuns(printed(), printed("n"), printed(), printed()),
        {"n": Meaning.RED_TO_GREEN},
    ),
    "printed: emptied": (
        FourRuns(printed(), printed(), printed("a"), printed()),
        {"a": Meaning.WEAKENED},
    ),
    "printed: another value is expected": (
        FourRuns(printed(), printed("a"), printed("a"), printed()),
        {"a": Meaning.EXPECTATION_CHANGED},
    ),
    "mute: proof": (
        FourRuns(mute(passes=True), mute(passes=False), mute(passes=True), mute(passes=True)),
        {WHOLE_COMMAND: Meaning.RED_TO_GREEN},
    ),
    "mute: emptied": (
        FourRuns(mute(passes=True), mute(passes=True), mute(passes=False), mute(passes=True)),
        {WHOLE_COMMAND: Meaning.WEAKENED},
    ),
    "names that cannot be compared": (
        FourRuns(printed("x"), printed("x"), reported("a"), reported("a")),
        {WHOLE_COMMAND: Meaning.RED_TO_GREEN},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("runs", "meanings"), CASES.values(), ids=CASES)
def test_four_runs_give_each_test_its_meaning(runs: FourRuns, meanings: dict[str, Meaning]) -> None:
    assert compare(runs).meanings == meanings


def test_tests_that_no_longer_run_are_listed() -> None:
    runs = FourRuns(reported("abc"), None, reported("abc"), reported("a", skipped="b"))
    assert compare(runs).fewer == ("b", "c")


def test_an_edit_hides_nothing_where_the_old_wording_passes_or_there_is_none() -> None:
    runs = FourRuns(
        reported("abc", skipped="s"), None, reported("ab", "c", skipped="s"), reported("abc", skipped="sn")
    )
    assert compare(runs).hides_nothing == {"a": True, "b": True, "c": False, "n": True, "s": False}
    assert compare(FourRuns(printed(), None, printed(), printed())).hides_nothing == {}
