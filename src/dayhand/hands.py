"""The workers of one machine: forked warm from one parent, replaced when they die, none left behind."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import signal
import sys
import time
import traceback
from types import FrameType

from redis import Redis
from redis.exceptions import RedisError
from rq import Worker
from rq.serializers import JSONSerializer

from dayhand.ledger.ledger import Ledger
from dayhand.ledger.queue import AllowedJob, enqueue, has_job, queue
from dayhand.ledger.server import at_hand, connect, connect_raw
from dayhand.processes import die_with_parent
from dayhand.settings import Settings, require_app

JANITOR_SECONDS = 3.0
LOOK_SECONDS = 0.2
RESPAWN_SECONDS = 1.0


class Hand(Worker):
    """An RQ worker that dies with its parent, and whose running job dies with it.

    RQ alone would let an orphaned job go on beside its retry.
    """

    job_class = AllowedJob

    def setup_work_horse_signals(self) -> None:
        die_with_parent()
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]


def work(settings: Settings, *, burst: bool = False) -> None:
    """Run the workers until asked to stop; with ``burst`` until the queue is empty.

    SIGTERM and Ctrl-C end everything at once: a task that is cut off goes on at its last turn, on any worker.
    """
    require_app(settings)
    with at_hand(settings.redis_url, settings.data) as redis_url:
        warm()
        Crew(settings.concurrency, redis_url, burst=burst).run()


def warm() -> None:
    """Import now what every job needs: each forked worker then has it for nothing."""
    importlib.import_module("dayhand.worker")
    gc.freeze()


class Crew:
    """The parent of the workers, and the janitor of their queue."""

    def __init__(self, count: int, redis_url: str, *, burst: bool = False) -> None:
        self.count = count
        self.redis_url = redis_url
        self.burst = burst
        self.hands: dict[int, float] = {}  # pid -> when it was forked
        self.asked_to_stop = False

    def run(self) -> None:
        """Keep the workers alive and the queue complete."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        ledger = Ledger(connect(self.redis_url))
        raw = connect_raw(self.redis_url)
        for _ in range(self.count):
            self._fork()
        next_round = 0.0
        try:
            while not self.asked_to_stop and (self.hands or not self.burst):
                self._replace_the_dead()
                if time.monotonic() >= next_round:
                    next_round = time.monotonic() + JANITOR_SECONDS
                    wake_abandoned(ledger, raw)
                time.sleep(LOOK_SECONDS)
        finally:
            self._end_all()

    def _fork(self) -> None:
        pid = os.fork()
        if pid:
            self.hands[pid] = time.monotonic()
            return
        code = 1
        try:
            die_with_parent()
            os.setsid()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            self._work()
            code = 0
        finally:
            if code:
                traceback.print_exc()
            sys.stderr.flush()
            os._exit(code)

    def _work(self) -> None:
        """In the child: work until told to stop."""
        logging.getLogger("rq.worker").setLevel(logging.WARNING)
        there = queue(connect_raw(self.redis_url))
        hand = Hand(
            [there],
            connection=there.connection,
            serializer=JSONSerializer,
            job_class=AllowedJob,
            default_worker_ttl=30,
            job_monitoring_interval=10,
        )
        hand.work(burst=self.burst, logging_level="WARNING")

    def _replace_the_dead(self) -> None:
        for pid in list(self.hands):
            gone, _status = os.waitpid(pid, os.WNOHANG)
            if gone:
                lived = time.monotonic() - self.hands.pop(pid)
                if not self.burst:
                    time.sleep(
                        RESPAWN_SECONDS if lived < RESPAWN_SECONDS else 0
                    )  # a worker that cannot start
                    self._fork()

    def _end_all(self) -> None:
        for pid in self.hands:
            os.kill(pid, signal.SIGKILL)
        for pid in self.hands:
            os.waitpid(pid, 0)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.asked_to_stop = True


def wake_abandoned(ledger: Ledger, raw: Redis) -> None:
    """Enqueue the tasks that nobody holds and that no job waits for: their worker, or their web process, died."""
    try:
        for task_id in ledger.abandoned():
            if not has_job(raw, task_id):
                enqueue(raw, task_id)
    except RedisError as error:
        print(f"dayhand: Redis does not answer ({error}); the workers wait for it.", file=sys.stderr)
