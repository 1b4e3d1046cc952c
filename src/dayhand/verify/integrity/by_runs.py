"""What runs tell about edited tests: it overrules what the text of the tests suggests, and is explained by it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from dayhand.environment.ecosystems.base import Files
from dayhand.file_kinds import is_test
from dayhand.verification import Concern, Expectation, Finding, RedGreen, Verdict
from dayhand.verify.comparison import Comparison, FourRuns
from dayhand.verify.integrity.new_tests import tests_in
from dayhand.verify.judge import Meaning
from dayhand.verify.trees import Trees

MAX_DIFF_LINES = 24
LINE_CHARS = 160
MAX_EXPECTATIONS = 20
WEAKENED = "its old wording passes without the change and fails with it"
LAST_PART = re.compile(r"::| - ")
DOTTED_NAME = re.compile(r"[\w.]+")


def add_comparison(finding: Finding, trees: Trees, *, runs: FourRuns, comparison: Comparison) -> Finding:
    """The finding with what the single tests mean."""

    def tests(meaning: Meaning) -> tuple[str, ...]:
        return tuple(name or finding.command for name in comparison.tests(meaning))

    changed, weakened = tests(Meaning.EXPECTATION_CHANGED), tests(Meaning.WEAKENED)
    excused = runs.base.failing if runs.base and not runs.head.run.passed else frozenset()
    new_failures = tuple(name for name in tests(Meaning.NEW_FAILURE) if name in excused)
    if new_failures:  # they failed before, but pass with the change in their old wording
        finding = replace(finding, verdict=Verdict.NEW_FAILURE, failing=new_failures)
    return replace(
        finding,
        red_green=_red_green(runs, comparison, speaks_against=bool(changed or weakened)),
        expectations=tuple(_expectation(name, trees) for name in changed[:MAX_EXPECTATIONS])
        + tuple(map(Expectation, changed[MAX_EXPECTATIONS:])),
        failing_before=tests(Meaning.FAILS_ON_BASE_TOO),
        weakened=weakened,
        fewer=comparison.fewer,
        no_longer_run=tuple(
            name for name in tests(Meaning.NO_LONGER_RUNS) if not _is_gone_from_source(name, trees)
        ),
    )


def _is_gone_from_source(name: str, trees: Trees) -> bool:
    """Whether the text explains that a Rust test or example is not run: its item is renamed, moved or deleted."""
    item = re.compile(
        rf"\b(?:fn|struct|enum|trait|type|mod|const|static|macro_rules!)\s+{re.escape(LAST_PART.split(name)[-1])}\b"
    )
    return any(
        item.search(trees.before.read(path)) and not item.search(trees.after.read(path))
        for path in trees.source
        if path.endswith(".rs")
    )


def _red_green(runs: FourRuns, comparison: Comparison, *, speaks_against: bool) -> RedGreen | None:
    """What the change's own tests prove; None if it has none, and nothing else turned green."""
    tests, red = comparison.tests(Meaning.RED_TO_GREEN), runs.red or runs.base
    has_own_tests = runs.red is not None and runs.red is not runs.base
    if red is None or not (tests or (has_own_tests and not speaks_against)):
        return None
    return RedGreen(
        proven=bool(tests),
        run=red.run,
        tests=tuple(filter(None, tests)),
        passing_before=comparison.tests(Meaning.PROVES_NOTHING) if tests else (),
    )


def concerns_of(
    static: tuple[Concern, ...],
    findings: tuple[Finding, ...],
    *,
    trees: Trees,
    hides_nothing: Mapping[str, bool],
) -> tuple[Concern, ...]:
    """The tests that runs show to be weakened, and what the text shows where no run tells the opposite."""
    weakened = [
        Concern("weakened test", _path_of(name, trees), 0, f"{name}: {WEAKENED}")
        for finding in findings
        for name in finding.weakened
    ]
    return (*weakened, *(concern for concern in static if not _is_refuted(concern, hides_nothing)))


def _is_refuted(concern: Concern, hides_nothing: Mapping[str, bool]) -> bool:
    """Whether every run of the test that a concern is about shows that its edit hides nothing."""
    if not concern.test:
        return False
    rule = _named(concern.test)
    known = [hides for name, hides in hides_nothing.items() if rule.search(name)]
    return bool(known) and all(known)


def _named(test: str) -> re.Pattern[str]:
    """Matches the names that reports give to a test of this name in a file: "tests.test_a::test_sum[1]"."""
    last = test.rpartition(".")[2] if DOTTED_NAME.fullmatch(test) else test
    return re.compile(rf"(?:^|::|\.|> |/|#){re.escape(' '.join(last.split()))}(?:$|[\[(/]| \()")


def _path_of(name: str, trees: Trees) -> str:
    """The changed file with a test; otherwise the first changed file that tests use."""
    return next((path for path, _ in _tests_named(name, trees.before, trees)), next(iter(trees.wording), ""))


def _expectation(name: str, trees: Trees) -> Expectation:
    """A changed expectation with the lines in which its wordings differ."""
    for path, test in _tests_named(name, trees.before, trees):
        old, new = (_text_of(test, path, files) for files in (trees.before, trees.after))
        lines = list(difflib.unified_diff(old, new, n=1, lineterm=""))[3:]
        shown = [line[:LINE_CHARS] for line in lines if not line.startswith("@@")][:MAX_DIFF_LINES]
        return Expectation(name, path, "\n".join(shown))
    return Expectation(name)


def _tests_named(name: str, files: Files, trees: Trees) -> Iterator[tuple[str, str]]:
    """The changed files with the test that a report gives this name, and its name there."""
    for path in filter(is_test, trees.wording):
        for test in tests_in(path, files.read(path)) or {}:
            if _named(test).search(name):
                yield path, test


def _text_of(test: str, path: str, files: Files) -> list[str]:
    """The lines of a test, from its name to the next one."""
    lines = files.read(path).splitlines()
    tests = tests_in(path, "\n".join(lines)) or {}
    if test not in tests:
        return []
    begin = tests[test].line - 1
    end = min((other.line - 1 for other in tests.values() if other.line - 1 > begin), default=len(lines))
    return [line for line in lines[begin:end] if line.strip()]
