"""A pool of RQ workers on one machine: forked from one parent, and replaced when they die."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import FrameType

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from dayhand.child_process import die_with_parent, tell_ready
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.redis_server import connect, connect_raw
from dayhand.process_log.fields import LOGGER
from dayhand.startup.records import dataclass

JANITOR_SECONDS = 1.0
LOOK_SECONDS = 0.2
STOP_LOOK_SECONDS = 0.05
RESPAWN_SECONDS = 1.0
BEAT_SECONDS = 10
SILENT_SECONDS = 30  # RQ considers a worker dead that has been silent for so long
FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Work:
    """What the workers of a pool do."""

    queue: Callable[[Redis], Queue]  # the one that they take from
    worker: Callable[[int], Callable[..., SimpleWorker]]  # one that runs so many jobs at once
    free: Callable[
        [TextRedis, str, bool], None
    ]  # what a worker of this name held that crashed, or was stopped
    wake: Callable[[TextRedis, Redis], None]  # what waits and has no job
    memory_kills: Callable[[], int] = int  # processes that the kernel has killed for lack of memory
    name: Callable[[str], None] = lambda _name: None  # notes the name of a worker before it is forked
    orphaned: Callable[[], Iterable[tuple[str, bool]]] = tuple  # workers whose pool was killed: see ``free``
    at_once: int = 1  # jobs of one worker, each in a thread
    niceness: int = 0  # of the workers and what they start: see nice(2)
    alone: Callable[[Redis], Queue] | None = None  # the queue of jobs that get a worker of their own each


@dataclass(frozen=True, slots=True)
class ForkedWorker:
    """A worker of the pool."""

    name: str
    since: float  # when it was forked
    jobs: int  # that it runs at once
    alone: bool  # it was forked for one job, and ends with it


class WorkerPool:
    """The parent of the workers. It also wakes what nobody holds."""

    def __init__(
        self, work: Work, jobs: int, redis_url: str, *, burst: bool = False, stop_seconds: float = 0
    ) -> None:
        """``jobs``: how many run at once in all workers, besides those that run alone."""
        self.work = work
        self.jobs = jobs
        self.redis_url = redis_url
        self.burst = burst
        self.stop_seconds = stop_seconds  # that workers get to finish what they do
        self.memory_kills = work.memory_kills()
        self.workers: dict[int, ForkedWorker] = {}  # by process id
        self.dead: dict[str, bool] = {}  # names of workers whose work must be freed, and whether they crashed
        self.asked_to_stop = 0  # times

    def run(self) -> None:
        """Replace workers that die, and wake what nobody holds, until asked to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        # Clients that fail fast: a SIGTERM or a dead worker is noticed even while Redis does not answer.
        redis = connect(self.redis_url, quick=True)
        raw = connect_raw(self.redis_url, quick=True)
        self._fill()
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
        names = [f"{SimpleWorker.redis_worker_namespace_prefix}{one.name}" for one in self.workers.values()]
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
            if self.work.alone and not self.asked_to_stop:
                self._fork_alone(len(self.work.alone(raw)))
        except RedisError as error:
            LOGGER.warning("Redis does not answer (%s); the workers wait for it.", error)

    def _fill(self) -> None:
        """Fork workers until together they run as many jobs as they should."""
        while left := self.jobs - sum(one.jobs for one in self.workers.values() if not one.alone):
            self._fork(min(left, self.work.at_once), alone=False)

    def _fork_alone(self, waiting: int) -> None:
        """Fork a worker for each job that must not share one. One that finds no job ends at once."""
        running = sum(one.alone for one in self.workers.values())
        for _ in range(min(waiting, self.jobs - running)):
            self._fork(1, alone=True)

    def _fork(self, jobs: int, *, alone: bool) -> None:
        name, parent = f"worker-{secrets.token_hex(6)}", os.getpid()
        self.work.name(name)
        pid = os.fork()
        if pid:
            self.workers[pid] = ForkedWorker(name, time.monotonic(), jobs, alone)
            return
        code = 1
        try:
            die_with_parent()
            if os.getppid() != parent:
                os._exit(1)  # the parent died before the call above
            os.setsid()
            os.nice(self.work.niceness)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            self._work(name, jobs, alone=alone)
            code = 0
        finally:
            if code:
                LOGGER.exception("worker %s ended by itself", name)
            sys.stderr.flush()
            os._exit(code)

    def _work(self, name: str, at_once: int, *, alone: bool) -> None:
        """Run RQ's worker, in the child process."""
        logging.getLogger("rq.worker").setLevel(logging.WARNING)
        open_queue = self.work.alone if alone and self.work.alone else self.work.queue
        jobs = open_queue(connect_raw(self.redis_url))
        worker = self.work.worker(at_once)(
            [jobs],
            name=name,
            connection=jobs.connection,
            serializer=JSONSerializer,
            job_class=jobs.job_class,
            worker_ttl=SILENT_SECONDS,
            job_monitoring_interval=BEAT_SECONDS,
        )
        worker.work(burst=self.burst or alone, logging_level="WARNING")

    def _replace_the_dead(self) -> None:
        for worker in self._collect():
            if not worker.alone and time.monotonic() - worker.since < RESPAWN_SECONDS:
                time.sleep(RESPAWN_SECONDS)  # a worker that cannot start
        if not self.burst:
            self._fill()

    def _crashed(self, status: int) -> bool:
        """Whether a process with this wait status died by itself."""
        before, self.memory_kills = self.memory_kills, self.work.memory_kills()
        return crashed(status, self.memory_kills - before)

    def _collect(self) -> Iterator[ForkedWorker]:
        """Take note of the workers that have ended."""
        for pid in list(self.workers):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                worker = self.workers.pop(pid)
                self.dead[worker.name] = not self.asked_to_stop and self._crashed(status)
                yield worker

    def _stop_all(self) -> None:
        """Tell all workers to stop; kill those that have not ended in time, or on a second signal."""
        ends = time.monotonic() + self.stop_seconds
        self._signal(signal.SIGTERM)
        while self.workers and self.asked_to_stop < 2 and time.monotonic() < ends:
            time.sleep(STOP_LOOK_SECONDS)
            list(self._collect())
        self._signal(signal.SIGKILL)
        for pid, worker in self.workers.items():
            os.waitpid(pid, 0)
            self.dead[worker.name] = False
        self.workers.clear()

    def _signal(self, number: signal.Signals) -> None:
        for pid in self.workers:
            os.kill(pid, number)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.asked_to_stop += 1


def crashed(status: int, memory_kills: int) -> bool:
    """Whether a process with this wait status died by itself; ``memory_kills`` were counted since it began.

    A task that crashes its workers is given up after some attempts; one whose workers somebody else kills goes on for ever.
    The kernel kills with SIGKILL, too, where memory is used up.
    """
    from_outside = os.WIFSIGNALED(status) and os.WTERMSIG(status) in FROM_OUTSIDE
    return not from_outside or memory_kills > 0
