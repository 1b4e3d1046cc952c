"""``dayhand bench environment --real``: set up real repositories, cold and warm, and run their checks."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dayhand.bench.environment import BenchProject, NullLog, problem_of, time_setup
from dayhand.bench.published_packages import (
    REPOSITORIES,
    SourcePackage,
    fetch,
    reason_to_skip,
)
from dayhand.errors import EnvironmentFailure
from dayhand.sandbox.base import Sandbox
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.task import Examined
from dayhand.verify.examination import examine

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Measurement:
    """One repository; the seconds are None if it could not be downloaded. The warm figures are medians."""

    repository: str  # "pluggy 1.7.0"
    ecosystem: str  # "Python"
    kind: str  # "uv.lock, groups"
    cold_s: float | None = None  # no snapshot: install and probe everything
    warm_s: float | None = None  # with a snapshot: find it, open a box, check out the repository
    warm_ready_s: float | None = None  # the same without the checkout
    checks: tuple[str, ...] = ()  # that ran, each with its result
    verdict: str = ""  # "ready", or what is missing


@dataclass(frozen=True, slots=True)
class RepositoryFigures:
    """All repositories, and the medians by ecosystem in seconds."""

    repositories: tuple[Measurement, ...]
    left_out: dict[str, str]  # why this machine cannot measure a repository, by its name
    cold_s: dict[str, float]
    warm_s: dict[str, float]
    warm_ready_s: dict[str, float]


def bench_real(
    *, as_json: bool, rounds: int = ROUNDS, repositories: Sequence[SourcePackage] = REPOSITORIES
) -> int:
    """Measure and print; returns 0 if every repository that this machine can build is ready.

    Raises ``SandboxError`` if no box can be opened.
    """
    rows, left_out = [], {}
    for package in repositories:
        with tempfile.TemporaryDirectory(prefix="dayhand-bench-") as folder:
            data = Path(folder)
            data.chmod(0o755)
            sandbox = BubblewrapSandbox(data)
            sandbox.self_test()
            if why := reason_to_skip(package, sandbox):
                left_out[_name(package)] = why
            else:
                rows.append(measure(package, data, sandbox, rounds=rounds))
    found = figures(rows, left_out)
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        _show(found)
    return 0 if (rows or left_out) and all(row.verdict == "ready" for row in rows) else 1


def measure(package: SourcePackage, data: Path, sandbox: Sandbox, *, rounds: int) -> Measurement:
    """Download one repository, set it up cold, set it up warm ``rounds`` times, and run its checks."""
    row = Measurement(_name(package), package.ecosystem, package.kind)
    try:
        texts = fetch(package)
    except EnvironmentFailure as failure:
        return replace(row, verdict=str(failure))
    project = BenchProject.write(data, package.name, texts)
    environment, cold, warm, ready = time_setup(project, sandbox, rounds)
    found = examine(environment, sandbox, project.fill, log=NullLog(), commit=project.commit)
    return replace(
        row,
        cold_s=cold,
        warm_s=warm,
        warm_ready_s=ready,
        checks=_ran(found),
        verdict=problem_of(environment) or _verdict(found),
    )


def _name(package: SourcePackage) -> str:
    return f"{package.name} {package.version}"


def figures(rows: Sequence[Measurement], left_out: dict[str, str]) -> RepositoryFigures:
    """The rows, and the medians of the measured ones by ecosystem."""

    def medians(field: Callable[[Measurement], float | None]) -> dict[str, float]:
        found: dict[str, list[float]] = {}
        for row in rows:
            if (seconds := field(row)) is not None:
                found.setdefault(row.ecosystem, []).append(seconds)
        return {name: round(statistics.median(several), 3) for name, several in found.items()}

    return RepositoryFigures(
        tuple(rows),
        left_out,
        medians(lambda row: row.cold_s),
        medians(lambda row: row.warm_s),
        medians(lambda row: row.warm_ready_s),
    )


def _ran(found: Examined) -> tuple[str, ...]:
    return tuple(
        f"{one.command}: {'passes' if one.run.passed else 'fails'}"
        for one in found.checks
        if one.run and one.can_run
    )


def _verdict(found: Examined) -> str:
    silent = [f"{one.command} cannot run: {one.missing}" for one in found.checks if not one.can_run]
    return silent[0] if silent else "ready" if found.checks else "no check is declared"


def _show(found: RepositoryFigures) -> None:
    table = Table(title="Setup of real repositories in seconds (warm: medians)")
    for column in ("repository", "kind", "cold", "warm", "warm, without checkout", "checks", "verdict"):
        table.add_column(column)
    for row in found.repositories:
        times = [
            f"{one:.2f}" if one is not None else "-" for one in (row.cold_s, row.warm_s, row.warm_ready_s)
        ]
        table.add_row(
            row.repository, f"{row.ecosystem}: {row.kind}", *times, "\n".join(row.checks), row.verdict
        )
    console = Console()
    console.print(table)
    for name, why in found.left_out.items():
        console.print(f"Skipped: {name}: {why}", markup=False)
