"""``dayhand bench sandbox``: the cost of a box, compared with its backend without Dayhand.

Both sides are measured alternately in one run, so that other load on the machine affects them equally.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dayhand.bench.baselines import BACKENDS, Baseline, BoxMemory
from dayhand.bench.measure import median_ms, time_ms
from dayhand.errors import SandboxError
from dayhand.sandbox.base import CommandLimits, Sandbox
from dayhand.settings.table import Settings

ROUNDS = 40
MANY = 50
OPEN_LIMITS = CommandLimits(seconds=180)  # until all boxes are open


@dataclass(frozen=True, slots=True)
class SandboxFigures:
    """One backend. Milliseconds are medians of alternating rounds; ratios compare medians of the same run."""

    least_ms: float  # ``Baseline.minimal``
    bare_ms: float  # ``Baseline.command``
    command_ms: float  # run(["true"]) in an open box
    bare_start_ms: float  # ``Baseline.start``
    start_ms: float  # opening a box, its first command, closing it
    boxes_s: float  # until a command runs in each of ``boxes`` boxes
    memory: BoxMemory | None  # of all of them; None if the kernel does not report it
    boxes: int

    @property
    def command_ratio(self) -> float:
        return round(self.command_ms / self.bare_ms, 2)

    @property
    def start_ratio(self) -> float:
        return round(self.start_ms / self.bare_start_ms, 2)


ROWS: tuple[tuple[str, Callable[[SandboxFigures], str]], ...] = (
    ("minimal sandbox, ms", lambda one: f"{one.least_ms:.1f}"),
    ("bwrap with our options, or docker exec, ms", lambda one: f"{one.bare_ms:.1f}"),
    ("a command in an open box, ms", lambda one: f"{one.command_ms:.1f}"),
    ("  ratio to the line above", lambda one: f"{one.command_ratio:.2f}"),
    ("bwrap again, or docker run --rm, ms", lambda one: f"{one.bare_start_ms:.1f}"),
    ("open a box, run a command, close it, ms", lambda one: f"{one.start_ms:.1f}"),
    ("  ratio to the line above", lambda one: f"{one.start_ratio:.2f}"),
    ("boxes open at once", lambda one: f"{one.boxes}"),
    ("  until a command runs in each, s", lambda one: f"{one.boxes_s:.1f}"),
    (
        "  memory of the boxes, MB (PSS)",
        lambda one: f"{one.memory.boxes_mb:.1f}" if one.memory else "not reported",
    ),
    (
        "  memory of the sleeping commands, MB (PSS)",
        lambda one: f"{one.memory.commands_mb:.1f}" if one.memory else "not reported",
    ),
)


def bench_sandbox(settings: Settings, *, as_json: bool, rounds: int = ROUNDS, many: int = MANY) -> int:
    """Measure every backend that works on this machine and print; returns 1 if none does."""
    figures: dict[str, SandboxFigures] = {}
    problems: dict[str, str] = {}
    for name, open_baseline in BACKENDS.items():
        try:
            with tempfile.TemporaryDirectory(prefix="dayhand-bench-") as folder:
                data = Path(folder)
                data.chmod(0o755)
                with open_baseline(data, settings) as baseline:
                    figures[name] = measure(baseline, rounds=rounds, many=many)
        except SandboxError as error:
            problems[name] = f"{error} {error.advice}".strip()
    if as_json:
        print(json.dumps(_shape(figures, problems)))
    else:
        _show(figures, problems)
    return int(not figures)


def measure(baseline: Baseline, *, rounds: int, many: int) -> SandboxFigures:
    """Measure the backend and the sandbox alternately."""
    sandbox = baseline.sandbox
    least, own, command, own_start, start = [], [], [], [], []
    with sandbox.open() as box:
        for _ in range(rounds):
            least.append(time_ms(baseline.minimal))
            own.append(time_ms(baseline.command))
            command.append(time_ms(lambda: _must_pass(passed=box.run(["true"]).passed)))
            own_start.append(time_ms(baseline.start))
            start.append(time_ms(lambda: _open_and_run(sandbox)))
    seconds, memory = _open_many(baseline, many)
    return SandboxFigures(
        median_ms(least),
        median_ms(own),
        median_ms(command),
        median_ms(own_start),
        median_ms(start),
        seconds,
        memory,
        many,
    )


def _open_many(baseline: Baseline, many: int) -> tuple[float, BoxMemory | None]:
    """Run a waiting command in each of ``many`` boxes: the seconds until all run, and the memory then."""
    began, over = threading.Semaphore(0), threading.Event()

    def stay() -> None:
        with baseline.sandbox.open() as box:
            box.run(
                "echo began; exec sleep 600",
                limits=OPEN_LIMITS,
                on_output=lambda _: began.release(),
                cancelled=over.is_set,
            )

    threads = [threading.Thread(target=stay) for _ in range(many)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    in_time = all(began.acquire(timeout=OPEN_LIMITS.seconds) for _ in threads)
    seconds, memory = time.perf_counter() - start, baseline.memory() if in_time else None
    over.set()
    for thread in threads:
        thread.join()
    if not in_time:
        raise SandboxError(
            f"{many} boxes were not open within {OPEN_LIMITS.seconds:.0f} s: this machine is too busy to measure."
        )
    return round(seconds, 2), memory


def _open_and_run(sandbox: Sandbox) -> None:
    with sandbox.open() as box:
        _must_pass(passed=box.run(["true"]).passed)


def _must_pass(*, passed: bool) -> None:
    if not passed:
        raise SandboxError("`true` failed in a box.")


def _shape(figures: dict[str, SandboxFigures], problems: dict[str, str]) -> dict[str, object]:
    """What ``--json`` prints: each figure by backend, null if it was not measured."""
    ours = {name: figures.get(name) for name in BACKENDS}
    memory = {name: one.memory if one else None for name, one in ours.items()}
    return {
        "command_ratio": {name: one and one.command_ratio for name, one in ours.items()},
        "start_ratio": {name: one and one.start_ratio for name, one in ours.items()},
        "boxes_50_pss_mb": {name: one and one.boxes_mb for name, one in memory.items()},
        "boxes_50_commands_pss_mb": {name: one and one.commands_mb for name, one in memory.items()},
        "boxes_50_s": {name: one and one.boxes_s for name, one in ours.items()},
        "boxes": {name: one and one.boxes for name, one in ours.items()},
        "ms": {
            name: {key: value for key, value in asdict(one).items() if key.endswith("_ms")}
            for name, one in figures.items()
        },
        "not_measured": problems,
    }


def _show(figures: dict[str, SandboxFigures], problems: dict[str, str]) -> None:
    table = Table(title="Sandbox cost compared with the backend alone (medians)")
    for column in ("", *figures):
        table.add_column(column, justify="right" if column else "left")
    for label, value in ROWS:
        table.add_row(label, *(value(one) for one in figures.values()))
    console = Console()
    console.print(table)
    for backend, why in problems.items():
        console.print(f"Not measured: {backend}. {why}", soft_wrap=True, markup=False)
