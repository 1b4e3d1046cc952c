"""Cases whose right verdict is known: how they are read, and how conclusions are compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from dayhand.bench.truth.case import SHIPPED, TruthCase, read_cases
from dayhand.bench.truth.run import Answer, answer_of, bench_truth
from dayhand.errors import SettingsError
from dayhand.verification import Finding, Gap, Status, Unverified, Verdict, Verification

PASSES = Verification("t", (Finding("test", "make test", Verdict.PASSES, None),))
FAILS = Verification("t", (Finding("test", "make test", Verdict.NEW_FAILURE, None),))
CANNOT_RUN = Verification("t", (), gaps=(Gap(Unverified.CANNOT_RUN),))
UNNOTICED = Verification("t", (), gaps=(Gap(Unverified.NOT_NOTICED),))
HELD = (Status.ACTION_REQUIRED, Status.FAILURE)


@pytest.mark.parametrize(
    ("expected", "verification", "answer"),
    [
        ((Status.SUCCESS,), PASSES, Answer.RIGHT),
        (HELD, FAILS, Answer.RIGHT),
        ((Status.NEUTRAL,), CANNOT_RUN, Answer.RIGHT),
        (HELD, PASSES, Answer.FALSE_SUCCESS),
        ((Status.NEUTRAL,), PASSES, Answer.FALSE_SUCCESS),
        ((Status.SUCCESS,), FAILS, Answer.FALSE_ALARM),
        ((Status.SUCCESS,), UNNOTICED, Answer.FALSE_ALARM),
        ((Status.SUCCESS,), CANNOT_RUN, Answer.CANNOT_RUN),
        (HELD, UNNOTICED, Answer.MISSED),
    ],
)
def test_a_conclusion_is_compared_with_those_that_are_right(
    expected: tuple[Status, ...], verification: Verification, answer: Answer
) -> None:
    assert answer_of(TruthCase(expected), verification) is answer


def test_the_cases_that_come_with_dayhand_cover_what_was_once_judged_wrongly() -> None:
    cases = dict(read_cases(SHIPPED))
    for each in ("helper-emptied", "case-data-deleted", "return-at-the-top", "table-row-deleted", "del-test"):
        assert f"python-{each}" in cases
    packages = [case.source_package for case in cases.values() if case.source_package]
    assert len(packages) >= 8
    assert len({package.ecosystem for package in packages}) >= 5


def test_a_case_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="holds no case"):
        bench_truth(str(tmp_path), as_json=True)
    (tmp_path / "bad.toml").write_text('expected = ["perhaps"]\n')
    with pytest.raises(SettingsError, match=r"bad\.toml cannot be read: .*'perhaps' is not a valid Status"):
        bench_truth(str(tmp_path), as_json=True)


def test_a_patch_and_deleted_files_become_the_change(tmp_path: Path) -> None:
    patch = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-1\n+2\n"
    case = TruthCase((Status.NEUTRAL,), base={"a.txt": "1\n", "b.txt": ""}, deleted=("b.txt",), patch=patch)
    project, head = case.write(tmp_path, "case")
    assert project.mirror.git.run("show", f"{head}:a.txt") == b"2\n"
    assert project.mirror.git.run("ls-tree", "--name-only", head) == b"a.txt\n"
    again = TruthCase(
        (), repository=str(tmp_path / "github/case.git"), commit=project.commit, deleted=("a.txt",)
    )
    project, head = again.write(tmp_path, "other")
    assert project.mirror.git.run("ls-tree", "--name-only", head) == b"b.txt\n"
