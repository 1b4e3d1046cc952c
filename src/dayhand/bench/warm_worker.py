"""The cost of tasks in a warm worker: the real ``dayhand work``, Redis and the local GitHub, with a scripted model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

from rq.job import Job

from dayhand.bench.measure import children, pss_mb
from dayhand.bench.model_server import ModelServerProcess, task_prompt
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
TURNS = 12  # of each task; memory is measured at the last one
MAX_WAIT_SECONDS = 180.0
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class FirstRequest:
    """Seconds from the start of a task's job to its first request, in total and by stage."""

    seconds: float
    stages: Mapping[str, float]  # "claim" is the time before the first stage


@dataclass(frozen=True, slots=True)
class WorkerMemory:
    """Proportional memory (PSS) in MB: a page that several processes share counts for each of them in part."""

    task: float | None  # one running task's share of all the processes, without its sandbox
    worker: float | None  # one worker process, with the tasks in it
    parent: float | None
    tasks: int  # that ran at the same time


@dataclass(slots=True)
class WorkerHarness:
    """A running worker, and the services that it uses."""

    hub: LocalHub
    ledger: Ledger
    redis_url: str
    server: ModelServerProcess
    work: Popen[str]  # ``dayhand work``
    installation: int
    jobs: dict[str, str] = field(default_factory=dict)  # the job's id, by the task's

    def begin(self, turns: str, *, kind: TaskKind) -> str:
        """Open an issue and its task as the web process does; returns the task's id."""
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
        self.ledger.open(task, delivery=task.id, thread=task.id)
        with connect_raw(self.redis_url) as raw:
            job = queue(raw).enqueue(PERFORM, task.id, job_id=f"{task.id}_bench", result_ttl=600)
        self.jobs[task.id] = job.id
        return task.id

    def until_over(self, task_id: str) -> None:
        """Wait for a task's end. Raises ``DayhandError`` if it fails or does not end."""
        self.until(lambda: self.ledger.record(task_id).state not in (State.QUEUED, State.RUNNING))
        record = self.ledger.record(task_id)
        if record.state is not State.ANSWERED:
            raise DayhandError(f"The benchmark's task ended as {record.state}: {record.reason}")

    def until(self, condition: Callable[[], bool]) -> None:
        ends = time.monotonic() + MAX_WAIT_SECONDS
        while not condition():
            if self.work.poll() is not None:
                raise DayhandError(f"`dayhand work` ended with exit code {self.work.returncode}.")
            if time.monotonic() > ends:
                raise DayhandError(
                    "The benchmark's tasks made no progress: this machine is too busy to measure."
                )
            time.sleep(POLL_SECONDS)

    def start(self, task_id: str) -> FirstRequest:
        """How long a task took to its first request."""
        with connect_raw(self.redis_url) as raw:
            jobs = queue(raw)
            job = Job.fetch(self.jobs[task_id], connection=jobs.connection, serializer=jobs.serializer)
        if job.started_at is None:
            raise DayhandError("Redis has no start time for the benchmark's job.")
        began = job.started_at.timestamp()
        asked = next(one.at for one in self.server.requests() if one.key == task_id)
        marks = [("claim", began)]
        marks += [
            (note.text, note.at)
            for note in LogReader(self.ledger.redis).read(task_id)
            if note.kind == "stage"
        ]
        marks = [mark for mark in marks if mark[1] <= asked]
        ends = [at for _, at in marks[1:]] + [asked]
        stages = {name: round(end - at, 3) for (name, at), end in zip(marks, ends, strict=True)}
        return FirstRequest(round(asked - began, 3), stages)

    def memory(self, tasks: int) -> WorkerMemory:
        """Measure the processes while ``tasks`` tasks run."""
        workers = [pss_mb(pid) for pid in children(self.work.pid)]
        parent = pss_mb(self.work.pid)
        known = [size for size in workers if size is not None]
        if parent is None or not known or len(known) < len(workers):
            return WorkerMemory(None, None, None, tasks)
        worker = round(sum(known) / len(known), 1)
        return WorkerMemory(round((sum(known) + parent) / tasks, 1), worker, parent, tasks)


@contextmanager
def worker_harness(data: Path, server: ModelServerProcess, workers: int) -> Iterator[WorkerHarness]:
    """Run a local GitHub with one repository, Redis, and ``dayhand work`` with ``workers`` workers."""
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
            webhook_url=f"{hub.url}/unused",
            secret="none",  # noqa: S106 - no event is sent
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
            "OPENAI_BASE_URL": server.base_url,
            "OPENAI_API_KEY": "none",
            "DAYHAND_MODEL": "bench",
        }
        log = stack.enter_context((data / "work.log").open("w", encoding="utf-8"))
        work = stack.enter_context(running(["work"], env=env, output=log))
        redis = stack.enter_context(connect(redis_url))
        yield WorkerHarness(hub, Ledger(redis), redis_url, server, work, installation)


def measure_first_requests(harness: WorkerHarness, rounds: int, *, kind: TaskKind) -> list[FirstRequest]:
    """Start tasks one after the other; the first one is not counted, because it creates the mirror and the environment."""
    starts = []
    for number in range(rounds + 1):
        task_id = harness.begin(task_prompt(1), kind=kind)
        harness.until_over(task_id)
        if number:
            starts.append(harness.start(task_id))
    return starts


def measure_memory(harness: WorkerHarness, tasks: int) -> WorkerMemory:
    """Run ``tasks`` tasks at the same time, and measure them at their last turn."""
    ids = [harness.begin(task_prompt(TURNS, pause=TURNS - 1), kind=TaskKind.FOLLOW_UP) for _ in range(tasks)]
    harness.until(lambda: harness.server.waiting() == tasks)
    memory = harness.memory(tasks)
    harness.server.resume()
    for task_id in ids:
        harness.until_over(task_id)
    return memory
