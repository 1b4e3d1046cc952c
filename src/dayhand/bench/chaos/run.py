"""``dayhand bench chaos``: every part of an installation is killed and stalled at random while it works on issues.

The local GitHub takes up to ``slow`` seconds for a call, before or after it does what is asked; most calls take a small
part of that. Then everything is left alone until the tasks are done, and what is on GitHub is counted.
"""

from __future__ import annotations

import json
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from redis.exceptions import RedisError
from rich.console import Console
from rich.table import Table

from dayhand.bench.chaos import effects
from dayhand.bench.chaos.effects import Case
from dayhand.bench.chaos.installation import LABEL, OWNER, Installation, installed
from dayhand.bench.chaos.model import CASE, FILES, ChaosModel
from dayhand.bench.chaos.strikes import WORKERS, Striker
from dayhand.bench.measure import process_of_port
from dayhand.child_process import adopt_orphans
from dayhand.errors import ExitCode
from dayhand.ledger import keys
from dayhand.ledger.ledger import LEASE_SECONDS, Ledger, Record
from dayhand.scripted_model.server import ScriptedServer
from dayhand.task import State

LOOK_SECONDS = 0.1
REPOSITORIES = 4
CONCURRENCY = 4
WAITING = 2  # tasks that wait while others run
MOST_CALLS_ARE_QUICK = 8  # the exponent of the random part of ``slow``
SETTLE_SECONDS = 900.0  # for the tasks that are left when the last strike has been made
IDLE_SECONDS = 60.0
PRINTED = 40
POSTPONED = "later"  # in place of a lease: the task waits for GitHub
ZERO = ("lost", "doubled", "repeated_turns", "in_progress", "orphans", "false_stories")


@dataclass(frozen=True, slots=True)
class Chaos:
    """How much of it."""

    kills: int = 200
    seed: int = field(default_factory=lambda: secrets.randbelow(1_000_000))
    slow: float = 25.0  # the longest call of GitHub, in seconds
    stall: float = 20.0  # the longest stall of a process
    latency: float = 2.0  # the longest reply of the model
    tasks: int = CONCURRENCY + WAITING  # that are unfinished at any time
    poll: int = 0  # DAYHAND_POLL


@dataclass(frozen=True, slots=True)
class ChaosFigures:
    """What was counted. All but the first two, the times and the turns in flight must be 0."""

    seed: int
    kills: int
    tasks: int
    lost: int
    doubled: int
    repeated_turns: int
    in_flight_repeated: int
    in_progress: int
    orphans: int
    false_stories: int
    resumed_s: dict[str, float]  # from a kill until another process claims the task
    seconds: float

    @property
    def clean(self) -> bool:
        return not any(getattr(self, name) for name in ZERO)


def bench_chaos(chaos: Chaos, *, as_json: bool) -> int:
    """Run and print; exit code 1 if anything was lost, doubled or left behind."""
    print(f"seed {chaos.seed}: repeat this run with --seed {chaos.seed}", file=sys.stderr, flush=True)
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="dayhand-chaos-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # the boxes' own users pass through it
        figures, faults = run_chaos(Path(folder), chaos)
    for fault in faults[:PRINTED]:
        print(fault, file=sys.stderr)
    if as_json:
        print(json.dumps(asdict(figures)))
    else:
        table = Table("", "", title="Chaos", show_header=False)
        for name, value in asdict(figures).items():
            table.add_row(name.replace("_", " "), str(value))
        Console().print(table)
    return ExitCode.OK if figures.clean else ExitCode.FAILED


def run_chaos(data: Path, chaos: Chaos) -> tuple[ChaosFigures, list[str]]:
    """Strike, wait, count: the figures, and a line for each fault. Raises ``DayhandError`` if nothing starts."""
    rng = random.Random(chaos.seed)  # noqa: S311 - for repeatable runs, not for secrets
    model = ChaosModel(random.Random(rng.random()), chaos.latency)  # noqa: S311
    settings = {"DAYHAND_CONCURRENCY": str(CONCURRENCY), "DAYHAND_PROGRESS_SECONDS": "2"}
    if chaos.poll:
        settings["DAYHAND_POLL"] = str(chaos.poll)
    names = [f"shop-{number}" for number in range(REPOSITORIES)]
    with (
        ScriptedServer([model.script()]) as server,
        installed(data, names, FILES, model_url=server.base_url, **settings) as installation,
    ):
        model.find_client = lambda port: process_of_port(port, installation.pids("worker"))
        striker = Striker(installation, model, random.Random(rng.random()), chaos.stall)  # noqa: S311
        calls = random.Random(rng.random())  # noqa: S311
        installation.hub.faults.slowness = lambda: _slowness(calls, chaos.slow)
        run = ChaosRun(chaos, installation, striker, model)
        run.strike()
        run.settle()
        return run.count()


def _slowness(rng: random.Random, longest: float) -> tuple[float, float]:
    seconds = longest * rng.random() ** MOST_CALLS_ARE_QUICK
    return (seconds, 0.0) if rng.random() < 0.5 else (0.0, seconds)


@dataclass(slots=True)
class ChaosRun:
    """One run."""

    chaos: Chaos
    installation: Installation
    striker: Striker
    model: ChaosModel
    cases: list[Case] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    # Of the running tasks: the lease's token, and when it was seen last.
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict)
    _resumed: list[float] = field(default_factory=list)

    def strike(self) -> None:
        """Label issues, and strike until there were enough kills."""
        for _ in self._ticks(lambda: len(self.striker.strikes) < self.chaos.kills):
            self.striker.look(strikes=bool(self._tokens))  # nothing is struck that has not begun
            if self._unfinished() < self.chaos.tasks:
                self._label()

    def settle(self) -> None:
        """Leave everything alone until all tasks are done."""
        self.striker.settle()
        ends = time.monotonic() + SETTLE_SECONDS
        for _ in self._ticks(lambda: time.monotonic() < ends):
            with suppress(RedisError):
                if not self._unfinished() and not self.installation.redis.scard(keys.UNFINISHED):
                    return

    def count(self) -> tuple[ChaosFigures, list[str]]:
        ends = time.monotonic() + IDLE_SECONDS
        orphans = self.installation.leftovers()
        while orphans and time.monotonic() < ends:
            time.sleep(LOOK_SECONDS)
            orphans = self.installation.leftovers()
        app, records = self.installation.app, self._records()
        lost, doubled, in_progress, stories = list[str](), list[str](), list[str](), list[str]()
        for case in self.cases:
            own = records.get((case.repo.full_name, case.issue.number), [])
            where = f"case {case.number}, #{case.issue.number} of {case.repo.full_name}"
            if not own or any(record.state in (State.QUEUED, State.RUNNING) for record in own):
                lost.append(f"{where}: {own[0].state if own else 'no task'}")
            doubled += [f"{where}: {what}" for what in effects.doubled(case, app, own)]
            in_progress += [f"{where}: {what}" for what in effects.in_progress(case, own)]
            stories += [f"{where}: {what}" for what in effects.false_stories(case, app, own)]
        repeated, in_flight = effects.repeated_turns(self.model.replies, self.striker.strikes)
        found = {
            "lost": lost,
            "doubled": doubled,
            "repeated turn": repeated,
            "in flight": in_flight,
            "in progress": in_progress,
            "orphan": orphans,
            "false story": stories,
        }
        figures = ChaosFigures(
            seed=self.chaos.seed,
            kills=len(self.striker.strikes),
            tasks=len(self.cases),
            lost=len(lost),
            doubled=len(doubled),
            repeated_turns=len(repeated),
            in_flight_repeated=len(in_flight),
            in_progress=len(in_progress),
            orphans=len(orphans),
            false_stories=len(stories),
            resumed_s=_summary(self._resumed),
            seconds=round(time.monotonic() - self.began, 1),
        )
        lines = [f"{kind}: {line}" for kind, faults in found.items() for line in faults]
        return figures, [*(f"{count} × {what}" for what, count in self.striker.counts().items()), *lines]

    def _ticks(self, going: Callable[[], bool]) -> Iterator[None]:
        while going():
            self.installation.supervise()
            self.striker.look(strikes=False)
            with suppress(RedisError):
                self._note_claims()
            yield
            time.sleep(LOOK_SECONDS)

    def _label(self) -> None:
        number = len(self.cases) + 1
        actions = self.installation.hub.actions
        repo = actions.repositories[f"{OWNER}/shop-{number % REPOSITORIES}"]
        ada = actions.users[OWNER]
        title = f"Totals are one too high, {CASE} {number}"
        issue = actions.open_issue(repo, ada, title, body="An empty cart costs 1.")
        self.cases.append(Case(number, repo, issue))
        actions.label(repo, issue, LABEL, by=ada)

    def _unfinished(self) -> int:
        """The cases without an end on GitHub: Redis may be away."""
        return sum(not _ended(case, self.installation.app.bot.login) for case in self.cases)

    def _note_claims(self) -> None:
        """Note how long after a kill each task that it may have hit has another holder."""
        redis = self.installation.redis
        ids = sorted(redis.smembers(keys.UNFINISHED))
        held = redis.mget([keys.lease(task_id) for task_id in ids]) if ids else []
        now = time.monotonic()
        kills = [one.began for one in self.striker.strikes if one.target in WORKERS and one.how == "killed"]
        for task_id, token in zip(ids, held, strict=True):
            known, seen = self._tokens.get(task_id, ("", 0.0))
            if not token or token == POSTPONED:
                continue
            hits = [kill for kill in kills if seen - LEASE_SECONDS < kill < seen + 1]
            if known and token != known and hits:
                self._resumed.append(now - hits[-1])
            self._tokens[task_id] = (token, now)

    def _records(self) -> dict[tuple[str, int], list[Record]]:
        found: dict[tuple[str, int], list[Record]] = {}
        for record in Ledger(self.installation.redis).recent(100_000):
            found.setdefault((record.task.repository, record.task.number), []).append(record)
        return found


def _ended(case: Case, bot: str) -> bool:
    """Whether the comment says that the task is over."""
    bodies = [one.body for one in case.issue.comments if one.user.login == bot]
    return any(not body.startswith(("Queued.", "On it")) for body in bodies)


def _summary(seconds: Sequence[float]) -> dict[str, float]:
    if not seconds:
        return {}
    return {"median": round(median(seconds), 2), "max": round(max(seconds), 2)}
