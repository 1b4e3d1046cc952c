"""``dayhand bench growth``: what a task costs by the size of what is there: files, commits, finished tasks, a log, a queue.

The model replies at once from a process of its own; git, the sandbox and Redis are real.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from dayhand.bench.growth.ledger import measure_finished, measure_log, measure_queue
from dayhand.bench.growth.repository import TaskCost, measure_repository
from dayhand.bench.model_server import model_server_process

Size = TypeVar("Size")
BASE_FILES, BASE_COMMITS = 100, 10
LARGE_FILES, LARGE_COMMITS = 100_000, 10_000  # of one repository


@dataclass(frozen=True, slots=True)
class Growth:
    """The sizes to compare, the smallest first."""

    files: Sequence[int] = (BASE_FILES, 10_000)
    commits: Sequence[int] = (BASE_COMMITS, 10_000)
    finished: Sequence[int] = (10, 10_000, 100_000)
    lines: Sequence[int] = (1_000, 100_000)
    queued: Sequence[int] = (10, 5_000)
    rounds: int = 3

    def with_large(self) -> Growth:
        """With the largest repository too."""
        return replace(self, files=(*self.files, LARGE_FILES))


@dataclass(frozen=True, slots=True)
class GrowthFigures:
    """What was measured, each by size. The keys of the inner mappings of milliseconds are the steps."""

    own_s: Mapping[str, Mapping[str, float]]  # of a task, by files, commits and finished tasks
    cpu_s: Mapping[str, Mapping[str, float]]  # of the processes of a task, the repository's commands included
    finished_ms: Mapping[str, Mapping[str, float]]
    log_ms: Mapping[str, Mapping[str, float]]
    queue_ms: Mapping[str, Mapping[str, float]]
    load: float  # of the machine, over a minute, at the end


def bench_growth(growth: Growth, *, as_json: bool) -> int:
    """Measure and print. Raises ``DayhandError`` if a task fails."""
    figures = measure_growth(growth)
    if as_json:
        print(json.dumps(asdict(figures)))
    else:
        _show(figures)
    return 0


def measure_growth(growth: Growth) -> GrowthFigures:
    with model_server_process() as server:
        sizes = dict.fromkeys(
            [
                *(_files_and_commits(files) for files in growth.files),
                *((BASE_FILES, commits) for commits in growth.commits),
            ]
        )
        costs: dict[tuple[int, int], TaskCost] = {}
        for files, commits in _announced(sizes, "files and commits"):
            costs[files, commits] = measure_repository(
                files=files, commits=commits, model_url=server.base_url, rounds=growth.rounds
            )
    by_files = {str(one): costs[_files_and_commits(one)] for one in growth.files}
    by_commits = {str(one): costs[BASE_FILES, one] for one in growth.commits}
    finished = {str(one): measure_finished(one) for one in _announced(growth.finished, "finished tasks")}
    return GrowthFigures(
        own_s={
            "files": {size: cost.own_s for size, cost in by_files.items()},
            "commits": {size: cost.own_s for size, cost in by_commits.items()},
            "finished_tasks": {size: round(sum(ms.values()) / 1000, 4) for size, ms in finished.items()},
        },
        cpu_s={
            "files": {size: cost.cpu_s for size, cost in by_files.items()},
            "commits": {size: cost.cpu_s for size, cost in by_commits.items()},
        },
        finished_ms=finished,
        log_ms={str(one): measure_log(one) for one in _announced(growth.lines, "lines in a log")},
        queue_ms={str(one): measure_queue(one) for one in _announced(growth.queued, "waiting tasks")},
        load=round(os.getloadavg()[0], 1),
    )


def _files_and_commits(files: int) -> tuple[int, int]:
    return files, LARGE_COMMITS if files == LARGE_FILES else BASE_COMMITS


def _announced(sizes: Iterable[Size], what: str) -> Iterable[Size]:
    for size in sizes:
        text = " and ".join(f"{one:,}" for one in size) if isinstance(size, tuple) else f"{size:,}"
        print(f"{what}: {text} …", file=sys.stderr, flush=True)
        yield size


TITLES = (
    ("finished_ms", "finished tasks"),
    ("log_ms", "lines in the log"),
    ("queue_ms", "waiting tasks"),
)


def _show(figures: GrowthFigures) -> None:
    console = Console()
    table = Table(title="One task, warm: seconds of Dayhand itself, and CPU with the repository's commands")
    for column in ("", "size", "own s", "CPU s"):
        table.add_column(column, justify="right" if column else "left")
    for what, costs in figures.cpu_s.items():
        for size, cpu in costs.items():
            table.add_row(what, f"{int(size):,}", f"{figures.own_s[what][size]:g}", f"{cpu:g}")
    console.print(table)
    for name, title in TITLES:
        steps: Mapping[str, Mapping[str, float]] = getattr(figures, name)
        columns = next(iter(steps.values()), {})
        table = Table(title=f"Milliseconds, by {title}")
        for column in (title, *columns):
            table.add_column(column, justify="right")
        for size, milliseconds in steps.items():
            table.add_row(f"{int(size):,}", *(f"{one:g}" for one in milliseconds.values()))
        console.print(table)
    console.print(f"The load of the machine was {figures.load:g} at the end.")
