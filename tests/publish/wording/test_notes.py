"""What stands under the verification table."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from dayhand.publish.wording.notes import MAX_CONCERNS, notes
from dayhand.publish.wording.verification import table
from dayhand.verification import (
    Concern,
    Counts,
    Finding,
    FormattingOnly,
    RedGreen,
    Run,
    Scope,
    Verdict,
    Verification,
)

RUN = Run("pytest -q", 1, "exit", 1.0, "1 failed", 7)


def proof(*, proven: bool, tests: tuple[str, ...] = (), idle: tuple[str, ...] = ()) -> Verification:
    shown = RedGreen(proven=proven, run=RUN, tests=tests, passing_before=idle)
    return Verification("c0ffee", (Finding("test", "pytest -q", Verdict.PASSES, RUN, red_green=shown),))


@pytest.mark.parametrize(
    ("verification", "words"),
    [
        (proof(proven=True, tests=("a", "b")), "**Red to green:** 2 tests fail without the change and pass with it ([`pytest -q`](T?line=7#L7))."),
        (proof(proven=True, tests=("a",)), "**Red to green:** 1 test fails without the change and passes with it ([`pytest -q`](T?line=7#L7))."),
        (proof(proven=True), "**Red to green:** the change's tests fail without the change and pass with it ([`pytest -q`](T?line=7#L7))."),
        (proof(proven=True, tests=("a",), idle=("b",)), "**Red to green:** 1 test fails without the change and passes with it ([`pytest -q`](T?line=7#L7)). 1 new test also passes without it: `b`."),
        (proof(proven=True, idle=("b", "c", "d", "e", "f", "g")), "**Red to green:** the change's tests fail without the change and pass with it ([`pytest -q`](T?line=7#L7)). 6 new tests also pass without it: `b`, `c`, `d`, `e`, `f` and 1 more."),
        (proof(proven=False), "⚠️ **No red to green:** the change's tests also pass without the change ([`pytest -q`](T?line=7#L7)), so they prove nothing."),
        (Verification("c0ffee"), ""),
    ],
)  # fmt: skip
def test_the_changes_own_tests_are_told_in_one_line(verification: Verification, words: str) -> None:
    assert notes(verification, "T") == words


def test_what_weakens_the_checks_is_listed_without_its_power() -> None:
    concerns = (
        Concern("suppression", "a.py", 3, "# noqa `@ada` #1"),
        Concern("deleted test", "t.py", 0, "test_a"),
    )
    assert notes(Verification("c0ffee", (), concerns), "T") == (
        "✋ **This change modifies its own checks.** That may be right, but the checks cannot confirm it:\n\n"
        "- suppression: `a.py:3`: ``# noqa `@ada` #1``\n"
        "- deleted test: `t.py`: `test_a`\n\n"
        "To accept this, comment `@bot accept` here. You need write access."
    )


def test_what_to_write_is_said_once_under_both_lists() -> None:
    weaker, beyond = (
        Concern("deleted test", "t.py", 0, "a"),
        Concern("runs on install", "setup.py", 0, "added"),
    )
    said = notes(Verification("t", (), (weaker,), side_effects=(beyond,)), "T")
    assert said.count("`@bot accept`") == 1
    assert said.endswith("You need write access.")


def test_a_long_list_is_cut_and_says_so() -> None:
    concerns = tuple(Concern("suppression", "a.py", n, "# noqa") for n in range(MAX_CONCERNS + 4))
    assert "- and 4 more, on the task's page" in notes(Verification("c0ffee", (), concerns), "T")


def test_a_row_names_the_tests_that_tell() -> None:
    names = tuple(f"t{n}" for n in range(7))
    findings = (
        Finding("test", "a", Verdict.NEW_FAILURE, RUN, failing=names, counts=Counts(3, 7, 0)),
        Finding("test", "b", Verdict.FIXED, RUN, fixed=("t1",), counts=Counts(2, 0, 1)),
        Finding("test", "c", Verdict.DOES_NOT_TEST, RUN, note="it does not look"),
        Finding("test", "d", Verdict.FLAKY, RUN),
    )
    assert table(Verification("c0ffee", findings), "T").splitlines()[2:] == [
        "| test | `a` | [❌ new failure](T?line=7#L7) (3 passed, 7 failed): `t0`, `t1`, `t2`, `t3`, `t4` and 2 more |",
        "| test | `b` | [✅ fixed](T?line=7#L7) (2 passed, 1 skipped): `t1` |",
        "| test | `c` | [⚠️ passes, but does not test the change](T?line=7#L7): it does not look |",
        "| test | `d` | [🎲 flaky: it failed, then passed when run again](T?line=7#L7) |",
    ]


def test_what_the_change_touches_beside_its_task_is_named() -> None:
    noise = (FormattingOnly("a.py", 2, 2), FormattingOnly("b.py", 3, 5))
    some = Scope(files=3, formatting_only=noise, unmentioned=("tax`.py", "web/x.js"))
    assert notes(Verification("t", scope=some), "T") == snapshot("""\
**Formatting only** (whitespace, line breaks, quotes, import order): all of `a.py`, 3 of 5 places in `b.py`.

**Changed, but not mentioned** in the issue or the summary: ``tax`.py``, `web/x.js`.\
""")
    many = Scope(files=14, unmentioned=tuple(f"f{n}.py" for n in range(13)))
    assert notes(Verification("t", scope=many), "T") == snapshot(
        "**Changed, but not mentioned** in the issue or the summary: `f0.py`, `f1.py`, `f2.py`, `f3.py`, `f4.py`, `f5.py`, `f6.py`, `f7.py`, `f8.py`, `f9.py` and 3 more files."
    )
    none = Scope(files=2, unmentioned=("a.py", "b.py"))
    assert notes(Verification("t", scope=none), "T") == snapshot(
        "**None of the 2 changed files is mentioned** in the issue or the summary."
    )


def test_a_change_that_is_too_large_says_by_how_much_and_what_to_do() -> None:
    huge = Scope(lines=2400, files=41, max_lines=800, max_files=40)
    assert notes(Verification("t", scope=huge), "T") == snapshot(
        "✋ **This stays a draft:** it changes 2,400 lines (limit: 800) and 41 files (limit: 40). To accept it as one change, comment `@bot accept` here, or ask for smaller steps. The limits are `[limits] lines` and `files` in `.dayhand.toml` on the default branch."
    )
    assert notes(Verification("t", scope=Scope(800, 40, 800, 40)), "T") == ""
    assert notes(Verification("t", scope=Scope(9999, 999)), "T") == "", "0 is no limit"
