"""``dayhand work``: the workers that make tasks, forked from one parent that is warm."""

from __future__ import annotations

import gc
import importlib
import os
from contextlib import suppress

import httpx2
from redis import Redis
from rq import Worker
from rq.job import Job

from dayhand.agent.model.client import ModelClient
from dayhand.child_process import die_with_parent
from dayhand.errors import SandboxError
from dayhand.hub.auth import load_key
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.queue import AllowedJob, enqueue, queue, waiting
from dayhand.ledger.redis_server import at_hand
from dayhand.settings.required import app_key, require_app, require_data
from dayhand.settings.table import Settings
from dayhand.wiring.models import model_certificates
from dayhand.wiring.prices import read_prices
from dayhand.wiring.sandboxes import open_sandbox
from dayhand.worker.pool import SILENT_SECONDS, Work, WorkerPool


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
        WorkerPool(TASKS, settings.concurrency, redis_url, burst=burst).run()


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


def free_tasks(redis: TextRedis, worker: str) -> None:
    """Free the tasks of a dead worker."""
    Ledger(redis).drop(worker)


def wake_abandoned(redis: TextRedis, raw: Redis) -> None:
    """Enqueue the tasks without a holder and without a job: their worker, or their dispatcher, died.

    Threads whose task ended before it read everything that was said get their next task first.
    """
    ledger = Ledger(redis)
    ledger.threads.open_from_mailboxes()
    if abandoned := ledger.abandoned():
        queued = waiting(raw)
        for task_id in abandoned:
            if task_id not in queued:
                enqueue(raw, task_id)


TASKS = Work(queue, TaskWorker, free=free_tasks, wake=wake_abandoned)
