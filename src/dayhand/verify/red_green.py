"""Whether the tests of a change prove it: they must fail on the source of the base, and pass with the change."""

from __future__ import annotations

from collections.abc import Callable

from dayhand.environment.ecosystems.base import Check
from dayhand.file_kinds import belongs_to_tests
from dayhand.verification import RedGreen
from dayhand.verify.runner import CheckResult, Runner
from dayhand.verify.trees import Trees, restore_files


def can_show_red(trees: Trees) -> bool:
    """Whether the change contains new or altered tests, and something that they could test."""
    return bool(trees.tests) and not all(map(belongs_to_tests, trees.paths))


def show_red_green(
    check: Check, runner: Runner, trees: Trees, *, head: CheckResult, base: Callable[[], CheckResult]
) -> RedGreen:
    """Run the change's tests, which pass on the head, on the base's source.

    ``base`` gives the result of the base; it is called only if the tests fail there.
    """
    source = tuple(path for path in trees.paths if not belongs_to_tests(path))
    runner.log.line(
        "say", f"Running {check.command} with the change's tests on the source of the base: they should fail."
    )
    red = runner.run(check, restore_files(source, trees.base_commit, trees.head))
    if red.run.passed:
        return RedGreen(proven=False, run=red.run)
    before = base()
    if before.run.passed:
        return RedGreen(
            proven=True,
            run=red.run,
            tests=_turned_green(red, head),
            passing_before=_passing_before(red, head, before),
        )
    new = red.failing - before.failing
    return RedGreen(
        proven=bool(new),
        run=red.run,
        tests=tuple(sorted(new)),
        passing_before=_passing_before(red, head, before) if new else (),
    )


def _turned_green(red: CheckResult, head: CheckResult) -> tuple[str, ...]:
    """The tests that fail on the base's source and pass with the change; none if a file could not be loaded there."""
    if head.results and head.results.reported:
        return tuple(sorted(red.failing & head.results.passing))
    return tuple(sorted(red.failing))  # the command passed on the head, so all tests did


def _passing_before(red: CheckResult, head: CheckResult, before: CheckResult) -> tuple[str, ...]:
    """The new tests that also pass on the base's source, if reports name all tests."""
    reports = [result.results for result in (red, head, before) if result.results and result.results.reported]
    if len(reports) < len((red, head, before)):
        return ()
    on_base_source, on_head, on_base = reports
    old_tests = {test.name for test in on_base.tests}
    return tuple(sorted((on_base_source.passing & on_head.passing) - old_tests))
