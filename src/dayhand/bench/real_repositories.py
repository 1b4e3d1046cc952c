"""``dayhand bench environment --real``: real repositories set up and checked, from cold and from warm."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dayhand.bench.environment import BRANCH, BenchProject, Quiet, lacks, stopwatch
from dayhand.bench.published_packages import (
    REPOSITORIES,
    Published,
    fetch,
    lacking,
)
from dayhand.errors import EnvironmentFailure
from dayhand.sandbox.base import Sandbox
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.task import Examined
from dayhand.verify.examination import examine

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Measurement:
    """One repository; the seconds are None where it could not be had. What is warm is a median."""

    repository: str  # "pluggy 1.7.0"
    ecosystem: str  # "Python"
    kind: str  # "uv.lock, groups"
    cold_s: float | None = None  # nothing is kept: install and probe everything
    warm_s: float | None = None  # kept: find it, open a box, put the repository in
    warm_ready_s: float | None = None  # the same without putting the repository in
    checks: tuple[str, ...] = ()  # that ran, each with how it ended
    verdict: str = ""  # "ready", or what is missing


@dataclass(frozen=True, slots=True)
class RepositoryFigures:
    """Every repository, and by ecosystem the medians of its repositories, in seconds."""

    repositories: tuple[Measurement, ...]
    left_out: dict[str, str]  # a repository, and why this machine cannot measure it
    cold_s: dict[str, float]
    warm_s: dict[str, float]
    warm_ready_s: dict[str, float]


def bench_real(
    *, as_json: bool, rounds: int = ROUNDS, repositories: Sequence[Published] = REPOSITORIES
) -> int:
    """Measure and print; 0 where every repository is ready that this machine can build.

    Raises ``SandboxError`` where no box can be opened.
    """
    rows, left_out = [], {}
    for published in repositories:
        with tempfile.TemporaryDirectory(prefix="dayhand-bench-") as folder:
            data = Path(folder)
            data.chmod(0o755)
            sandbox = BubblewrapSandbox(data)
            sandbox.self_test()
            if why := lacking(published, sandbox):
                left_out[_name(published)] = why
            else:
                rows.append(measure(published, data, sandbox, rounds=rounds))
    found = figures(rows, left_out)
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        _show(found)
    return 0 if (rows or left_out) and all(row.verdict == "ready" for row in rows) else 1


def measure(published: Published, data: Path, sandbox: Sandbox, *, rounds: int) -> Measurement:
    """Fetch one repository, set it up, run its checks from cold, and set it up from warm ``rounds`` times."""
    row = Measurement(_name(published), published.ecosystem, published.kind)
    try:
        texts = fetch(published)
    except EnvironmentFailure as failure:
        return replace(row, verdict=str(failure))
    project = BenchProject.write(data, published.name, texts)
    place, cold, warm, ready = stopwatch(project, sandbox, rounds)
    found = examine(place, sandbox, project.fill, log=Quiet(), commit=project.commit)
    return replace(
        row,
        cold_s=cold,
        warm_s=warm,
        warm_ready_s=ready,
        checks=_ran(found),
        verdict=lacks(place) or _verdict(found),
    )


def _name(published: Published) -> str:
    return f"{published.name} {published.version}"


def figures(rows: Sequence[Measurement], left_out: dict[str, str]) -> RepositoryFigures:
    """What is printed: the rows, and by ecosystem the medians of those that were measured."""

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
        f"{one.command}: {'passes' if one.run.passed else 'runs, and fails'}"
        for one in found.checks
        if one.run
    )


def _verdict(found: Examined) -> str:
    silent = [f"{one.command} cannot run: {one.missing}" for one in found.checks if not one.run]
    return silent[0] if silent else "ready" if found.checks else "no check is declared"


def _show(found: RepositoryFigures) -> None:
    table = Table(title=f"Real repositories on branch {BRANCH} (seconds; warm: medians)")
    for column in ("repository", "kind", "cold", "warm", "warm, without the copy", "checks", "verdict"):
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
        console.print(f"Left out: {name}: {why}", markup=False)
