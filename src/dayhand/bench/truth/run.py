"""Judges each case as a task does, cold and warm, and compares the conclusions with the right ones."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dayhand.bench.environment import BenchProject, NullLog
from dayhand.bench.published_packages import reason_to_skip
from dayhand.bench.truth.case import SHIPPED, TruthCase, read_cases
from dayhand.checkout.commit_files import read_files
from dayhand.errors import EnvironmentFailure
from dayhand.sandbox.base import Sandbox
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.verification import Run, Status, Unverified, Verification
from dayhand.verify.base_cache import BaseCache
from dayhand.verify.checks import verify
from dayhand.verify.runner import CheckResult
from dayhand.verify.trees import Trees


class Answer(StrEnum):
    """How a conclusion compares with the right one."""

    RIGHT = "right"
    FALSE_SUCCESS = "false success"
    FALSE_ALARM = "false alarm"  # failed or held, or nothing claimed, where success is right
    MISSED = "missed"  # nothing claimed where a failure or a hold is right
    CANNOT_RUN = "cannot run"  # the tests could not run, and should


@dataclass(frozen=True, slots=True)
class JudgedCase:
    """One case. Cold and warm are the seconds of preparing the environment and all runs of the checks."""

    answer: Answer
    conclusion: str
    expected: tuple[str, ...]
    because: str
    findings: tuple[str, ...] = ()
    cold_s: float | None = None
    warm_s: float | None = None
    checks_s: float | None = None  # of running each check once, with the change


@dataclass(frozen=True, slots=True)
class TruthFigures:
    """The matrix: how many cases had which answer, with the details by case."""

    cases: int
    right: int
    false_success: int
    false_alarm: int
    missed: int
    cannot_run: int
    seconds: dict[str, dict[str, float | None]] = field(default_factory=dict)  # by case
    results: dict[str, JudgedCase] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)  # why this machine cannot run a case


def bench_truth(folder: str | None = None, *, as_json: bool) -> int:
    """Judge all cases of a folder and print the matrix; returns 1 if one of them is a false success.

    Raises ``SandboxError`` if no box can be opened, and ``SettingsError`` if the folder cannot be read.
    """
    found = judge_all(read_cases(Path(folder) if folder else SHIPPED))
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        _show(found)
    return 1 if found.false_success else 0


def judge_all(cases: Iterable[tuple[str, TruthCase]]) -> TruthFigures:
    """Judge each case in a folder of its own."""
    results, left_out = {}, {}
    for name, case in cases:
        with tempfile.TemporaryDirectory(prefix="dayhand-bench-") as folder:
            data = Path(folder)
            data.chmod(0o755)
            sandbox = BubblewrapSandbox(data)
            sandbox.self_test()
            if (package := case.source_package) and (why := reason_to_skip(package, sandbox)):
                left_out[name] = why
                continue
            try:
                results[name] = judge(case, data, sandbox)
                print(
                    f"{name}: {results[name].answer}", file=sys.stderr, flush=True
                )  # a run takes many minutes
            except EnvironmentFailure as failure:  # the registry does not have the package
                left_out[name] = str(failure)
    counts = Counter(result.answer for result in results.values())
    seconds = {
        name: {"cold": one.cold_s, "warm": one.warm_s, "checks": one.checks_s}
        for name, one in results.items()
    }
    numbers = {answer.name.lower(): counts[answer] for answer in Answer}
    return TruthFigures(len(results), seconds=seconds, results=results, left_out=left_out, **numbers)


def judge(case: TruthCase, data: Path, sandbox: Sandbox) -> JudgedCase:
    """Verify one case twice: with nothing known, and with what the first time left."""
    project, head = case.write(data, "case")
    if case.base_failed_once:
        _remember_failure(project, data, sandbox)
    cold, cold_s = _timed(project, head, data, sandbox=sandbox)
    warm, warm_s = _timed(project, head, data, sandbox=sandbox)
    verification = warm if answer_of(case, cold) is Answer.RIGHT else cold
    return JudgedCase(
        answer_of(case, verification),
        verification.conclusion.status,
        case.expected,
        case.because,
        tuple(f"{one.command}: {one.verdict}" for one in verification.findings)
        + tuple(f"{one.kind}: {one.detail}" for one in verification.concerns)
        + tuple(f"not verified: {gap.reason}" for gap in verification.gaps),
        cold_s,
        warm_s,
        round(sum(one.head.seconds for one in warm.findings if one.head), 2),
    )


def answer_of(case: TruthCase, verification: Verification) -> Answer:
    """How a conclusion compares with those that are right."""
    status = verification.conclusion.status
    if status in case.expected:
        return Answer.RIGHT
    if status is Status.SUCCESS:
        return Answer.FALSE_SUCCESS
    if any(gap.reason is Unverified.CANNOT_RUN for gap in verification.gaps):
        return Answer.CANNOT_RUN
    is_claimed = status is not Status.NEUTRAL or Status.SUCCESS in case.expected
    return Answer.FALSE_ALARM if is_claimed else Answer.MISSED


def trees_of(project: BenchProject, head: str) -> Trees:
    """The trees of a change, as a task has them."""
    mirror = project.mirror
    return Trees(
        head=partial(project.fill, commit=head),
        base=project.fill,
        base_commit=project.commit,
        before=project.files,
        after=read_files(mirror, head),
        paths=tuple(entry.path for entry in mirror.entries(mirror.tree(project.commit), mirror.tree(head))),
        tree=mirror.tree(head),
    )


def _remember_failure(project: BenchProject, data: Path, sandbox: Sandbox) -> None:
    environment = project.prepare(sandbox)
    bases = BaseCache(data / "bases")
    for check in environment.checks:
        failed = CheckResult(Run(check.command, 1, "exit", 1.0, "failed by chance"), None)
        bases.keep(project.commit, environment.results_key, check, result=failed)


def _timed(project: BenchProject, head: str, data: Path, *, sandbox: Sandbox) -> tuple[Verification, float]:
    began = time.perf_counter()
    environment = project.prepare(sandbox)
    bases = BaseCache(data / "bases")
    found = verify(environment, sandbox, trees_of(project, head), log=NullLog(), bases=bases)
    return found, round(time.perf_counter() - began, 2)


def _show(found: TruthFigures) -> None:
    table = Table(title="Verdicts on known cases")
    for column in ("case", "right", "given", "answer", "cold s", "warm s", "checks once s"):
        table.add_column(column)
    for name, one in found.results.items():
        times = [
            f"{seconds:.1f}" if seconds is not None else "-"
            for seconds in (one.cold_s, one.warm_s, one.checks_s)
        ]
        table.add_row(name, " or ".join(one.expected), one.conclusion, one.answer, *times)
    console = Console()
    console.print(table)
    console.print(
        f"{found.right} of {found.cases} right, {found.false_success} false success, {found.false_alarm} false alarm, "
        f"{found.missed} missed, {found.cannot_run} cannot run"
    )
    for name, one in found.results.items():
        if one.answer is not Answer.RIGHT:
            details = "; ".join((one.because, *one.findings))
            console.print(f"{one.answer}: {name}: {details}", markup=False)
    for name, why in found.left_out.items():
        console.print(f"Skipped: {name}: {why}", markup=False)
