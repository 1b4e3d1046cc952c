"""The workers of one machine: forked from one warmed-up parent, and replaced when they die."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import secrets
import signal
import sys
import time
import traceback
from contextlib import suppress
from types import FrameType

import httpx2
from redis import Redis
from redis.exceptions import RedisError
from rq import Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from dayhand.agent.model.client import ModelClient
from dayhand.child_process import die_with_parent
from dayhand.errors import SandboxError
from dayhand.hub.auth import load_key
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.queue import AllowedJob, enqueue, queue, waiting
from dayhand.ledger.redis_server import at_hand, connect, connect_raw
from dayhand.settings.required import app_key, require_app, require_data
from dayhand.settings.table import Settings
from dayhand.wiring.models import model_certificates
from dayhand.wiring.prices import read_prices
from dayhand.wiring.sandboxes import open_sandbox

JANITOR_SECONDS = 1.0
LOOK_SECONDS = 0.2
RESPAWN_SECONDS = 1.0
BEAT_SECONDS = 10
SILENT_SECONDS = 30  # RQ considers a worker dead that has been silent for so long


class TaskWorker(Worker):
    """An RQ worker that dies with its parent, and takes its running job with it.

    With RQ alone, an orphaned job would run in parallel to its retry.
    """

    job_class = AllowedJob

    def setup_work_horse_signals(self) -> None:
        die_with_parent()
        if os.getppid() != self.pid:
            os._exit(1)  # the parent died before the call above
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        """RQ would add a minute to the heartbeat, and count a dead job as running for that long."""
        return SILENT_SECONDS


def work(settings: Settings, *, burst: bool = False) -> None:
    """Run the workers until asked to stop; with ``burst`` until the queue is empty.

    SIGTERM and Ctrl-C end everything at once: an interrupted task continues at its last turn, on any worker.
    """
    require_app(settings)
    require_data(settings)
    load_key(app_key(settings))  # fail now, and not in each job
    read_prices(settings)  # likewise
    with at_hand(settings.redis_url, settings.data) as redis_url:
        warm()
        with suppress(SandboxError):  # each task reports it to its person
            open_sandbox(settings)
        WorkerPool(settings.concurrency, redis_url, burst=burst).run()


def warm() -> None:
    """Import and read what every job needs, and make the model's client do the work of its first request.

    Forked jobs then start with all of that; `dayhand bench agent` measures what is left.
    """
    importlib.import_module("dayhand.worker.job")
    importlib.import_module("_strptime")
    nowhere = httpx2.MockTransport(lambda _request: httpx2.Response(200, json={}))
    ModelClient(verify=model_certificates()).close()
    with (
        ModelClient("http://127.0.0.1", transport=nowhere) as client,
        client.post("/responses", {}, read_seconds=1) as answer,
    ):
        answer.read()
    gc.collect()
    gc.freeze()


class WorkerPool:
    """The parent of the workers. It also wakes tasks that nobody holds."""

    def __init__(self, count: int, redis_url: str, *, burst: bool = False) -> None:
        self.count = count
        self.redis_url = redis_url
        self.burst = burst
        self.workers: dict[int, tuple[str, float]] = {}  # by process id: the name, and when it was forked
        self.dead: set[str] = set()  # names of workers whose tasks must be freed
        self.asked_to_stop = False

    def run(self) -> None:
        """Replace workers that die, and wake abandoned tasks, until asked to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        # Clients that fail fast: a SIGTERM or a dead worker is noticed even while Redis does not answer.
        ledger = Ledger(connect(self.redis_url, quick=True))
        raw = connect_raw(self.redis_url, quick=True)
        for _ in range(self.count):
            self._fork()
        next_round = 0.0
        try:
            while not self.asked_to_stop and (self.workers or not self.burst):
                self._replace_the_dead()
                if time.monotonic() >= next_round:
                    next_round = time.monotonic() + JANITOR_SECONDS
                    self._look_after(ledger, raw)
                time.sleep(LOOK_SECONDS)
        finally:
            self._end_all()
            self._look_after(ledger, raw)

    def _look_after(self, ledger: Ledger, raw: Redis) -> None:
        """Free the tasks of dead workers and wake abandoned ones; if Redis does not answer, in the next round."""
        try:
            for name in list(self.dead):
                ledger.drop(name)
                self.dead.discard(name)
            wake_abandoned(ledger, raw)
        except RedisError as error:
            print(f"dayhand: Redis does not answer ({error}); the workers wait for it.", file=sys.stderr)

    def _fork(self) -> None:
        name, parent = f"worker-{secrets.token_hex(6)}", os.getpid()
        pid = os.fork()
        if pid:
            self.workers[pid] = (name, time.monotonic())
            return
        code = 1
        try:
            die_with_parent()
            if os.getppid() != parent:
                os._exit(1)  # the parent died before the call above
            os.setsid()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            self._work(name)
            code = 0
        finally:
            if code:
                traceback.print_exc()
            sys.stderr.flush()
            os._exit(code)

    def _work(self, name: str) -> None:
        """Run RQ's worker, in the child process."""
        logging.getLogger("rq.worker").setLevel(logging.WARNING)

        def free(*_how: object) -> None:
            """The job was killed: free its task, so that it is woken at once."""
            Ledger(connect(self.redis_url)).drop(name)

        jobs = queue(connect_raw(self.redis_url))
        worker = TaskWorker(
            [jobs],
            name=name,
            connection=jobs.connection,
            serializer=JSONSerializer,
            job_class=AllowedJob,
            worker_ttl=SILENT_SECONDS,
            job_monitoring_interval=BEAT_SECONDS,
            work_horse_killed_handler=free,
        )
        worker.work(burst=self.burst, logging_level="WARNING")

    def _replace_the_dead(self) -> None:
        for pid in list(self.workers):
            gone, _status = os.waitpid(pid, os.WNOHANG)
            if gone:
                name, since = self.workers.pop(pid)
                self.dead.add(name)
                lived = time.monotonic() - since
                if not self.burst:
                    time.sleep(
                        RESPAWN_SECONDS if lived < RESPAWN_SECONDS else 0
                    )  # a worker that cannot start
                    self._fork()

    def _end_all(self) -> None:
        for pid in self.workers:
            os.kill(pid, signal.SIGKILL)
        for pid, (name, _since) in self.workers.items():
            os.waitpid(pid, 0)
            self.dead.add(name)
        self.workers.clear()

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.asked_to_stop = True


def wake_abandoned(ledger: Ledger, raw: Redis) -> None:
    """Enqueue the tasks without a holder and without a job: their worker, or their web process, died.

    Threads whose task ended before it read everything that was said get their next task first.
    """
    ledger.threads.open_from_mailboxes()
    if abandoned := ledger.abandoned():
        queued = waiting(raw)
        for task_id in abandoned:
            if task_id not in queued:
                enqueue(raw, task_id)
