"""What `dayhand run` prints at its end."""

from __future__ import annotations

from dayhand.errors import ExitCode
from dayhand.publish.wording.local_run import LocalRun, report
from dayhand.task import Citation, Proof, Solution
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


def test_an_answer_shows_what_could_not_be_confirmed() -> None:
    lost = Proof(Citation("a.py", 9), found=False, text="a.py has 2 lines", commit="c")
    run = LocalRun(Solution("", "No."), 1.0, {}, proofs=(lost,))
    assert run.code is ExitCode.NOT_VERIFIED
    assert "✗ not confirmed: a.py:9: a.py has 2 lines" in report(run)
