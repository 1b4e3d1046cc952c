"""``dayhand bench sandbox``: what a box costs beside the bare bwrap that it stands on."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dayhand.errors import SandboxError
from dayhand.sandbox.base import Sandbox
from dayhand.sandbox.bubblewrap import Bubblewrap
from dayhand.sandbox.programs import bubblewraps

ROUNDS = 40
MANY = 50
STAY_SECONDS = 8
# The namespaces and mounts without which a bwrap is no sandbox; nothing of what we add to it.
BARE = (
    "--unshare-all", "--die-with-parent", "--new-session", "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin",
    "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev",
    "--tmpfs", "/var", "--", "/usr/bin/true",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds are medians of interleaved rounds; ratios compare medians of the same run."""

    bare_ms: float  # bwrap, started bare, running true
    command_ms: float  # run("true") in an open box
    start_ms: float  # opening a box, its first command, closing it
    command_ratio: dict[str, float | None]
    start_ratio: dict[str, float | None]
    boxes_50_s: float  # until a command runs in each of fifty boxes
    boxes_50_pss_mb: float | None  # proportional memory of all bwrap processes while fifty commands sleep


def bench_sandbox(*, as_json: bool, rounds: int = ROUNDS, many: int = MANY) -> int:
    """Measure and print. Raises ``SandboxError`` where no box can be opened."""
    with tempfile.TemporaryDirectory(prefix="dayhand-bench-") as folder:
        data = Path(folder)
        data.chmod(0o755)
        sandbox = Bubblewrap(data)
        sandbox.probe()
        figures = measure(sandbox, data, rounds=rounds, many=many)
    if as_json:
        print(json.dumps(asdict(figures)))
    else:
        _show(figures)
    return 0


def measure(sandbox: Sandbox, data: Path, *, rounds: int, many: int) -> Figures:
    """Take turns between the bare program and ours, so that whatever else the machine does meets both."""
    bwrap = str(next(iter(bubblewraps(data / "bare"))))
    bare, command, start = [], [], []
    with sandbox.open() as box:
        for _ in range(rounds):
            bare.append(_timed(lambda: subprocess.run([bwrap, *BARE], check=True)))
            command.append(_timed(lambda: _must_pass(passed=box.run(["true"]).passed)))
            start.append(_timed(lambda: _open_and_run(sandbox)))
    seconds, memory = _many(sandbox, many)
    middle = statistics.median(bare)
    return Figures(
        bare_ms=round(middle, 2),
        command_ms=round(statistics.median(command), 2),
        start_ms=round(statistics.median(start), 2),
        command_ratio={"bubblewrap": round(statistics.median(command) / middle, 2), "docker": None},
        start_ratio={"bubblewrap": round(statistics.median(start) / middle, 2), "docker": None},
        boxes_50_s=seconds,
        boxes_50_pss_mb=memory,
    )


def _many(sandbox: Sandbox, many: int) -> tuple[float, float | None]:
    """Let a command wait in each of ``many`` boxes at once: seconds until all wait, and what their bwraps hold."""
    began = threading.Semaphore(0)

    def stay() -> None:
        with sandbox.open() as box:
            box.run(f"echo began; exec sleep {STAY_SECONDS}", on_output=lambda _: began.release())

    threads = [threading.Thread(target=stay) for _ in range(many)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    in_time = all(began.acquire(timeout=STAY_SECONDS) for _ in threads)
    seconds, memory = time.perf_counter() - start, _memory()
    for thread in threads:
        thread.join()
    if not in_time or seconds > STAY_SECONDS:
        raise SandboxError(
            f"{many} boxes were not open within {STAY_SECONDS} s: this machine is too busy to tell."
        )
    return round(seconds, 2), memory


def _memory() -> float | None:
    """Proportional memory, in MB, of this process' bwrap descendants; None where the kernel does not tell."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"bwrap" not in (process / "cmdline").read_bytes().partition(b"\0")[0]:
                continue
            told = (process / "smaps_rollup").read_text()
        except PermissionError:
            return None
        except OSError:
            continue  # it ended while we looked
        total += sum(int(line.split()[1]) for line in told.splitlines() if line.startswith("Pss:"))
    return round(total / 1024, 1)


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def _open_and_run(sandbox: Sandbox) -> None:
    with sandbox.open() as box:
        _must_pass(passed=box.run(["true"]).passed)


def _must_pass(*, passed: bool) -> None:
    if not passed:
        raise SandboxError("A box did not even run `true`.")


def _show(figures: Figures) -> None:
    table = Table(title="A box beside the bare bwrap (medians, interleaved)")
    for column in ("", "ms", "ratio"):
        table.add_column(column, justify="left" if not column else "right")
    table.add_row("bare bwrap, true", f"{figures.bare_ms:.1f}", "1.0")
    table.add_row(
        "a command in an open box", f"{figures.command_ms:.1f}", f"{figures.command_ratio['bubblewrap']}"
    )
    table.add_row(
        "open, one command, close", f"{figures.start_ms:.1f}", f"{figures.start_ratio['bubblewrap']}"
    )
    console = Console()
    console.print(table)
    memory = "unknown here" if figures.boxes_50_pss_mb is None else f"{figures.boxes_50_pss_mb} MB"
    console.print(
        f"Fifty boxes at once: {figures.boxes_50_s} s; their bwrap processes hold {memory} (proportional)."
    )
