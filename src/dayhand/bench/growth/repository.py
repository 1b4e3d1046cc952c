"""A repository of any size, and tasks in it whose commands are timed apart from Dayhand itself."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dayhand.bench.local_run.script import CALLS, FILES, REPAIR
from dayhand.box_paths import WORKSPACE
from dayhand.checkout.local_repository import LocalRepository, find_repository
from dayhand.errors import DayhandError
from dayhand.journey import travel
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import TaskLog
from dayhand.ledger.redis_server import connect, embedded
from dayhand.publish.local import LocalPublication
from dayhand.sandbox.base import NO_HOSTS, Box, CommandLimits, Egress, Result, Sandbox, Snapshot, Stdin
from dayhand.sandbox.snapshot_cache import CachedBox, SnapshotCache
from dayhand.settings.table import Settings, read_settings
from dayhand.task import Ask, Proposed, State, Task, TaskKind
from dayhand.wiring.local import open_local_tools
from dayhand.wiring.sandboxes import open_sandbox

FOLDER_FILES = 100
COMMANDS = (*CALLS, "python3 -m unittest discover")  # the model's, and the checks
COMMIT = "commit refs/heads/main\ncommitter Bench <bench@localhost> {at} +0000\ndata 5\nBegin\n"
BEGAN = 1_700_000_000


@dataclass(frozen=True, slots=True)
class TaskCost:
    """Dayhand's own share of a warm task. Medians."""

    own_s: float  # wall, less the time in which a command of the repository ran
    cpu_s: float  # of this process and of those that it waited for, commands included


def measure_repository(*, files: int, commits: int, model_url: str, rounds: int) -> TaskCost:
    """Let tasks repair a repository of this size. Raises ``DayhandError``.

    The first one sets up the environment, so it counts only if there are no further ``rounds``.
    """
    with tempfile.TemporaryDirectory(prefix="dayhand-growth-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # for the users of the boxes
        make_repository(folder / "shop.git", files=files, commits=commits)
        settings = read_settings(
            {
                "OPENAI_BASE_URL": model_url,
                "DAYHAND_MODEL": "bench",
                "DAYHAND_SANDBOX": "bubblewrap",
                "DAYHAND_DATA": str(folder / "data"),
                "HOME": os.environ.get("HOME", ""),
            },
            None,
        )
        settings.data.mkdir()
        with embedded(settings.data) as redis:
            tasks = _RepairTasks(
                settings, find_repository(folder / "shop.git"), folder, Ledger(connect(redis))
            )
            costs = [tasks.run(number) for number in range(rounds + 1)]
    return TaskCost(
        round(statistics.median(one.own_s for one in costs[1:] or costs), 2),
        round(statistics.median(one.cpu_s for one in costs[1:] or costs), 2),
    )


def make_repository(path: Path, *, files: int, commits: int) -> None:
    """A bare repository: the program to repair, and so many files and commits in all."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], check=True)
    with subprocess.Popen(
        ["git", "-C", str(path), "fast-import", "--quiet"], stdin=subprocess.PIPE
    ) as importing:
        if importing.stdin is not None:
            importing.stdin.writelines(line.encode() for line in _history(files, commits))
    if importing.returncode:
        raise DayhandError(f"git fast-import ended with exit code {importing.returncode}.")


def _history(files: int, commits: int) -> Iterator[str]:
    """The stream for ``git fast-import``: all files at first, then a change to one of them in each commit."""
    yield COMMIT.format(at=BEGAN)
    for name, text in FILES.items():
        yield _file(name, text)
    filler = max(1, files - len(FILES))
    for number in range(filler):
        yield _file(_name(number), f"{number} of {filler}\n")
    for number in range(1, commits):
        yield COMMIT.format(at=BEGAN + number)
        yield _file(_name(number % filler), f"changed by commit {number}\n")


def _name(number: int) -> str:
    folder = number // FOLDER_FILES
    return f"data/{folder // FOLDER_FILES}/{folder}/{number}.txt"


def _file(name: str, text: str) -> str:
    return f"M 100644 inline {name}\ndata {len(text.encode())}\n{text}\n"


@dataclass(frozen=True, slots=True)
class _RepairTasks:
    settings: Settings
    repository: LocalRepository
    folder: Path
    ledger: Ledger

    def run(self, number: int) -> TaskCost:
        """One task from its claim to its end. Raises ``DayhandError`` if it changed nothing."""
        exchange = self.repository.open_exchange(self.folder / f"exchange-{number}.git", dirty=False)
        task = Task(
            id=f"growth-{number}",
            repository=str(self.repository.top),
            installation=0,
            number=0,
            title="Repair the totals",
            body=REPAIR,
            ask=Ask(TaskKind.FIX, REPAIR, asker=""),
            default_branch=exchange.branch,
            created_at=time.time(),
            clone_url=str(exchange.path),
        )
        sandbox = open_sandbox(self.settings)
        timed = TimedCommands(sandbox, self.settings.data / "shelf", self.settings.cache_bytes)
        began, cpu = time.monotonic(), _cpu_seconds()
        self._travel(task, timed)
        seconds = time.monotonic() - began
        return TaskCost(seconds - covered(timed.commands), _cpu_seconds() - cpu)

    def _travel(self, task: Task, sandbox: Sandbox) -> None:
        with ExitStack() as stack:
            self.ledger.open(task, delivery=task.id, thread=task.id)
            claim = self.ledger.claim(task.id, "bench")
            if claim is None:
                raise DayhandError("The benchmark's own task could not be claimed.")
            stack.enter_context(claim.kept())
            quiet = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            tools = stack.enter_context(
                open_local_tools(
                    self.settings,
                    self.ledger,
                    task,
                    claim=claim,
                    sandbox=sandbox,
                    publication=LocalPublication(quiet),
                    repository=self.repository,
                )
            )
            outcome = travel(task, tools, TaskLog(self.ledger, claim))
            if not isinstance(outcome, Proposed):
                raise DayhandError("The benchmark's task changed nothing.")
            self.ledger.finish(claim, State.PROPOSED)


class TimedCommands(SnapshotCache):
    """Keeps when commands of the repository ran: the model's and the checks, not those that Dayhand runs for itself."""

    def __init__(self, sandbox: Sandbox, folder: Path, max_bytes: int) -> None:
        super().__init__(sandbox, folder, max_bytes)
        self.commands: list[tuple[float, float]] = []  # from and to, in seconds

    @contextmanager
    def open(
        self,
        *,
        origin: Snapshot | None = None,
        egress: Egress | None = None,
        hosts: Mapping[str, str] = NO_HOSTS,
    ) -> Iterator[Box]:
        with self._in_use(origin), self._sandbox.open(origin=origin, egress=egress, hosts=hosts) as box:
            yield TimedBox(box, self)


class TimedBox(CachedBox):
    """A box of ``TimedCommands``."""

    def __init__(self, box: Box, cache: TimedCommands) -> None:
        super().__init__(box, cache)
        self._commands = cache.commands

    def run(
        self,
        command: str | Sequence[str],
        *,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
        stdin: Stdin = None,
        limits: CommandLimits | None = None,
        on_output: Callable[[bytes], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Result:
        began = time.monotonic()
        result = super().run(
            command, cwd=cwd, env=env, stdin=stdin, limits=limits, on_output=on_output, cancelled=cancelled
        )
        words = [command] if isinstance(command, str) else command
        if any(word in COMMANDS for word in words):
            self._commands.append((began, began + result.seconds))
        return result


def covered(times: Sequence[tuple[float, float]]) -> float:
    """The seconds that are in any of these times, which may overlap.

    >>> covered([(0.0, 2.0), (1.0, 3.0), (5.0, 6.0)])
    4.0
    """
    total, until = 0.0, 0.0
    for begin, end in sorted(times):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


def _cpu_seconds() -> float:
    """Of this process and of those that it waited for."""
    return sum(os.times()[:4])
