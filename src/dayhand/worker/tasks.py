"""``dayhand work``: the workers that make tasks, forked from one parent that is warm."""

from __future__ import annotations

import gc
import importlib
import socket
import time
from contextlib import ExitStack, suppress
from functools import partial

import httpx2
from redis import Redis
from redis.exceptions import RedisError

from dayhand.agent.model.client import ModelClient
from dayhand.errors import SandboxError
from dayhand.hub.auth import load_key
from dayhand.ledger.deliveries import Deliveries
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.queue import alone_queue, enqueue, queue
from dayhand.ledger.redis_server import connect
from dayhand.ledger.spending import record_opening
from dayhand.ledger.waiting.places import note_shortage
from dayhand.ledger.waiting.waiting_tasks import WaitingTasks
from dayhand.settings.required import app_key, open_redis, require_app, require_data
from dayhand.settings.table import Settings
from dayhand.wiring.models import model_certificates
from dayhand.wiring.prices import read_prices
from dayhand.wiring.sandboxes import open_sandbox, open_snapshot_cache
from dayhand.worker.finished import tidy
from dayhand.worker.forgotten import Forgetter
from dayhand.worker.memory_kills import count_memory_kills
from dayhand.worker.pool import Work, WorkerPool
from dayhand.worker.pool_file import find_dead_pools, pool_file
from dayhand.worker.room import find_shortage
from dayhand.worker.task_worker import TaskWorker

# Of one process, which takes 30 MB, and each task 1 or 2. Its crash costs all of them a resume.
TASKS_AT_ONCE = 4
# Of tasks and their commands: what people wait for first is the answer of web, and the dispatchers' reaction.
NICENESS = 5


def work(settings: Settings, *, burst: bool = False) -> None:
    """Run the workers until asked to stop; with ``burst`` until the queue is empty.

    Up to ``TASKS_AT_ONCE`` tasks share a process: most of the time, they wait for the model. If it dies, each of them
    continues in a process of its own, so that the one that ended it cannot take the others along again.

    On SIGTERM and Ctrl-C each job receives the reply that it waits for and hands its task back, which then continues on any
    worker. What takes longer than ``DAYHAND_STOP_SECONDS`` is killed, and on a second signal everything is.
    """
    require_app(settings)
    require_data(settings)
    load_key(app_key(settings))  # fail now, and not in each job
    read_prices(settings)  # likewise
    with ExitStack() as stack:
        redis_url = stack.enter_context(open_redis(settings))
        warm()
        with suppress(SandboxError):  # each task reports it to its person
            open_sandbox(settings)
        redis = connect(redis_url)
        WaitingTasks(Ledger(redis)).limit(settings.max_running)
        shortage = partial(find_shortage, settings.data, settings.min_free_mb)
        pools = settings.data / "pools"
        file = stack.enter_context(pool_file(pools))
        tasks = Work(
            queue,
            lambda at_once: partial(
                TaskWorker,
                at_once=at_once,
                find_shortage=shortage,
                note=partial(_note_shortage, redis),
                deliveries_wait=partial(deliveries_wait, Deliveries(redis)),
            ),
            free=free_tasks,
            wake=partial(
                look_after_tasks,
                kept_bytes=settings.kept_bytes,
                audit_days=settings.audit_days,
                forgetter=open_forgetter(settings),
            ),
            memory_kills=count_memory_kills,
            name=file.add,
            orphaned=partial(find_dead_pools, pools),
            at_once=TASKS_AT_ONCE,
            niceness=NICENESS,
            alone=alone_queue,
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


def deliveries_wait(deliveries: Deliveries) -> bool:
    """Whether a delivery is due that no dispatcher has claimed; False while Redis does not answer."""
    with suppress(RedisError):
        return bool(deliveries.due())
    return False


def _note_shortage(redis: TextRedis, shortage: str) -> None:
    with suppress(RedisError):  # it is noted again soon
        note_shortage(redis, socket.gethostname(), shortage, now=time.time())


def free_tasks(redis: TextRedis, worker: str, crashed: bool) -> None:  # noqa: FBT001 - of one kind of call
    """Free the tasks of a dead worker."""
    Ledger(redis).drop(worker, crashed=crashed)


def look_after_tasks(
    redis: TextRedis, raw: Redis, *, kept_bytes: int, audit_days: int, forgetter: Forgetter
) -> None:
    """What the parent of the workers does each second."""
    wake_abandoned(redis, raw)
    tidy(redis, kept_bytes, audit_days=audit_days)
    forgetter.look(Ledger(redis))


def open_forgetter(settings: Settings) -> Forgetter:
    """What deletes, once an hour, what nobody needs any more on this machine and in Redis."""

    def delete_environments(before: float) -> None:
        with suppress(SandboxError):  # each task reports it to its person
            open_snapshot_cache(settings).delete_unused(before)

    return Forgetter(settings.data, settings.forget_days, delete_environments)


def wake_abandoned(redis: TextRedis, raw: Redis) -> None:
    """Enqueue a job for each task that may start and has none: its worker or its dispatcher died, or a limit held it.

    A job serves any task, so only their number counts; those whose process died get jobs that run alone. Threads whose task ended before it read everything that was said
    get their next task first.
    """
    ledger = Ledger(redis)
    ledger.beat()
    for task_id in ledger.threads.open_from_mailboxes():
        record_opening(ledger, ledger.task(task_id))
    crashed, others = WaitingTasks(ledger).without_job(queue(raw).count)
    for task_id in crashed[: max(0, len(crashed) - alone_queue(raw).count)]:
        enqueue(raw, task_id, alone=True)
    for task_id in others:
        enqueue(raw, task_id)
