"""``dayhand bench sandbox``: what a box costs beside the backend that it stands on.

Everything is measured in one run and in turns, so that whatever else the machine does meets both sides.
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

from dayhand.bench.bare_backends import BACKENDS, Bare, BoxMemory
from dayhand.bench.measure import ms, timed
from dayhand.errors import SandboxError
from dayhand.sandbox.base import CommandLimits, Sandbox
from dayhand.settings.table import Settings

ROUNDS = 40
MANY = 50
PATIENCE = CommandLimits(seconds=180)  # for all of them to be open


@dataclass(frozen=True, slots=True)
class SandboxFigures:
    """One backend. Milliseconds are medians of interleaved rounds; ratios compare medians of the same run."""

    least_ms: float  # the least that it can be asked for; ``Bare`` says what
    bare_ms: float  # its own way to run a command
    command_ms: float  # run(["true"]) in an open box
    bare_start_ms: float  # its own way to make a box, run a command in it and take it away
    start_ms: float  # opening a box, its first command, closing it
    boxes_s: float  # from nothing until a command runs in each of all boxes
    memory: BoxMemory | None  # while they run; None where the kernel does not tell it
    boxes: int  # how many they were

    @property
    def command_ratio(self) -> float:
        return round(self.command_ms / self.bare_ms, 2)

    @property
    def start_ratio(self) -> float:
        return round(self.start_ms / self.bare_start_ms, 2)


ROWS: tuple[tuple[str, Callable[[SandboxFigures], str]], ...] = (
    ("the least that runs `true`, ms", lambda one: f"{one.least_ms:.1f}"),
    ("bwrap with our arguments, or docker exec, ms", lambda one: f"{one.bare_ms:.1f}"),
    ("a command in an open box, ms", lambda one: f"{one.command_ms:.1f}"),
    ("  times the bare one", lambda one: f"{one.command_ratio:.2f}"),
    ("bwrap again, or docker run --rm, ms", lambda one: f"{one.bare_start_ms:.1f}"),
    ("open, one command, close, ms", lambda one: f"{one.start_ms:.1f}"),
    ("  times the bare one", lambda one: f"{one.start_ratio:.2f}"),
    ("boxes at once", lambda one: f"{one.boxes}"),
    ("  until a command runs in each, s", lambda one: f"{one.boxes_s:.1f}"),
    ("  what keeps them, MB (PSS)", lambda one: f"{one.memory.boxes_mb:.1f}" if one.memory else "not told"),
    (
        "  the sleeping commands, MB",
        lambda one: f"{one.memory.commands_mb:.1f}" if one.memory else "not told",
    ),
)


def bench_sandbox(settings: Settings, *, as_json: bool, rounds: int = ROUNDS, many: int = MANY) -> int:
    """Measure every backend that works here and print; 1 where none does."""
    figures: dict[str, SandboxFigures] = {}
    problems: dict[str, str] = {}
    for name, ready in BACKENDS.items():
        try:
            with tempfile.TemporaryDirectory(prefix="dayhand-bench-") as folder:
                data = Path(folder)
                data.chmod(0o755)
                with ready(data, settings) as bare:
                    figures[name] = measure(bare, rounds=rounds, many=many)
        except SandboxError as error:
            problems[name] = f"{error} {error.advice}".strip()
    if as_json:
        print(json.dumps(_shape(figures, problems)))
    else:
        _show(figures, problems)
    return int(not figures)


def measure(bare: Bare, *, rounds: int, many: int) -> SandboxFigures:
    """Take turns between the bare backend and ours."""
    sandbox = bare.sandbox
    least, own, command, own_start, start = [], [], [], [], []
    with sandbox.open() as box:
        for _ in range(rounds):
            least.append(timed(bare.least))
            own.append(timed(bare.command))
            command.append(timed(lambda: _must_pass(passed=box.run(["true"]).passed)))
            own_start.append(timed(bare.start))
            start.append(timed(lambda: _open_and_run(sandbox)))
    seconds, memory = _many(bare, many)
    return SandboxFigures(ms(least), ms(own), ms(command), ms(own_start), ms(start), seconds, memory, many)


def _many(bare: Bare, many: int) -> tuple[float, BoxMemory | None]:
    """Let a command wait in each of ``many`` boxes at once: seconds until all wait, and their memory then."""
    began, over = threading.Semaphore(0), threading.Event()

    def stay() -> None:
        with bare.sandbox.open() as box:
            box.run(
                "echo began; exec sleep 600",
                limits=PATIENCE,
                on_output=lambda _: began.release(),
                cancelled=over.is_set,
            )

    threads = [threading.Thread(target=stay) for _ in range(many)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    in_time = all(began.acquire(timeout=PATIENCE.seconds) for _ in threads)
    seconds, memory = time.perf_counter() - start, bare.memory() if in_time else None
    over.set()
    for thread in threads:
        thread.join()
    if not in_time:
        raise SandboxError(
            f"{many} boxes were not open within {PATIENCE.seconds:.0f} s: this machine is too busy to tell."
        )
    return round(seconds, 2), memory


def _open_and_run(sandbox: Sandbox) -> None:
    with sandbox.open() as box:
        _must_pass(passed=box.run(["true"]).passed)


def _must_pass(*, passed: bool) -> None:
    if not passed:
        raise SandboxError("A box did not even run `true`.")


def _shape(figures: dict[str, SandboxFigures], problems: dict[str, str]) -> dict[str, object]:
    """What ``--json`` prints: each figure by backend, null where it was not measured."""
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
    table = Table(title="A box beside its own backend (medians, in turns)")
    for column in ("", *figures):
        table.add_column(column, justify="right" if column else "left")
    for words, tell in ROWS:
        table.add_row(words, *(tell(one) for one in figures.values()))
    console = Console()
    console.print(table)
    for backend, why in problems.items():
        console.print(f"Not measured: {backend}. {why}", soft_wrap=True, markup=False)
