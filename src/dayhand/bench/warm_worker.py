"""What tasks cost a warm worker: the real ``dayhand work``, a real Redis, a local GitHub; only the model is played."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

from rq.job import Job

from dayhand.bench.measure import children, pss_mb
from dayhand.bench.model_server import Answers, words
from dayhand.child_process import running
from dayhand.errors import DayhandError
from dayhand.hub.permissions import PERMISSIONS
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import LogReader
from dayhand.ledger.queue import PERFORM, queue
from dayhand.ledger.redis_server import connect, connect_raw, embedded
from dayhand.localhub.server import LocalHub
from dayhand.task import Ask, State, Task, TaskKind

OWNER, NAME = "ada", "ada/plans"
FILES = {"README.md": "# Plans\n", "plans.txt": "One thing after the other.\n"}
TURNS = 12  # of each task; at the last one all of them are looked at
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Starts:
    """Seconds from the start of a task's job to its first request, and where they went."""

    seconds: float
    stages: Mapping[str, float]  # by stage; "claim" is what comes before the first


@dataclass(frozen=True, slots=True)
class WorkerMemory:
    """Proportional memory (PSS) in MB; pages that several processes share count for each in part."""

    task: float | None  # one running task's own process, without its sandbox
    waiting: float | None  # one worker that holds a task, or waits for one
    parent: float | None
    tasks: int  # that ran at once


@dataclass(slots=True)
class Town:
    """A worker at work, and all that it speaks to."""

    hub: LocalHub
    ledger: Ledger
    redis_url: str
    answers: Answers
    work: Popen[str]  # ``dayhand work``
    installation: int
    jobs: dict[str, str] = field(default_factory=dict)  # task: its job

    def begin(self, turns: str, *, kind: TaskKind) -> str:
        """Open an issue and the task that comes of it, as the web process would; give the task's id."""
        repo = self.hub.actions.repositories[NAME]
        issue = self.hub.actions.open_issue(repo, self.hub.actions.users[OWNER], "Make plans", body=turns)
        task = Task(
            id=f"bench-{kind}-{issue.number}",
            repository=NAME,
            installation=self.installation,
            number=issue.number,
            title=issue.title,
            body=turns,
            ask=Ask(kind, turns, OWNER),
            default_branch="main",
            created_at=time.time(),
            clone_url=f"{self.hub.url}/{NAME}.git",
        )
        self.ledger.open(task, delivery=task.id, meaning=task.id)
        with connect_raw(self.redis_url) as raw:
            job = queue(raw).enqueue(PERFORM, task.id, job_id=f"{task.id}_bench", result_ttl=600)
        self.jobs[task.id] = job.id
        return task.id

    def until_over(self, task_id: str) -> None:
        """Wait for a task's end. Raises ``DayhandError`` where it failed or does not end."""
        self.until(lambda: self.ledger.record(task_id).state not in (State.QUEUED, State.RUNNING))
        record = self.ledger.record(task_id)
        if record.state is not State.ANSWERED:
            raise DayhandError(f"The bench's own task ended as {record.state}: {record.reason}")

    def until(self, condition: Callable[[], bool]) -> None:
        ends = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if self.work.poll() is not None:
                raise DayhandError(f"`dayhand work` ended with exit code {self.work.returncode}.")
            if time.monotonic() > ends:
                raise DayhandError("The bench's own tasks do not get on: this machine is too busy to tell.")
            time.sleep(LOOK_SECONDS)

    def start(self, task_id: str) -> Starts:
        """How a task came to its first request."""
        with connect_raw(self.redis_url) as raw:
            there = queue(raw)
            job = Job.fetch(self.jobs[task_id], connection=there.connection, serializer=there.serializer)
        if job.started_at is None:
            raise DayhandError("Redis does not know when the bench's own job began.")
        began = job.started_at.timestamp()
        asked = next(one.at for one in self.answers.requests() if one.key == task_id)
        marks = [("claim", began)]
        marks += [
            (note.text, note.at)
            for note in LogReader(self.ledger.redis).read(task_id)
            if note.kind == "stage"
        ]
        marks = [mark for mark in marks if mark[1] <= asked]
        ends = [at for _, at in marks[1:]] + [asked]
        stages = {name: round(end - at, 3) for (name, at), end in zip(marks, ends, strict=True)}
        return Starts(round(asked - began, 3), stages)

    def memory(self, tasks: int) -> WorkerMemory:
        """Look at the processes while ``tasks`` tasks run."""
        hands = children(self.work.pid)
        horses = [horse for hand in hands for horse in children(hand)]
        if len(horses) != tasks:
            raise DayhandError(f"{len(horses)} tasks run where there should be {tasks}.")
        return WorkerMemory(_mean(horses), _mean(hands), pss_mb(self.work.pid), tasks)


@contextmanager
def town(data: Path, answers: Answers, workers: int) -> Iterator[Town]:
    """A local GitHub with a repository, a Redis, and ``dayhand work`` with that many workers."""
    with ExitStack() as stack:
        redis_url = stack.enter_context(embedded(data))
        hub = stack.enter_context(LocalHub(data / "github"))
        actions = hub.actions
        actions.add_user(OWNER, "Ada")
        actions.add_repository(NAME, FILES)
        app = actions.add_app(
            "dayhand-bench",
            permissions=PERMISSIONS,
            events=(),
            webhook_url=f"{hub.url}/nobody-listens",
            secret="none",  # noqa: S106 - nothing is sent
            owner=OWNER,
        )
        installation = actions.install(app, OWNER, [NAME], silent=True).id
        env = {
            "GITHUB_API_URL": hub.api_url,
            "GITHUB_APP_ID": str(app.id),
            "GITHUB_APP_PRIVATE_KEY": app.private_key,
            "GITHUB_WEBHOOK_SECRET": "none",
            "REDIS_URL": redis_url,
            "DAYHAND_DATA": str(data),
            "DAYHAND_CONCURRENCY": str(workers),
            "OPENAI_BASE_URL": answers.base_url,
            "OPENAI_API_KEY": "none",
            "DAYHAND_MODEL": "bench",
        }
        log = stack.enter_context((data / "work.log").open("w", encoding="utf-8"))
        work = stack.enter_context(running(["work"], env=env, output=log))
        redis = stack.enter_context(connect(redis_url))
        yield Town(hub, Ledger(redis), redis_url, answers, work, installation)


def first_requests(place: Town, rounds: int, *, kind: TaskKind) -> list[Starts]:
    """Let tasks of a kind start, one after the other; the first, which makes mirror and environment, is not counted."""
    starts = []
    for number in range(rounds + 1):
        task_id = place.begin(words(1), kind=kind)
        place.until_over(task_id)
        if number:
            starts.append(place.start(task_id))
    return starts


def running_tasks(place: Town, tasks: int) -> WorkerMemory:
    """Let ``tasks`` tasks run at once, and look at them at the last of their turns."""
    ids = [place.begin(words(TURNS, pause=TURNS - 1), kind=TaskKind.FOLLOW_UP) for _ in range(tasks)]
    place.until(lambda: place.answers.waiting() == tasks)
    seen = place.memory(tasks)
    place.answers.go()
    for task_id in ids:
        place.until_over(task_id)
    return seen


def _mean(pids: Sequence[int]) -> float | None:
    sizes = [pss_mb(pid) for pid in pids]
    known = [size for size in sizes if size is not None]
    return round(sum(known) / len(known), 1) if known and len(known) == len(sizes) else None
