"""Which runs a check needs before its verdict is known, and what they prove."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dayhand.environment.base import Environment
from dayhand.environment.ecosystems.base import Check
from dayhand.verification import Finding, Verdict
from dayhand.verify.base_cache import BaseCache
from dayhand.verify.checks import (
    MAX_BASE_RUNS,
    MAX_HEAD_RUNS,
    QUICK_SECONDS,
    CheckVerifier,
    touched_folders_first,
)
from dayhand.verify.runner import CheckResult
from dayhand.verify.trees import Fill, Trees
from tests.verify.files import InMemoryFiles
from tests.verify.runs import check_result

CHECK = Check("test", "pytest -q", "pytest --version", "pytest", "pyproject.toml")
GREEN, RED = check_result(passing="ab"), check_result(code=1, passing="a", failing="b")
SLOW = CheckResult(dataclasses.replace(GREEN.run, seconds=QUICK_SECONDS + 1), GREEN.results)
MANY = {f"tests/test_{n}.py": "" for n in range(8)}
BASE = {"shop.py": "def total(): ...", "tests/test_shop.py": "def test_a(): ...", "README.md": "", **MANY}
SOURCE = {"shop.py": "def total(): return 1"}
NEW_TEST = {"tests/test_new.py": "def test_n(): ..."}
EDITED_TEST = {"tests/test_shop.py": "def test_a(): ...\n\n\ndef test_n(): assert 1 == 1"}
DATA = {"tests/cases.json": "[]"}


class SilentLog:
    def line(self, kind: str, text: str) -> int:
        return 1


@dataclass
class RecordingBox:
    """Notes how a tree is made."""

    steps: list[str] = field(default_factory=list)

    def run(self, command: list[str], *, stdin: bytes, env: Mapping[str, str] | None = None) -> object:
        if env is None:  # the text of one file
            self.steps.append(f"broken {command[-1]}")
        else:
            self.steps.append(f"{'base' if 'COMMIT' in env else 'broken'} {' '.join(stdin.decode().split())}")
        return SimpleNamespace(passed=True)


class PreparedRunner:
    """Returns prepared results in order, and records on which tree each run was, and of which tests."""

    def __init__(self, *results: CheckResult) -> None:
        self.environment = Environment("env-1", None, {}, (CHECK,), {}, (), (), cached=True, seconds=0.0)
        self.log = SilentLog()
        self.results, self.runs = list(results), list[str]()

    def run(self, check: Check, fill: Fill) -> CheckResult:
        box = RecordingBox()
        fill(cast("Any", box))
        self.runs.append(
            ", ".join([*box.steps, check.command.removeprefix(CHECK.command).strip()]).rstrip(", ")
        )
        return self.results.pop(0)


def head(box: Any) -> None:
    box.steps.append("head")


def base(box: Any) -> None:
    box.steps.append("base")


def verify(
    folder: Path, *results: CheckResult, change: Mapping[str, str] = SOURCE, check: Check = CHECK
) -> tuple[Finding, list[str]]:
    runner = PreparedRunner(*results)
    trees = Trees(
        head, base, "c0ffee", InMemoryFiles(BASE), InMemoryFiles({**BASE, **change}), tuple(sorted(change))
    )
    verifier = CheckVerifier(cast("Any", runner), trees, BaseCache(folder), (check,))
    finding, _ = verifier.verify(check)
    assert not runner.results, "every result was used"
    return finding, runner.runs


@pytest.fixture
def known_base(tmp_path: Path) -> Path:
    """A cache in which the base passes."""
    BaseCache(tmp_path).keep("c0ffee", "env-1", CHECK, result=GREEN)
    return tmp_path


BROKEN = check_result(code=1, failing="ab")
RED_NEW = check_result(code=1, passing="ab", failing="n")
GREEN_NEW = check_result(passing="abn")
NEAREST_BROKEN = "head, broken shop.py, tests/test_shop.py"


@pytest.mark.parametrize(
    ("change", "results", "runs"),
    [
        (SOURCE, [GREEN, BROKEN], ["head", NEAREST_BROKEN]),
        ({**SOURCE, **NEW_TEST}, [GREEN_NEW, RED_NEW], ["head", "head, base shop.py, tests/test_new.py"]),
        (
            {**SOURCE, **EDITED_TEST},
            [GREEN_NEW, GREEN, RED_NEW],
            [
                "head",
                "head, base tests/test_shop.py, tests/test_shop.py",
                "head, base shop.py, tests/test_shop.py",
            ],
        ),
        (
            {**SOURCE, **DATA},
            [GREEN, GREEN, BROKEN],
            ["head", "head, base tests/cases.json", NEAREST_BROKEN],
        ),
        ({"README.md": "More."}, [GREEN], ["head"]),
        (NEW_TEST, [GREEN_NEW, RED_NEW], ["head", "head, base , tests/test_new.py"]),
    ],
    ids=["source", "new-test", "edited-test", "test-data", "documentation", "test-alone"],
)
def test_only_what_differs_runs_again(
    known_base: Path, change: dict[str, str], results: list[CheckResult], runs: list[str]
) -> None:
    finding, made = verify(known_base, *results, change=change)
    assert made == runs
    assert bool(finding.proves) == ("shop.py" in change)
    test_files = 1 + len(MANY)
    suites = sum(1 / test_files if ", tests/" in run else 1 for run in made)
    assert suites <= 2.2, "a change costs about twice the suite's own time at most"


UNITTEST = dataclasses.replace(CHECK, command="python3 -m unittest")
SCRIPT = dataclasses.replace(CHECK, command="./run-tests.sh")
ALONE = "python3 -m unittest discover [test_shop.py]"
HEAD_ALONE, HEAD_BROKEN = check_result(passing="an"), check_result(code=1, passing="a", failing="c")
OLD_ALONE, RED_ALONE = check_result(passing="a"), check_result(code=1, passing="a", failing="n")


@pytest.mark.parametrize(
    ("check", "change", "results", "runs"),
    [
        (SCRIPT, NEW_TEST, [GREEN_NEW, RED_NEW], ["head, SUITE", "head, base shop.py, SUITE"]),
        (
            UNITTEST,
            EDITED_TEST,
            [GREEN_NEW, HEAD_ALONE, OLD_ALONE, RED_ALONE],
            [
                "head, SUITE",
                f"head, {ALONE}",
                f"head, base tests/test_shop.py, {ALONE}",
                f"head, base shop.py, {ALONE}",
            ],
        ),
        (
            UNITTEST,
            EDITED_TEST,
            [GREEN_NEW, HEAD_BROKEN, GREEN, RED_NEW],
            [
                "head, SUITE",
                f"head, {ALONE}",
                "head, base tests/test_shop.py, SUITE",
                "head, base shop.py, SUITE",
            ],
        ),
    ],
    ids=["script", "unittest", "narrowed-command-differs"],
)
def test_a_narrowed_command_is_believed_where_it_says_of_the_head_what_the_whole_one_said(
    tmp_path: Path, check: Check, change: dict[str, str], results: list[CheckResult], runs: list[str]
) -> None:
    BaseCache(tmp_path).keep("c0ffee", "env-1", check, result=GREEN)
    finding, made = verify(tmp_path, *results, change={**SOURCE, **change}, check=check)
    loop = re.compile(r"failed=; for name in (.*); do (.*) -p .*")
    assert [
        loop.sub(r"\2 [\1]", run)
        .replace(check.command, "SUITE")
        .replace("SUITE discover", "python3 -m unittest discover")
        for run in made
    ] == runs
    assert finding.proves


def test_an_edit_that_keeps_all_tests_from_running_is_weakened_if_the_old_ones_fail(known_base: Path) -> None:
    mute, edited = check_result(known=False), {**SOURCE, **EDITED_TEST}
    finding, _ = verify(known_base, mute, RED, GREEN, RED, change=edited)
    assert (finding.verdict, finding.weakened) == (Verdict.DOES_NOT_TEST, (CHECK.command,))
    finding, _ = verify(known_base, mute, GREEN, GREEN, change=edited)
    assert (finding.verdict, finding.weakened) == (Verdict.DOES_NOT_TEST, ())


def test_old_tests_that_fail_are_run_again_before_anything_is_called_weakened(known_base: Path) -> None:
    chance = check_result(code=1, passing="b", failing="a")
    finding, made = verify(known_base, GREEN, chance, GREEN, GREEN, BROKEN, change={**SOURCE, **DATA})
    assert finding.weakened == ()
    assert made.count("head, base tests/cases.json") == 2
    finding, _ = verify(known_base, GREEN, chance, GREEN, chance, BROKEN, change={**SOURCE, **DATA})
    assert finding.weakened == ("a",)


def test_a_base_failure_from_memory_is_run_again_before_it_excuses_anything(tmp_path: Path) -> None:
    BaseCache(tmp_path).keep("c0ffee", "env-1", CHECK, result=RED)
    finding, made = verify(tmp_path, RED, GREEN, RED)
    assert (finding.verdict, finding.failing) == (Verdict.NEW_FAILURE, ("b",))
    assert made == ["head", "base", "head"]
    assert BaseCache(tmp_path).find("c0ffee", "env-1", CHECK) == dataclasses.replace(
        GREEN, run=dataclasses.replace(GREEN.run, line=0)
    )


def test_a_base_that_passes_is_known_to_the_next_task(tmp_path: Path) -> None:
    _, made = verify(tmp_path, GREEN, GREEN, BROKEN)
    assert made == ["head", "base", NEAREST_BROKEN]
    _, made = verify(tmp_path, GREEN, BROKEN)
    assert made == ["head", NEAREST_BROKEN]


def test_a_failure_by_chance_is_flaky_where_the_base_fails_by_chance_too(known_base: Path) -> None:
    finding, made = verify(known_base, RED, GREEN, GREEN, RED)
    assert finding.verdict is Verdict.FLAKY
    assert made == ["head", "head", "base", "base"]


def test_a_failure_by_chance_that_only_the_change_shows_is_a_new_failure(known_base: Path) -> None:
    finding, made = verify(known_base, RED, GREEN, *[GREEN] * MAX_BASE_RUNS)
    assert (finding.verdict, finding.failing) == (Verdict.NEW_FAILURE, ("b",))
    assert made == ["head", "head", *["base"] * MAX_BASE_RUNS]


def test_a_change_that_draws_by_chance_runs_several_times(known_base: Path) -> None:
    draws = {"shop.py": "import random\ndef total(): return random.random()"}
    finding, made = verify(known_base, GREEN, GREEN, RED, GREEN, *[GREEN] * MAX_BASE_RUNS, change=draws)
    assert (finding.verdict, finding.failing) == (Verdict.NEW_FAILURE, ("b",))
    assert made == [*["head"] * 4, *["base"] * MAX_BASE_RUNS]
    finding, made = verify(known_base, *[GREEN] * MAX_HEAD_RUNS, BROKEN, change=draws)
    assert (finding.verdict, made.count("head")) == (Verdict.PASSES, MAX_HEAD_RUNS)


def test_what_was_red_on_the_base_and_is_green_now_is_proof(tmp_path: Path) -> None:
    finding, made = verify(tmp_path, GREEN, RED)
    assert made == ["head", "base"]
    assert (finding.verdict, finding.fixed, finding.proves) == (Verdict.FIXED, ("b",), ("",))
    assert finding.red_green
    assert finding.red_green.tests == ("b",)


def test_tests_beside_an_old_failure_can_prove_the_change(tmp_path: Path) -> None:
    finding, _ = verify(tmp_path, RED, RED, check_result(code=1, failing="ab"))
    assert (finding.verdict, finding.proves, finding.failing_before) == (
        Verdict.FAILS_ON_BASE_TOO,
        ("",),
        ("b",),
    )
    finding, _ = verify(tmp_path, RED, RED, RED)
    assert finding.proves == (), "what fails in any case has not noticed the change"


def test_tests_that_do_not_reach_the_change_prove_nothing(known_base: Path) -> None:
    finding, made = verify(known_base, GREEN, GREEN, GREEN)
    assert (finding.verdict, finding.proves) == (Verdict.DOES_NOT_TEST, ())
    assert made == ["head", NEAREST_BROKEN, "head, broken shop.py"]


def test_slow_tests_run_on_the_base_too_and_a_slow_linter_does_not(tmp_path: Path) -> None:
    finding, made = verify(tmp_path, SLOW, GREEN, BROKEN)
    assert (finding.verdict, made) == (Verdict.PASSES, ["head", "base", NEAREST_BROKEN])
    finding, made = verify(tmp_path, SLOW, check=dataclasses.replace(CHECK, kind="lint"))
    assert (finding.verdict, made) == (Verdict.PASSES, ["head"])


def test_a_run_that_timed_out_is_not_repeated(tmp_path: Path) -> None:
    stuck = CheckResult(dataclasses.replace(RED.run, code=None, reason="wall"), None)
    finding, made = verify(tmp_path, stuck, GREEN)
    assert (finding.verdict, made) == (Verdict.NEW_FAILURE, ["head", "base"])


def test_the_checks_of_touched_folders_come_first():
    top = Check("lint", "ruff check .", "", "ruff", "")
    ours = Check("test", "cd b && make", "", "make", "", folder="b")
    other = Check("test", "cd a && make", "", "make", "", folder="a")
    assert touched_folders_first((top, other, ours), ("b/c.py", "ab/d.py")) == (ours, top, other)
