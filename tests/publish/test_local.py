"""What a local run prints."""

from __future__ import annotations

import io

from dayhand.publish.local import LocalPublication
from dayhand.task import Citation, Proof, Solution
from tests.publish.conftest import BROKEN, PASSED, TASK, proposal

TOKEN = "gh" + "s_" + "A1b2" * 15


def test_the_table_and_how_to_look_at_the_branch_are_printed() -> None:
    out = io.StringIO()
    assert LocalPublication(out).propose(TASK, proposal("h", PASSED, BROKEN)) == TASK.branch
    said = out.getvalue()
    assert "pytest -q                        passes: 3 passed" in said
    assert "ruff check                       new failure: E501" in said
    assert f"git diff bbbbbbbb {TASK.branch}" in said


def test_an_answer_shows_what_could_not_be_confirmed() -> None:
    out = io.StringIO()
    lost = Proof(Citation("a.py", 9), found=False, text="a.py has 2 lines", commit="c")
    LocalPublication(out).answer(TASK, Solution("", "No."), (lost,))
    assert "✗ not confirmed: a.py:9: a.py has 2 lines" in out.getvalue()


def test_nobodys_words_steer_the_terminal_or_show_a_key() -> None:
    out = io.StringIO()
    LocalPublication(out).answer(TASK, Solution("", f"\x1b]0;owned\x07 \x1b[2J {TOKEN}"), ())
    assert "\x1b" not in out.getvalue()
    assert "\x07" not in out.getvalue()
    assert "A1b2" not in out.getvalue()
