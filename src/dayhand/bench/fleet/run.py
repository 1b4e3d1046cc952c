"""``dayhand bench fleet``: many issues are labelled at once; how long people wait, and what it costs.

A whole installation with a local GitHub that has GitHub's own limits, and a model whose replies take a second. Each run is
made twice: with Dayhand's workers, and with RQ's own pool of as many workers, for the same jobs.
"""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median, quantiles

from rich.console import Console
from rich.table import Table

from dayhand.bench.chaos.installation import LABEL, OWNER, Installation, installed
from dayhand.bench.chaos.model import CASE, FILES, ChaosModel
from dayhand.bench.fleet.processes import Meter
from dayhand.bench.measure import end_with_descendants
from dayhand.child_process import PROCESSES
from dayhand.errors import DayhandError
from dayhand.ledger.queue import NAME
from dayhand.localhub.state.models import Issue
from dayhand.scripted_model.server import ScriptedServer
from dayhand.worker.tasks import NICENESS, TASKS_AT_ONCE

LATENCY = 1.0  # seconds, of each reply of the model
LOOK_SECONDS = 0.25
START_SECONDS = 600.0  # RQ imports everything once for each worker
MAX_SECONDS_A_TASK = 60.0
SIDES = ("dayhand", "rq")


@dataclass(frozen=True, slots=True)
class Fleet:
    """How much of it."""

    labels: int = 50
    repositories: Sequence[int] = (1, 10)
    workers: int = 50
    sides: Sequence[str] = SIDES


@dataclass(frozen=True, slots=True)
class FleetFigures:
    """One run. Times are in seconds from the label; the machine's load belongs to them."""

    side: str
    labels: int
    repositories: int
    workers: int
    requests_per_task: float
    points_per_task: float
    creations_per_task: float
    refused: int
    reaction_s: dict[str, float]
    first_comment_s: dict[str, float]
    first_reply_s: dict[str, float]  # of the model
    done_s: dict[str, float]
    done: int
    pss_mb: float
    processes: int
    own_cpu_s_per_task: float
    load: float  # of the machine, over a minute, at the end


@dataclass(slots=True)
class LabelledIssue:
    """One issue, and when a person saw what."""

    issue: Issue
    labelled: float = 0.0
    seen: dict[str, float] = field(default_factory=dict)

    def look(self, bot: str, now: float) -> None:
        bodies = [one.body for one in self.issue.comments if one.user.login == bot]
        ended = any(not body.startswith(("Queued.", "On it")) for body in bodies)
        marks = {"reaction": bool(self.issue.reactions), "comment": bool(bodies), "done": ended}
        for name, there in marks.items():
            if there:
                self.seen.setdefault(name, now - self.labelled)


def bench_fleet(fleet: Fleet, *, as_json: bool) -> int:
    """Run and print. The object's own fields are those of Dayhand on the fewest repositories; ``runs`` has all."""
    runs = []
    for repositories in fleet.repositories:
        for side in fleet.sides:
            print(
                f"{side}, {fleet.labels} labels, repositories: {repositories} …", file=sys.stderr, flush=True
            )
            with tempfile.TemporaryDirectory(prefix="dayhand-fleet-", ignore_cleanup_errors=True) as folder:
                Path(folder).chmod(0o755)  # the boxes' own users pass through it
                runs.append(run_fleet(Path(folder), fleet, repositories, side=side))
    if as_json:
        print(json.dumps({**asdict(runs[0]), "runs": [asdict(run) for run in runs]}))
    else:
        _print(runs)
    return 0


def run_fleet(data: Path, fleet: Fleet, repositories: int, *, side: str) -> FleetFigures:
    """Label the issues and wait until all are done. Raises ``DayhandError`` if the installation does not start."""
    model = ChaosModel(random.Random(0), 0.0)  # noqa: S311 - it decides nothing here
    names = [f"shop-{number}" for number in range(repositories)]
    settings = {"DAYHAND_CONCURRENCY": str(fleet.workers), "DAYHAND_STOP_SECONDS": "5"}
    with (
        ScriptedServer([model.script()], delay=LATENCY) as server,
        installed(data, names, FILES, model_url=server.base_url, **settings) as installation,
        _workers(installation, fleet.workers, side) as roots,
    ):
        issues = _open_issues(installation, fleet.labels, names)
        spent, meter = installation.hub.limits.spent.copy(), Meter()
        meter.look(roots())
        idle = meter.cpu_seconds
        niceness = NICENESS if side == "dayhand" else 0
        _label_and_wait(installation, issues, lambda: meter.look(roots()), niceness=niceness)
        used = installation.hub.limits.spent - spent
        starts = [issue.labelled + 0.0 for issue in issues]
        first = [
            min((one.ended for one in model.replies.get((number, 0), ())), default=0.0)
            for number in range(1, len(issues) + 1)
        ]
        return FleetFigures(
            side=side,
            labels=len(issues),
            repositories=repositories,
            workers=fleet.workers,
            requests_per_task=round(used["requests"] / len(issues), 1),
            points_per_task=round(used["points"] / len(issues), 1),
            creations_per_task=round(used["creations"] / len(issues), 1),
            refused=used["refused"],
            reaction_s=_summary([one.seen.get("reaction") for one in issues]),
            first_comment_s=_summary([one.seen.get("comment") for one in issues]),
            first_reply_s=_summary(
                [at - began if at else None for at, began in zip(first, starts, strict=True)]
            ),
            done_s=_summary([one.seen.get("done") for one in issues]),
            done=sum("done" in one.seen for one in issues),
            pss_mb=round(meter.peak_mb, 1),
            processes=meter.processes,
            own_cpu_s_per_task=round((meter.cpu_seconds - idle) / len(issues), 2),
            load=round(os.getloadavg()[0], 1),
        )


@contextmanager
def _workers(installation: Installation, workers: int, side: str) -> Iterator[Callable[[], list[int]]]:
    """Start the processes; what gives their ids. RQ's own pool takes the place of ``dayhand work``."""
    installation.names = PROCESSES if side == "dayhand" else PROCESSES[:2]
    installation.supervise()
    if side == "dayhand":
        processes = math.ceil(workers / TASKS_AT_ONCE)
        _wait(lambda: len(installation.pids("worker")) >= processes and bool(installation.pids("dispatcher")))
        yield lambda: [one.process.pid for one in installation.processes.values()]
        return
    options = ["-n", str(workers), "-S", "json", "-j", "dayhand.ledger.queue.AllowedJob", "-q"]
    command = [sys.executable, "-m", "rq.cli", "worker-pool", NAME, "-u", installation.server.url, *options]
    with (installation.data / "rq.log").open("w", encoding="utf-8") as log:
        pool = subprocess.Popen(
            command,
            env={**os.environ, **installation.env},
            stdout=log,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        try:
            _wait(
                lambda: (
                    int(installation.redis.scard("rq:workers")) >= workers
                    and bool(installation.pids("dispatcher"))
                )
            )
            yield lambda: [pool.pid, *(one.process.pid for one in installation.processes.values())]
        finally:
            end_with_descendants(pool)


def _open_issues(installation: Installation, labels: int, names: Sequence[str]) -> list[LabelledIssue]:
    actions = installation.hub.actions
    issues = []
    for number in range(1, labels + 1):
        repo = actions.repositories[f"{OWNER}/{names[number % len(names)]}"]
        title = f"Totals are one too high, {CASE} {number}"
        issues.append(
            LabelledIssue(
                actions.open_issue(repo, actions.users[OWNER], title, body="An empty cart costs 1.")
            )
        )
    installation.hub.wait_idle()
    return issues


def _label_and_wait(
    installation: Installation,
    issues: Sequence[LabelledIssue],
    look: Callable[[], None],
    *,
    niceness: int,
) -> None:
    """Label all issues at once, then look until all are done, or the time is over.

    ``niceness``: of the workers. The looks have their priority: neither must wait for the other.
    """
    actions, bot = installation.hub.actions, installation.app.bot.login
    repos = {id(issue): repo for repo in actions.repositories.values() for issue in repo.issues.values()}
    for one in issues:
        one.labelled = time.monotonic()
        actions.label(repos[id(one.issue)], one.issue, LABEL, by=actions.users[OWNER])
    stopped = threading.Event()

    def watch() -> None:
        if niceness:
            own = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), own + niceness)
        ends = time.monotonic() + MAX_SECONDS_A_TASK * len(issues)
        while any("done" not in one.seen for one in issues) and time.monotonic() < ends:
            for one in issues:
                one.look(bot, time.monotonic())
            look()
            if stopped.wait(LOOK_SECONDS):
                return

    with ThreadPoolExecutor(1) as watcher:
        watched = watcher.submit(watch)
        try:
            while not watched.done():
                installation.supervise()
                time.sleep(LOOK_SECONDS)
        finally:
            stopped.set()
        watched.result()


def _wait(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > ends:
            raise DayhandError("The installation did not start: this machine is too busy to measure.")
        time.sleep(LOOK_SECONDS)


def _summary(seconds: Sequence[float | None]) -> dict[str, float]:
    known = sorted(one for one in seconds if one is not None)
    if not known:
        return {}
    p99 = quantiles(known, n=100)[98] if len(known) > 1 else known[0]
    figures = {"median": median(known), "p99": min(p99, known[-1]), "max": known[-1]}
    return {name: round(value, 2) for name, value in figures.items()}


def _print(runs: Sequence[FleetFigures]) -> None:
    columns = [
        f"{run.side}, {run.repositories} repositor{'y' if run.repositories == 1 else 'ies'}" for run in runs
    ]
    table = Table("", *columns, title=f"{runs[0].labels} issues labelled at once")
    for name in asdict(runs[0]):
        table.add_row(name.replace("_", " "), *(_cell(getattr(run, name)) for run in runs))
    Console().print(table)


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return " / ".join(f"{name} {number}" for name, number in value.items())
    return str(value)
