"""``dayhand bench environment --real``: real repositories set up and checked, from cold and from warm."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dayhand.bench.environment import BRANCH, Project, Quiet, lacks, stopwatch
from dayhand.bench.repositories import REPOSITORIES, Published, fetch
from dayhand.errors import EnvironmentFailure
from dayhand.sandbox.base import Sandbox
from dayhand.sandbox.bubblewrap import Bubblewrap
from dayhand.task import Examined
from dayhand.verify.doctor import examine

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One repository; the seconds are None where it could not be had. What is warm is a median."""

    repository: str  # "pluggy 1.7.0"
    ecosystem: str
    cold_s: float | None = None  # nothing is kept: install and probe everything
    warm_s: float | None = None  # kept: find it, open a box, put the repository in
    warm_ready_s: float | None = None  # the same without putting the repository in
    checks: tuple[str, ...] = ()  # that ran, each with how it ended
    verdict: str = ""  # "ready", or what is missing


def bench_real(
    *, as_json: bool, rounds: int = ROUNDS, repositories: Sequence[Published] = REPOSITORIES
) -> int:
    """Measure and print; 0 where every repository is ready. Raises ``SandboxError`` where no box can be opened."""
    rows = []
    for published in repositories:
        with tempfile.TemporaryDirectory(prefix="dayhand-bench-") as folder:
            data = Path(folder)
            data.chmod(0o755)
            sandbox = Bubblewrap(data)
            sandbox.probe()
            rows.append(measure(published, data, sandbox, rounds))
    if as_json:
        print(json.dumps({"repositories": [asdict(row) for row in rows]}))
    else:
        _show(rows)
    return 0 if rows and all(row.verdict == "ready" for row in rows) else 1


def measure(published: Published, data: Path, sandbox: Sandbox, rounds: int) -> Row:
    """Fetch one repository, set it up, run its checks from cold, and set it up from warm ``rounds`` times."""
    name = f"{published.name} {published.version}"
    try:
        texts = fetch(published)
    except EnvironmentFailure as failure:
        return Row(name, published.kind, verdict=str(failure))
    project = Project.write(data, published.name, texts)
    place, cold, warm, ready = stopwatch(project, sandbox, rounds)
    found = examine(place, sandbox, project.fill, Quiet(), commit=project.commit)
    return Row(name, published.kind, cold, warm, ready, _ran(found), lacks(place) or _verdict(found))


def _ran(found: Examined) -> tuple[str, ...]:
    return tuple(
        f"{one.command}: {'passes' if one.run.passed else 'runs, and fails'}"
        for one in found.checks
        if one.run
    )


def _verdict(found: Examined) -> str:
    silent = [f"{one.command} cannot run: {one.missing}" for one in found.checks if not one.run]
    return silent[0] if silent else "ready" if found.checks else "no check is declared"


def _show(rows: Sequence[Row]) -> None:
    table = Table(title=f"Real repositories on branch {BRANCH} (seconds; warm: medians)")
    for column in ("repository", "ecosystem", "cold", "warm", "warm, without the copy", "checks", "verdict"):
        table.add_column(column)
    for row in rows:
        times = [
            f"{one:.2f}" if one is not None else "-" for one in (row.cold_s, row.warm_s, row.warm_ready_s)
        ]
        table.add_row(row.repository, row.ecosystem, *times, "\n".join(row.checks), row.verdict)
    Console().print(table)
