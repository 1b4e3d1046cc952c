"""``dayhand bench sandbox``: what a box costs beside the backend that it stands on.

Everything is measured in one run and in turns, so that whatever else the machine does meets both sides.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dayhand.bench.measuring import engine_problem, ms, timed
from dayhand.errors import SandboxError
from dayhand.sandbox import view
from dayhand.sandbox.base import Sandbox
from dayhand.sandbox.bubblewrap import Bubblewrap
from dayhand.sandbox.limits import Capacity
from dayhand.sandbox.programs import bubblewraps, uv_program

ROUNDS = 40
MANY = 50
STAY_SECONDS = 8
# The namespaces and mounts without which a bwrap is no sandbox; nothing of what we add to it.
LEAST = (
    "--unshare-all", "--die-with-parent", "--new-session", "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin",
    "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev",
    "--tmpfs", "/var",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds are medians of interleaved rounds; ratios compare medians of the same run."""

    least_ms: float  # bwrap with as few arguments as make a sandbox, running true
    bare_ms: float  # bwrap with the arguments of our boxes, running true: no shell, no limits, no filter, no streams
    command_ms: float  # run(["true"]) in an open box
    start_ms: float  # opening a box, its first command, closing it
    command_ratio: dict[str, float | None]  # command_ms to bare_ms
    start_ratio: dict[str, float | None]  # start_ms to bare_ms
    not_measured: dict[str, str]  # a backend, and why there is no figure of it
    boxes_50_s: float  # from nothing until a command runs in each of fifty boxes
    boxes_50_pss_mb: float | None  # proportional memory of their two bwraps each, while fifty commands sleep
    boxes_50_commands_pss_mb: float | None  # that of the sleeping commands themselves, which comes on top
    boxes: int  # how many they were: 50, but in tests


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
    """Take turns between the bare program and ours."""
    bwrap = str(next(iter(bubblewraps(data / "sandbox" / "tools"))))
    ours = _arguments(data)
    least, bare, command, start = [], [], [], []
    with sandbox.open() as box:
        for _ in range(rounds):
            least.append(timed(lambda: _bare(bwrap, LEAST)))
            bare.append(timed(lambda: _bare(bwrap, ours)))
            command.append(timed(lambda: _must_pass(passed=box.run(["true"]).passed)))
            start.append(timed(lambda: _open_and_run(sandbox)))
    seconds, memory = _many(sandbox, many)
    middle = statistics.median(bare)
    return Figures(
        least_ms=ms(least),
        bare_ms=ms(bare),
        command_ms=ms(command),
        start_ms=ms(start),
        command_ratio={"bubblewrap": round(statistics.median(command) / middle, 2), "docker": None},
        start_ratio={"bubblewrap": round(statistics.median(start) / middle, 2), "docker": None},
        not_measured={"docker": engine_problem() or "there is no Docker backend to measure yet"},
        boxes_50_s=seconds,
        boxes_50_pss_mb=memory.get("bwrap") if memory else None,
        boxes_50_commands_pss_mb=memory.get("sleep") if memory else None,
        boxes=many,
    )


def _arguments(data: Path) -> tuple[str, ...]:
    """What our boxes are started with, on folders of the bench's own."""
    kept = data / "sandbox"
    workspace, env = data / "bare" / "workspace", data / "bare" / "env"
    for folder in (workspace, env):
        folder.mkdir(parents=True)
    fixed = view.fixed(kept / "etc", uv_program(kept / "tools"), Capacity().scratch)
    return (*fixed, *view.folders(workspace, env, env_writable=True), *view.closing(), *view.environment({}))


def _bare(bwrap: str, arguments: tuple[str, ...]) -> None:
    subprocess.run([bwrap, *arguments, "--", "/usr/bin/true"], check=True, stdin=subprocess.DEVNULL)


def _many(sandbox: Sandbox, many: int) -> tuple[float, dict[str, float] | None]:
    """Let a command wait in each of ``many`` boxes at once: seconds until all wait, and the memory by program."""
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


def _memory() -> dict[str, float] | None:
    """Proportional memory (PSS), in MB, of all that descends from this process, by program name.

    None where the kernel does not tell it. PSS shares a page's size among all processes that map it.
    """
    parents, names = {}, {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (process / "stat").read_text().rpartition(")")
        except OSError:
            continue  # it ended while we looked
        parents[process.name], names[process.name] = rest.split()[1], name.partition("(")[2]
    total: dict[str, float] = {}
    for pid, name in names.items():
        if pid == str(os.getpid()) or not _descends(pid, parents):
            continue
        try:
            told = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except PermissionError:
            return None
        except OSError:
            continue
        pss = sum(int(line.split()[1]) for line in told.splitlines() if line.startswith("Pss:"))
        total[name] = total.get(name, 0.0) + pss / 1024
    return {name: round(size, 1) for name, size in total.items()}


def _descends(pid: str, parents: dict[str, str]) -> bool:
    while pid in parents and pid != str(os.getpid()):
        pid = parents[pid]
    return pid == str(os.getpid())


def _open_and_run(sandbox: Sandbox) -> None:
    with sandbox.open() as box:
        _must_pass(passed=box.run(["true"]).passed)


def _must_pass(*, passed: bool) -> None:
    if not passed:
        raise SandboxError("A box did not even run `true`.")


def _show(figures: Figures) -> None:
    table = Table(title="A box beside the bare bwrap (medians, in turns)")
    for column in ("", "ms", "ratio"):
        table.add_column(column, justify="left" if not column else "right")
    table.add_row("the least bwrap that is a sandbox, true", f"{figures.least_ms:.1f}", "")
    table.add_row("bare bwrap with a box's own arguments, true", f"{figures.bare_ms:.1f}", "1.0")
    command, start = figures.command_ratio["bubblewrap"], figures.start_ratio["bubblewrap"]
    table.add_row("a command in an open box", f"{figures.command_ms:.1f}", f"{command}")
    table.add_row("open, one command, close", f"{figures.start_ms:.1f}", f"{start}")
    console = Console()
    console.print(table)
    told = f"{figures.boxes_50_pss_mb} MB, and the sleeping commands in them {figures.boxes_50_commands_pss_mb} MB"
    memory = "an amount that this kernel does not tell" if figures.boxes_50_pss_mb is None else told
    console.print(f"{figures.boxes} boxes at once: {figures.boxes_50_s} s; their bwraps hold {memory} (PSS).")
    for backend, why in figures.not_measured.items():
        console.print(f"Not measured: {backend} ({why}).")
