"""The rule that has two sides: what the head and the base lack together."""

from __future__ import annotations

import pytest

from dayhand.verification import Run, Verdict
from dayhand.verify.cannot_run.base import Kind
from dayhand.verify.cannot_run.recognise import MAX_DETAILS, diagnose, recognise, unrunnable_tests
from dayhand.verify.judge import judge_failed
from dayhand.verify.reports.base import CaseResult
from dayhand.verify.reports.read import Results
from dayhand.verify.runner import CheckResult
from tests.verify.cannot_run.outputs import OUTPUTS, check_run, reported

REFUSED = 'psycopg.OperationalError: connection failed: connection to server at "127.0.0.1", port 5432 failed: Connection refused'
REDIS = "redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection refused."
NO_MODULE = "ModuleNotFoundError: No module named 'acme_metrics'"
ASSERTION = "AssertionError: assert 3 == 4"
PASSES = ""


def kept(result: CheckResult, output: str) -> CheckResult:
    """The same result from the cache, which keeps the output but not what single tests say."""
    tests = {test.name: test for test in result.results.tests} if result.results else {}
    cases = tuple(CaseResult(name, test.state) for name, test in tests.items())
    return CheckResult(Run("pytest -q", 1, "exit", 1.0, output, 1), Results(cases, reported=True))


@pytest.mark.parametrize(
    ("head", "base"),
    [
        (reported(a=REFUSED, b=REFUSED), reported(a=REFUSED, b=REFUSED)),
        (reported(a=REFUSED, new=REFUSED), reported(a=REFUSED)),  # a new test that cannot run here either
        (reported(a=REFUSED), reported(a=REFUSED, gone=REFUSED)),
        (reported(a=REFUSED, b=REDIS), reported(a=REFUSED, b=REDIS)),
        (reported(a=REFUSED, b="TypeError: no client"), reported(a=REFUSED, b="TypeError: no client")),
        (reported(a=REFUSED), kept(reported(a=REFUSED), output=REFUSED)),
        (reported(a=NO_MODULE), reported(a=NO_MODULE)),
        (
            check_run(REFUSED),
            check_run(REFUSED),
        ),  # no report, no summary: a test command that starts with migrations
        (reported(a="TypeError: x"), reported(a="TypeError: x")),  # nothing passes, for whatever reason
    ],
)
def test_what_both_sides_lack_cannot_run(head: CheckResult, base: CheckResult) -> None:
    found = recognise(head, base).cannot_run
    assert found
    assert found.sentence
    assert found.cure


@pytest.mark.parametrize(
    ("head", "base"),
    [
        (reported(a=REFUSED, b=PASSES), reported(a=PASSES, b=PASSES)),  # it can run: it passes on the base
        (reported(a=REFUSED), reported(a=ASSERTION)),
        (reported(a=ASSERTION), reported(a=REFUSED)),  # it ran, and compared values
        (reported(a=ASSERTION), reported(a=ASSERTION)),  # it fails before the change too, and it does run
        (reported(a=REFUSED, new=REDIS), reported(a=REFUSED)),  # what the change alone wants
        (reported(a=REFUSED, new=ASSERTION), reported(a=REFUSED)),
        (reported(a="TypeError: x", new="TypeError: y"), reported(a="TypeError: x")),
        (check_run(f"{REFUSED}\n{NO_MODULE}"), check_run(REFUSED)),
        (check_run(REFUSED), check_run("1 passed, 2 failed\n" + REFUSED)),
        (check_run("something else"), check_run("something else")),
    ],
)
def test_what_only_one_side_lacks_does_not_count(head: CheckResult, base: CheckResult) -> None:
    assert recognise(head, base).cannot_run is None


def test_only_so_many_different_failures_are_read() -> None:
    """A report may hold thousands, each with words of its own."""
    many = reported(**{f"test_{number}": f"{REFUSED} ({number})" for number in range(MAX_DETAILS + 500)})
    found = recognise(many, many).cannot_run
    assert found
    assert len(found.tests) == MAX_DETAILS


def test_a_new_test_that_cannot_run_here_is_not_blamed_beside_tests_that_pass() -> None:
    base = reported(ok=PASSES, old=REFUSED)
    head = reported(ok=PASSES, old=REFUSED, new=REFUSED, other=REDIS, broken=ASSERTION)
    found = recognise(head, base)
    assert found.cannot_run is None
    assert found.unrunnable
    assert found.unrunnable.tests == {"old", "new"}
    assert found.unrunnable.missing == "PostgreSQL on localhost:5432"


def test_a_test_that_passes_on_the_base_is_never_excused() -> None:
    head, base = reported(ok=PASSES, a=REFUSED, b=REFUSED), reported(ok=PASSES, a=REFUSED, b=PASSES)
    found = recognise(head, base).unrunnable
    assert found
    assert found.tests == {"a"}


@pytest.mark.parametrize(
    "head",
    [
        check_run("E   ModuleNotFoundError: No module named 'jsonn'\n1 error in 0.29s"),
        check_run("E   SyntaxError: invalid syntax\n1 error in 0.29s"),
        check_run(
            "E   ImportError: cannot import name 'total' from 'shop' (/workspace/shop.py)\n1 error in 0.29s"
        ),
        check_run("FAIL\texample.org/shop [build failed]\nFAIL"),
        check_run(f"{REFUSED}\nE   SyntaxError: invalid syntax\n2 errors in 0.29s"),  # beside what is missing
        reported(**{"test_shop.py": "ModuleNotFoundError: No module named 'jsonn'"}),
    ],
)
def test_an_import_that_the_change_breaks_is_new(head: CheckResult) -> None:
    found = recognise(head, reported(a=REFUSED, b=REFUSED, output=REFUSED))
    assert (found.cannot_run, found.does_not_load) == (None, True)


def test_an_import_that_fails_on_both_sides_is_not_new() -> None:
    assert not recognise(reported(a=NO_MODULE), reported(a=NO_MODULE)).does_not_load


def test_the_most_frequent_cause_comes_first_and_each_is_told_once() -> None:
    found = diagnose(reported(a=REDIS, b=REFUSED, c=REFUSED))
    assert found
    assert found.missing == "PostgreSQL on localhost:5432, Redis on localhost:6379"
    assert found.tests == {"a", "b", "c"}
    assert str(found).count("PostgreSQL") == 1


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (reported(a=REFUSED, b="TypeError: x"), Kind.SERVICE),
        (reported(a="TypeError: x"), Kind.NO_TEST_PASSES),
        (reported(), None),
        (reported(a=ASSERTION), None),
        (reported(a=REFUSED, b=PASSES), None),
        (reported(0, a=PASSES), None),
    ],
)
def test_one_run_alone_says_why_none_of_its_tests_can_run(result: CheckResult, kind: Kind | None) -> None:
    found = diagnose(result)
    assert (found.kind if found else None) is kind


def test_the_tests_that_lack_something_are_named_beside_those_that_pass() -> None:
    found = unrunnable_tests(reported(a=REFUSED, b=PASSES, c=ASSERTION))
    assert found
    assert found.tests == {"a"}
    assert unrunnable_tests(reported(b=PASSES, c=ASSERTION)) is None


@pytest.mark.parametrize(
    ("head", "base", "verdict", "failing"),
    [
        (reported(a=REFUSED, new=REFUSED), reported(a=REFUSED), Verdict.CANNOT_RUN, ()),
        (
            reported(ok=PASSES, a=REFUSED, new=REFUSED),
            reported(ok=PASSES, a=REFUSED),
            Verdict.FAILS_ON_BASE_TOO,
            (),
        ),
        (
            reported(ok=PASSES, a=REFUSED, new=ASSERTION),
            reported(ok=PASSES, a=REFUSED),
            Verdict.NEW_FAILURE,
            ("new",),
        ),
        (reported(a=NO_MODULE), reported(a=REFUSED), Verdict.NEW_FAILURE, ("a",)),
    ],
    ids=["nothing-can-run", "new-test-cannot-run", "new-test-fails", "import-breaks"],
)
def test_the_verdict_on_what_cannot_run(
    head: CheckResult, base: CheckResult, verdict: Verdict, failing: tuple[str, ...]
) -> None:
    judged = judge_failed(head, base)
    assert (judged.verdict, judged.failing) == (verdict, failing)
    assert bool(judged.missing) == (verdict is Verdict.CANNOT_RUN)
    assert ("cannot run here" in judged.note) == (verdict is Verdict.FAILS_ON_BASE_TOO)


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_same_output_on_both_sides_is_judged_as_alone(name: str) -> None:
    output = OUTPUTS[name].result
    assert bool(recognise(output, output).cannot_run) is bool(diagnose(output))
