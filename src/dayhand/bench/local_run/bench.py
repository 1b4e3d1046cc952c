"""``dayhand bench run``: ``dayhand run`` as a person starts it, beside a minimal loop on the openai library.

Both are started in turns, as programs of their own, with a model in another process that replies at once.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dayhand.bench.local_run import minimal_loop
from dayhand.bench.local_run.script import FILES, REPAIR, commands
from dayhand.bench.measure import children, time_ms
from dayhand.bench.model_server import ModelServerProcess, model_server_process
from dayhand.child_process import adopt_orphans
from dayhand.errors import DayhandError

ROUNDS = 3
STEPS = 40  # commands that do nothing, in one run
FEW = 4  # in another: what both cost alike is no cost of a step
COMMANDS: Mapping[str, Sequence[str]] = {
    "dayhand --help": ("--help",),
    "dayhand doctor": ("doctor",),
    "dayhand environment": ("environment",),
    "dayhand run": ("run", commands(1)),
}
SETTINGS = ("DAYHAND_", "GITHUB_", "OPENAI_", "REDIS_")


@dataclass(frozen=True, slots=True)
class Program:
    """One of the two programs. Medians of the rounds."""

    first_request_s: float  # from its start
    step_cpu_ms: float  # of all its processes, for one more step with a command that does nothing
    step_gap_ms: float  # from one request to the next, less what the command takes alone
    task_s: float  # from its start to its end: a repair in twelve calls, with what checks it
    imports_s: float  # until its modules are loaded


@dataclass(frozen=True, slots=True)
class RunFigures:
    """``dayhand run`` and the minimal loop, which has no sandbox and verifies nothing."""

    first_request_s: float
    step_cpu_ms: float
    step_gap_ms: float
    task_s: float
    imports_s: float
    bare: Program
    first_word_s: Mapping[str, float]  # from the start of a command to the first that it prints
    command_ms: float  # what a command that does nothing takes alone
    rounds: int


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """One run of a program, to its end."""

    seconds: float
    cpu: float  # seconds, of the program and what it waited for
    first_request: float  # seconds after its start
    gaps: Sequence[float]  # seconds between its requests


def bench_run(*, as_json: bool, rounds: int = ROUNDS, steps: int = STEPS) -> int:
    """Measure and print. Raises ``DayhandError`` if a run fails."""
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="dayhand-bench-") as folder, model_server_process() as server:
        bench = _Bench(Path(folder), server)
        ours, bare = bench.measure(rounds, steps)
        first_words = {name: bench.first_word(words, rounds) for name, words in COMMANDS.items()}
    command_ms = statistics.median(time_ms(_run_true) for _ in range(20))
    programs = [
        summarize(runs, imports, steps=steps, command_ms=command_ms) for runs, imports in (ours, bare)
    ]
    figures = RunFigures(
        **asdict(programs[0]),
        bare=programs[1],
        first_word_s=first_words,
        command_ms=round(command_ms, 1),
        rounds=rounds,
    )
    if as_json:
        print(json.dumps(asdict(figures)))
    else:
        _show(figures)
    return 0


Runs = Sequence[
    tuple[ProgramRun, ProgramRun, ProgramRun]
]  # a repair, a run of a few commands, and one of many


class _Bench:
    """The repository, the model server and the programs."""

    def __init__(self, folder: Path, server: ModelServerProcess) -> None:
        folder.chmod(0o755)  # for the users of the boxes
        self._server = server
        self._repository = folder / "shop"
        self._environ = {k: v for k, v in os.environ.items() if not k.startswith(SETTINGS)}
        self._environ |= {
            "OPENAI_BASE_URL": server.base_url,
            "DAYHAND_MODEL": "bench",
            "DAYHAND_DATA": str(folder / "data"),
            "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),  # written by the first run
        }
        self._environ.pop("PYTHONDONTWRITEBYTECODE", None)
        self._folder = folder
        self._make_repository()

    def measure(self, rounds: int, steps: int) -> tuple[tuple[Runs, float], tuple[Runs, float]]:
        """Runs of both programs by turns, and the seconds of their imports. The first round warms up."""
        ours, bare = (
            list[tuple[ProgramRun, ProgramRun, ProgramRun]](),
            list[tuple[ProgramRun, ProgramRun, ProgramRun]](),
        )
        prompts = (REPAIR, commands(FEW), commands(steps))
        for _ in range(rounds + 1):
            first, few, many = (self._ours(prompt) for prompt in prompts)
            ours.append((first, few, many))
            first, few, many = (self._bare(prompt) for prompt in prompts)
            bare.append((first, few, many))
        imports = [
            (
                self._import("dayhand.cli, dayhand.commands.run_journey"),
                self._import("openai, openai.types.responses"),
            )
            for _ in range(rounds)
        ]
        return (
            (ours[1:], statistics.median(one for one, _ in imports)),
            (bare[1:], statistics.median(one for _, one in imports)),
        )

    def first_word(self, words: Sequence[str], rounds: int) -> float:
        """The seconds until a command has printed something, after one attempt that warms up."""
        return round(statistics.median([self._first_word(words) for _ in range(rounds + 1)][1:]), 3)

    def _first_word(self, words: Sequence[str]) -> float:
        began = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-m", "dayhand.cli", *words],
            cwd=self._repository,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        ) as process:
            if process.stdout is None or not process.stdout.read(1):
                raise DayhandError(f"dayhand {' '.join(words)} printed nothing.")
            seconds = time.perf_counter() - began
            process.stdout.read()
        return seconds

    def _ours(self, prompt: str) -> ProgramRun:
        words = ["-m", "dayhand.cli", "run", "--json", "--repo", str(self._repository), prompt]
        return self._start(words, accepted=(0, 5))

    def _bare(self, prompt: str) -> ProgramRun:
        started = self._start(["-m", minimal_loop.__name__, self._server.base_url, prompt], accepted=(0,))
        self._git("checkout", "-q", "--", ".")
        return started

    def _import(self, modules: str) -> float:
        nothing = time_ms(lambda: self._python("pass"))
        return (time_ms(lambda: self._python(f"import {modules}")) - nothing) / 1000

    def _python(self, code: str) -> None:
        subprocess.run([sys.executable, "-c", code], env=self._environ, check=True)

    def _start(self, words: Sequence[str], *, accepted: Sequence[int]) -> ProgramRun:
        """Run a program to its end. Raises ``DayhandError`` if it fails."""
        seen = len(self._server.requests())
        log = self._folder / "log"
        with log.open("wb") as out:
            known = children(os.getpid())
            began = time.time()
            process = subprocess.Popen(
                [sys.executable, *words], cwd=self._repository, env=self._environ, stdout=out, stderr=out
            )
            process.returncode, cpu, ended = _wait(process.pid, known)
        times = [request.at for request in self._server.requests()[seen:]]
        if process.returncode not in accepted or not times:
            tail = log.read_text(encoding="utf-8", errors="replace").strip()[-1000:]
            raise DayhandError(f"A run of the benchmark ended with {process.returncode}: {tail}")
        gaps = [after - before for before, after in pairwise(times)]
        return ProgramRun(ended - began, cpu, times[0] - began, gaps)

    def _make_repository(self) -> None:
        self._repository.mkdir()
        for name, text in FILES.items():
            (self._repository / name).write_text(text, encoding="utf-8")
        self._git("init", "-q", "-b", "main")
        self._git("add", "-A")
        self._git("commit", "-q", "-m", "Begin")

    def _git(self, *words: str) -> None:
        identity = ["-c", "user.name=Bench", "-c", "user.email=bench@localhost"]
        subprocess.run(["git", *identity, *words], cwd=self._repository, check=True, capture_output=True)


def _wait(pid: int, known: Collection[int]) -> tuple[int, float, float]:
    """Wait for a program: its exit code, the CPU seconds of all its processes, and when it ended.

    A box's first process outlives its parent for a moment, and becomes our child. ``known`` are our other children.
    """
    cpu, code, ended = 0.0, 0, 0.0
    while not ended or {*children(os.getpid())} - {*known}:
        found, status, usage = os.wait4(-1, 0)
        cpu += usage.ru_utime + usage.ru_stime
        if found == pid:
            code, ended = os.waitstatus_to_exitcode(status), time.time()
    return code, cpu, ended


def _run_true() -> None:
    subprocess.run(["bash", "-c", "true 1"], check=True)


def summarize(runs: Runs, imports: float, *, steps: int, command_ms: float) -> Program:
    """The medians of a program's runs; the last run of each round took ``steps`` steps."""
    gaps = [gap * 1000 - command_ms for _, _, many in runs for gap in many.gaps]
    cpu = [(many.cpu - few.cpu) / (steps - FEW) * 1000 for _, few, many in runs]
    return Program(
        first_request_s=round(statistics.median(one.first_request for run in runs for one in run), 3),
        step_cpu_ms=round(statistics.median(cpu), 1),
        step_gap_ms=round(statistics.median(gaps), 1),
        task_s=round(statistics.median(repair.seconds for repair, _, _ in runs), 2),
        imports_s=round(imports, 3),
    )


ROWS = (
    ("start to first request, s", "first_request_s"),
    ("one more step: CPU of all processes, ms", "step_cpu_ms"),
    ("one more step: time besides the command, ms", "step_gap_ms"),
    ("a repair in twelve calls, s", "task_s"),
    ("imports, s", "imports_s"),
)


def _show(figures: RunFigures) -> None:
    table = Table(title=f"dayhand run, beside a minimal loop on the openai library ({figures.rounds} rounds)")
    table.add_column("")
    table.add_column("dayhand run", justify="right")
    table.add_column("minimal", justify="right")
    ours, bare = asdict(figures), asdict(figures.bare)
    for title, name in ROWS:
        table.add_row(title, f"{ours[name]:g}", f"{bare[name]:g}")
    for title, seconds in figures.first_word_s.items():
        table.add_row(f"{title}: start to first word, s", f"{seconds:g}", "")
    console = Console()
    console.print(table)
    console.print(
        "The minimal loop has no sandbox, keeps no journal and verifies nothing. "
        f"A command that does nothing takes {figures.command_ms:g} ms alone."
    )
