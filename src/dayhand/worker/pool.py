"""A pool of RQ workers on one machine: forked from one parent, and replaced when they die."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import FrameType

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from dayhand.child_process import die_with_parent, tell_ready
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.redis_server import connect, connect_raw
from dayhand.process_log.fields import LOGGER
from dayhand.worker.deaths import count_memory_kills, crashed

JANITOR_SECONDS = 1.0
LOOK_SECONDS = 0.2
STOP_LOOK_SECONDS = 0.05
RESPAWN_SECONDS = 1.0
BEAT_SECONDS = 10
SILENT_SECONDS = 30  # RQ considers a worker dead that has been silent for so long


@dataclass(frozen=True, slots=True)
class Work:
    """What the workers of a pool do."""

    queue: Callable[[Redis], Queue]  # the one that they take from
    worker: Callable[..., Worker | SimpleWorker]
    free: Callable[
        [TextRedis, str, bool], None
    ]  # what a worker of this name held that crashed, or was stopped
    wake: Callable[[TextRedis, Redis], None]  # what waits and has no job
    name: Callable[[str], None] = lambda _name: None  # notes the name of a worker before it is forked
    orphaned: Callable[[], Iterable[tuple[str, bool]]] = tuple  # workers whose pool was killed: see ``free``


class WorkerPool:
    """The parent of the workers. It also wakes what nobody holds."""

    def __init__(
        self, work: Work, count: int, redis_url: str, *, burst: bool = False, stop_seconds: float = 0
    ) -> None:
        self.work = work
        self.count = count
        self.redis_url = redis_url
        self.burst = burst
        self.stop_seconds = stop_seconds  # that workers get to finish what they do
        self.memory_kills = count_memory_kills()
        self.workers: dict[int, tuple[str, float]] = {}  # by process id: the name, and when it was forked
        self.dead: dict[str, bool] = {}  # names of workers whose work must be freed, and whether they crashed
        self.asked_to_stop = 0  # times

    def run(self) -> None:
        """Replace workers that die, and wake what nobody holds, until asked to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        # Clients that fail fast: a SIGTERM or a dead worker is noticed even while Redis does not answer.
        redis = connect(self.redis_url, quick=True)
        raw = connect_raw(self.redis_url, quick=True)
        for _ in range(self.count):
            self._fork()
        next_round, ready = 0.0, False
        try:
            while not self.asked_to_stop and (self.workers or not self.burst):
                self._replace_the_dead()
                if time.monotonic() >= next_round:
                    next_round = time.monotonic() + JANITOR_SECONDS
                    self._look_after(redis, raw)
                ready = ready or self._tell_ready(raw)
                time.sleep(LOOK_SECONDS)
        finally:
            self._stop_all()
            self._look_after(redis, raw)

    def _tell_ready(self, raw: Redis) -> bool:
        """Tell who started us once every worker is at its queue; whether they are."""
        names = [f"{Worker.redis_worker_namespace_prefix}{name}" for name, _ in self.workers.values()]
        try:
            ready = raw.exists(*names) == len(names) > 0
        except RedisError:  # which is reported each second
            return False
        if ready:
            tell_ready()
        return ready

    def _look_after(self, redis: TextRedis, raw: Redis) -> None:
        """Free what dead workers held and wake what waits; if Redis does not answer, in the next round."""
        self.dead |= dict(self.work.orphaned())
        try:
            for name, by_itself in list(self.dead.items()):
                self.work.free(redis, name, by_itself)
                del self.dead[name]
            self.work.wake(redis, raw)
        except RedisError as error:
            LOGGER.warning("Redis does not answer (%s); the workers wait for it.", error)

    def _fork(self) -> None:
        name, parent = f"worker-{secrets.token_hex(6)}", os.getpid()
        self.work.name(name)
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
                LOGGER.exception("worker %s ended by itself", name)
            sys.stderr.flush()
            os._exit(code)

    def _work(self, name: str) -> None:
        """Run RQ's worker, in the child process."""
        logging.getLogger("rq.worker").setLevel(logging.WARNING)

        def free(_job: Job, _pid: int, status: int, _usage: object) -> None:
            """The job was killed: free what it held, so that it is woken at once."""
            self.work.free(connect(self.redis_url), name, self._crashed(status))

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
        for lived in self._collect():
            if not self.burst:
                time.sleep(RESPAWN_SECONDS if lived < RESPAWN_SECONDS else 0)  # a worker that cannot start
                self._fork()

    def _crashed(self, status: int) -> bool:
        """Whether a process with this wait status died by itself."""
        before, self.memory_kills = self.memory_kills, count_memory_kills()
        return crashed(status, self.memory_kills - before)

    def _collect(self) -> Iterator[float]:
        """Take note of the workers that have ended; the seconds that each has lived."""
        for pid in list(self.workers):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                name, since = self.workers.pop(pid)
                self.dead[name] = not self.asked_to_stop and self._crashed(status)
                yield time.monotonic() - since

    def _stop_all(self) -> None:
        """Tell all workers to stop; kill those that have not ended in time, or on a second signal."""
        ends = time.monotonic() + self.stop_seconds
        self._signal(signal.SIGTERM)
        while self.workers and self.asked_to_stop < 2 and time.monotonic() < ends:
            time.sleep(STOP_LOOK_SECONDS)
            list(self._collect())
        self._signal(signal.SIGKILL)
        for pid, (name, _since) in self.workers.items():
            os.waitpid(pid, 0)
            self.dead[name] = False
        self.workers.clear()

    def _signal(self, number: signal.Signals) -> None:
        for pid in self.workers:
            os.kill(pid, number)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.asked_to_stop += 1
