"""A pool of RQ workers on one machine: forked from one parent, and replaced when they die."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker, Worker
from rq.serializers import JSONSerializer

from dayhand.child_process import die_with_parent
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.redis_server import connect, connect_raw

JANITOR_SECONDS = 1.0
LOOK_SECONDS = 0.2
RESPAWN_SECONDS = 1.0
BEAT_SECONDS = 10
SILENT_SECONDS = 30  # RQ considers a worker dead that has been silent for so long


@dataclass(frozen=True, slots=True)
class Work:
    """What the workers of a pool do."""

    queue: Callable[[Redis], Queue]  # the one that they take from
    worker: type[Worker | SimpleWorker]
    free: Callable[[TextRedis, str], None]  # what a dead worker of this name held
    wake: Callable[[TextRedis, Redis], None]  # what waits and has no job


class WorkerPool:
    """The parent of the workers. It also wakes what nobody holds."""

    def __init__(self, work: Work, count: int, redis_url: str, *, burst: bool = False) -> None:
        self.work = work
        self.count = count
        self.redis_url = redis_url
        self.burst = burst
        self.workers: dict[int, tuple[str, float]] = {}  # by process id: the name, and when it was forked
        self.dead: set[str] = set()  # names of workers whose work must be freed
        self.asked_to_stop = False

    def run(self) -> None:
        """Replace workers that die, and wake what nobody holds, until asked to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        # Clients that fail fast: a SIGTERM or a dead worker is noticed even while Redis does not answer.
        redis = connect(self.redis_url, quick=True)
        raw = connect_raw(self.redis_url, quick=True)
        for _ in range(self.count):
            self._fork()
        next_round = 0.0
        try:
            while not self.asked_to_stop and (self.workers or not self.burst):
                self._replace_the_dead()
                if time.monotonic() >= next_round:
                    next_round = time.monotonic() + JANITOR_SECONDS
                    self._look_after(redis, raw)
                time.sleep(LOOK_SECONDS)
        finally:
            self._end_all()
            self._look_after(redis, raw)

    def _look_after(self, redis: TextRedis, raw: Redis) -> None:
        """Free what dead workers held and wake what waits; if Redis does not answer, in the next round."""
        try:
            for name in list(self.dead):
                self.work.free(redis, name)
                self.dead.discard(name)
            self.work.wake(redis, raw)
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
            """The job was killed: free what it held, so that it is woken at once."""
            self.work.free(connect(self.redis_url), name)

        jobs = self.work.queue(connect_raw(self.redis_url))
        worker = self.work.worker(
            [jobs],
            name=name,
            connection=jobs.connection,
            serializer=JSONSerializer,
            job_class=jobs.job_class,
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
