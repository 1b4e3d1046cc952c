"""``dayhand work``: the workers that make tasks, forked from one parent that is warm."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

import httpx2
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.job import Job

from dayhand.agent.model.client import ModelClient
from dayhand.child_process import die_with_parent
from dayhand.errors import SandboxError
from dayhand.hub.auth import load_key
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.queue import AllowedJob, enqueue, queue
from dayhand.ledger.redis_server import at_hand, connect
from dayhand.ledger.spending import record_opening
from dayhand.ledger.waiting.places import note_shortage
from dayhand.ledger.waiting.waiting_tasks import WaitingTasks
from dayhand.process_log.fields import LOGGER
from dayhand.settings.required import app_key, require_app, require_data, require_no_eviction
from dayhand.settings.table import Settings
from dayhand.wiring.models import model_certificates
from dayhand.wiring.prices import read_prices
from dayhand.wiring.sandboxes import open_sandbox
from dayhand.worker.finished import tidy
from dayhand.worker.pool import SILENT_SECONDS, Work, WorkerPool
from dayhand.worker.pool_file import find_dead_pools, pool_file
from dayhand.worker.room import find_shortage

SHORTAGE_LOOK_SECONDS = 2.0


class TaskWorker(Worker):
    """An RQ worker that dies with its parent, and takes its running job with it.

    With RQ alone, an orphaned job would run in parallel to its retry.
    """

    job_class = AllowedJob

    def __init__(
        self, *args: Any, find_shortage: Callable[[], str], note: Callable[[str], None], **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._find_shortage = find_shortage
        self._note = note  # for the people whose tasks wait

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Take no task while there is too little disk or memory for it; other machines may take it."""
        said = ""
        while shortage := self._find_shortage():
            if shortage != said:
                LOGGER.warning("%s No task is taken until there is more.", shortage)
            said = shortage
            self._note(shortage)
            self.heartbeat()
            time.sleep(SHORTAGE_LOOK_SECONDS)
        return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)

    def setup_work_horse_signals(self) -> None:
        die_with_parent()
        if os.getppid() != self.pid:
            os._exit(1)  # the parent died before the call above
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # until the job itself listens to it

    def handle_warm_shutdown_request(self) -> None:
        """Pass on to the job that this worker is told to stop, so that it hands its task back."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        if self.horse_pid:
            with suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        """RQ would add a minute to the heartbeat, and count a dead job as running for that long."""
        return SILENT_SECONDS


def work(settings: Settings, *, burst: bool = False) -> None:
    """Run the workers until asked to stop; with ``burst`` until the queue is empty.

    On SIGTERM and Ctrl-C each job receives the reply that it waits for and hands its task back, which then continues on any
    worker. What takes longer than ``DAYHAND_STOP_SECONDS`` is killed, and on a second signal everything is.
    """
    require_app(settings)
    require_data(settings)
    load_key(app_key(settings))  # fail now, and not in each job
    read_prices(settings)  # likewise
    with ExitStack() as stack:
        redis_url = stack.enter_context(at_hand(settings.redis_url, settings.data))
        warm()
        with suppress(SandboxError):  # each task reports it to its person
            open_sandbox(settings)
        require_no_eviction(redis_url)
        redis = connect(redis_url)
        WaitingTasks(Ledger(redis)).limit(settings.max_running)
        shortage = partial(find_shortage, settings.data, settings.min_free_mb)
        pools = settings.data / "pools"
        file = stack.enter_context(pool_file(pools))
        tasks = Work(
            queue,
            partial(TaskWorker, find_shortage=shortage, note=partial(_note_shortage, redis)),
            free=free_tasks,
            wake=partial(look_after_tasks, kept_bytes=settings.kept_bytes, audit_days=settings.audit_days),
            name=file.add,
            orphaned=partial(find_dead_pools, pools),
        )
        WorkerPool(
            tasks, settings.concurrency, redis_url, burst=burst, stop_seconds=settings.stop_seconds
        ).run()


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


def _note_shortage(redis: TextRedis, shortage: str) -> None:
    with suppress(RedisError):  # it is noted again soon
        note_shortage(redis, socket.gethostname(), shortage, now=time.time())


def free_tasks(redis: TextRedis, worker: str, crashed: bool) -> None:  # noqa: FBT001 - of one kind of call
    """Free the tasks of a dead worker."""
    Ledger(redis).drop(worker, crashed=crashed)


def look_after_tasks(redis: TextRedis, raw: Redis, *, kept_bytes: int, audit_days: int) -> None:
    """What the parent of the workers does each second."""
    wake_abandoned(redis, raw)
    tidy(redis, kept_bytes, audit_days=audit_days)


def wake_abandoned(redis: TextRedis, raw: Redis) -> None:
    """Enqueue a job for each task that may start and has none: its worker or its dispatcher died, or a limit held it.

    A job serves any task, so only their number counts. Threads whose task ended before it read everything that was said
    get their next task first.
    """
    ledger = Ledger(redis)
    ledger.beat()
    for task_id in ledger.threads.open_from_mailboxes():
        record_opening(ledger, ledger.task(task_id))
    if abandoned := ledger.abandoned():
        missing = WaitingTasks(ledger).startable() - queue(raw).count
        for task_id in abandoned[: max(0, missing)]:
            enqueue(raw, task_id)
