"""What `dayhand run` prints at its end."""

from __future__ import annotations

from dataclasses import replace

from dayhand.errors import ExitCode
from dayhand.publish.wording.local_run import LocalRun, as_json, report
from dayhand.publish.wording.notes import notes
from dayhand.task import Citation, Proof, Solution
from dayhand.verification import Concern, Expectation, Finding, Gap, Unverified, Verdict
from tests.publish.conftest import BROKEN, PASSED, TASK, proposal


def test_the_table_and_how_to_look_at_the_branch_are_printed() -> None:
    proposed = proposal("h", PASSED, BROKEN)
    run = LocalRun(
        proposed.solution,
        2.0,
        {"solve": 1.0},
        proposed=proposed,
        branch=TASK.branch,
        base="b" * 40,
        onto="main",
    )
    said = report(run)
    assert run.code is ExitCode.NEW_FAILURES
    assert run.failing == ("ruff check",)
    assert said.startswith("\nNew failures: ")
    assert "pytest -q                        passes: 3 passed" in said
    assert "ruff check                       new failure: E501" in said
    assert f"git diff bbbbbbbb {TASK.branch}" in said


def test_what_a_person_should_look_at_is_said_as_in_the_pull_request() -> None:
    """Also on the task's page: ``test_pages.py``."""
    changed = Expectation(
        "test_sum", "tests/test_sum.py", "-    assert total() == 3\n+    assert total() == 4"
    )
    tested = Finding("test", "pytest -q", Verdict.PASSES, None, fewer=("test_old",), expectations=(changed,))
    proposed = proposal("h", tested)
    verification = replace(
        proposed.verification,
        concerns=(Concern("weakened test", "tests/test_shop.py", 3, "test_total"),),
        gaps=(Gap(Unverified.CANNOT_RUN, "backend", "The package acme is missing."),),
    )
    run = LocalRun(proposed.solution, 2.0, {}, proposed=replace(proposed, verification=verification))
    terminal, pull_request = report(run), notes(verification, "T")
    for words in (
        "1 changed expectation",
        "This test fails with the change as it was before, and passes as it is now.",
        "+    assert total() == 4",
        "1 test that passed before no longer runs",
        "This change modifies its own checks",
        "the tests could not run here",
        "The package acme is missing.",
    ):
        assert words in terminal
        assert words in pull_request
    said = as_json(run)
    assert said["expectations"] == [
        {"test": "test_sum", "path": "tests/test_sum.py", "wordings": changed.wordings}
    ]
    assert said["no_longer_run"] == ["test_old"]
    assert said["not_verified"] == [
        {
            "reason": "the tests could not run here",
            "folder": "backend",
            "detail": "The package acme is missing.",
        }
    ]


def test_an_answer_shows_what_could_not_be_confirmed() -> None:
    lost = Proof(Citation("a.py", 9), found=False, text="a.py has 2 lines", commit="c")
    run = LocalRun(Solution("", "No."), 1.0, {}, proofs=(lost,))
    assert run.code is ExitCode.NOT_VERIFIED
    assert "✗ not confirmed: a.py:9: a.py has 2 lines" in report(run)
