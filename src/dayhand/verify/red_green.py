"""Whether the tests of a change prove it: on the base's source they must fail, and with the change they pass."""

from __future__ import annotations

from collections.abc import Callable

from dayhand.environment.ecosystems.base import Check
from dayhand.file_kinds import belongs_to_tests
from dayhand.verification import RedGreen
from dayhand.verify.runner import CheckResult, Runner
from dayhand.verify.trees import Trees, put_back


def can_prove(trees: Trees) -> bool:
    """Whether the change holds new or altered tests, and something that they could be about."""
    return bool(trees.tests) and not all(map(belongs_to_tests, trees.paths))


def show_red(
    check: Check, runner: Runner, trees: Trees, *, head: CheckResult, base: Callable[[], CheckResult]
) -> RedGreen:
    """Run the change's tests, which pass on the head, on the base's source. ``base`` is asked for where it fails."""
    source = tuple(path for path in trees.paths if not belongs_to_tests(path))
    runner.log.line(
        "say", f"{check.command} with the change's tests on the source as it was: they should fail."
    )
    red = runner.run(check, put_back(source, trees.base_commit, trees.head))
    if red.run.passed:
        return RedGreen(proven=False, run=red.run)
    before = base()
    if before.run.passed:
        return RedGreen(
            proven=True, run=red.run, tests=_names(red, head), passing_before=_idle(red, head, before)
        )
    new = red.failing - before.failing
    return RedGreen(
        proven=bool(new),
        run=red.run,
        tests=tuple(sorted(new)),
        passing_before=_idle(red, head, before) if new else (),
    )


def _names(red: CheckResult, head: CheckResult) -> tuple[str, ...]:
    """The tests that turn from red to green; none where a file could not even be read."""
    known = head.results is not None and head.results.reported
    passing = (
        head.results.passing if head.results and known else red.failing
    )  # the command passed: all of them
    return tuple(sorted(red.failing & passing))


def _idle(red: CheckResult, head: CheckResult, before: CheckResult) -> tuple[str, ...]:
    """The new tests that pass on the base's source as well, where reports name all tests."""
    reports = [run.results for run in (red, head, before) if run.results and run.results.reported]
    if len(reports) < len((red, head, before)):
        return ()
    was = {test.name for test in reports[2].tests}
    return tuple(sorted((reports[0].passing & reports[1].passing) - was))
