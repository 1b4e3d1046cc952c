"""How often a check runs before its verdict is known."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, cast

from dayhand.environment.base import Environment
from dayhand.environment.ecosystems.base import Check
from dayhand.verification import Finding, Verdict
from dayhand.verify.base_cache import BaseCache
from dayhand.verify.checks import QUICK_SECONDS, CheckVerifier, touched_folders_first
from dayhand.verify.runner import CheckResult
from dayhand.verify.trees import Fill, Trees
from tests.verify.runs import check_result

CHECK = Check("test", "make test", "make --version", "make", "Makefile")
ENVIRONMENT = Environment("env-1", None, {}, (CHECK,), {}, (), (), cached=True, seconds=0.0)
GREEN, RED = check_result(passing="ab"), check_result(code=1, passing="a", failing="b")


class SilentLog:
    def line(self, kind: str, text: str) -> int:
        return 1


class PreparedRunner:
    """Returns prepared results in order, and records which tree each run was for."""

    def __init__(self, *results: CheckResult) -> None:
        self.environment, self.log = ENVIRONMENT, SilentLog()
        self.results, self.fills = list(results), list[Fill]()

    def run(self, check: Check, fill: Fill) -> CheckResult:
        self.fills.append(fill)
        return self.results.pop(0)


def head(box: object) -> None: ...


def base(box: object) -> None: ...


def verify(folder: Path, *results: CheckResult) -> tuple[Finding, list[Fill]]:
    runner = PreparedRunner(*results)
    verifier = CheckVerifier(cast("Any", runner), Trees(head, base, "c0ffee"), BaseCache(folder))
    finding = verifier.verify(CHECK)
    assert not runner.results, "every result was used"
    return finding, runner.fills


def test_a_new_failure_is_run_once_more_and_flaky_where_it_passes_then(tmp_path: Path) -> None:
    finding, fills = verify(tmp_path, RED, GREEN, GREEN)
    assert finding.verdict is Verdict.FLAKY
    assert finding.rerun
    assert finding.rerun.passed
    assert fills == [head, base, head]


def test_the_result_of_the_base_is_known_to_the_next_task(tmp_path: Path) -> None:
    first, fills = verify(tmp_path, RED, RED)
    assert fills == [head, base]
    second, fills = verify(tmp_path, RED)
    assert fills == [head]
    assert first.verdict is second.verdict is Verdict.FAILS_ON_BASE_TOO


def test_a_slow_check_that_passes_does_not_run_on_the_base(tmp_path: Path) -> None:
    slow = CheckResult(dataclasses.replace(GREEN.run, seconds=QUICK_SECONDS + 1), GREEN.results)
    finding, fills = verify(tmp_path, slow)
    assert (finding.verdict, fills) == (Verdict.PASSES, [head])


def test_what_passes_slowly_is_fixed_where_the_base_is_known_to_fail(tmp_path: Path) -> None:
    BaseCache(tmp_path).keep("c0ffee", "env-1", CHECK, result=RED)
    slow = CheckResult(dataclasses.replace(GREEN.run, seconds=QUICK_SECONDS + 1), GREEN.results)
    finding, _ = verify(tmp_path, slow)
    assert (finding.verdict, finding.fixed) == (Verdict.FIXED, ("b",))


def test_a_run_that_timed_out_is_not_repeated(tmp_path: Path) -> None:
    stuck = CheckResult(dataclasses.replace(RED.run, code=None, reason="wall"), None)
    finding, fills = verify(tmp_path, stuck, GREEN)
    assert (finding.verdict, fills) == (Verdict.NEW_FAILURE, [head, base])


def test_the_checks_of_touched_folders_come_first():
    top = Check("lint", "ruff check .", "", "ruff", "")
    ours = Check("test", "cd b && make", "", "make", "", folder="b")
    other = Check("test", "cd a && make", "", "make", "", folder="a")
    assert touched_folders_first((top, other, ours), ("b/c.py", "ab/d.py")) == (ours, top, other)
