"""An RQ worker that runs several tasks at once, each in a thread of its own.

A task mostly waits: for the model, for a command, for GitHub. In a process of its own it would nevertheless copy 27 MB,
the pages of the warm parent that it counts references in.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.timeouts import TimerDeathPenalty

from dayhand.ledger.queue import AllowedJob, JobQueue
from dayhand.process_log.fields import LOGGER
from dayhand.worker.pool import BEAT_SECONDS, SILENT_SECONDS

SHORTAGE_LOOK_SECONDS = 2.0
GIVE_WAY_SECONDS = 5.0  # at most, to deliveries that wait for a dispatcher on the same processors
GIVE_WAY_LOOK_SECONDS = 0.2
STUCK_SECONDS = 60.0  # after a job's time limit, which it then cannot have noticed
MAX_TASKS = 200  # of one process, which is then replaced: what its memory has lost to fragments is given back


class TaskWorker(SimpleWorker):
    """It takes a task whenever fewer than ``at_once`` run, and none once it is told to stop.

    RQ's own thread for its time limits is used: signals reach only the main thread, which takes the jobs.
    """

    queue_class = JobQueue
    job_class = AllowedJob
    death_penalty_class = TimerDeathPenalty

    def __init__(
        self,
        *args: Any,
        at_once: int,
        find_shortage: Callable[[], str],
        note: Callable[[str], None],
        deliveries_wait: Callable[[], object] = bool,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self._at_once = at_once
        self._find_shortage = find_shortage
        self._note = note  # a shortage, for the people whose tasks wait
        self._deliveries_wait = deliveries_wait
        self._waited_since = 0.0  # for the dispatchers; 0.0: there is nothing to wait for
        self._stopping = threading.Event()
        self._waits = False  # the main thread waits for a job, or for a task's end
        self._running: dict[threading.Thread, tuple[Job, Execution, float]] = {}  # and when it began
        self._ended = threading.Event()  # set by each task that ends
        self._taken = 0
        self._next_beat = 0.0
        self._shortage = ""

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """The next job; None when there will be none. RQ gives no ``timeout`` if it is to end with an empty queue."""
        self._waits = True
        try:
            while not self._stopping.is_set():
                self._beat()
                if self._taken >= MAX_TASKS and not self._running:
                    return None
                if not self._has_room():
                    self._wait_for_an_end(BEAT_SECONDS)
                elif self._gives_way():
                    self._wait_for_an_end(GIVE_WAY_LOOK_SECONDS)
                elif job := super().dequeue_job_and_maintain_ttl(timeout and BEAT_SECONDS, BEAT_SECONDS):
                    self._taken += 1
                    return job
                elif timeout is None:
                    if not self._running:
                        return None
                    self._wait_for_an_end(BEAT_SECONDS)  # it may have put its job back
            return None
        finally:
            self._waits = False

    def execute_job(self, job: Job, queue: Queue) -> None:
        execution = self.prepare_execution(job)
        if isinstance(job, AllowedJob):
            job.stopping = self._stopping
        thread = threading.Thread(
            target=self._perform, args=(job, queue, execution), name=job.id, daemon=True
        )
        self._running[thread] = job, execution, time.monotonic()
        thread.start()

    def _perform(self, job: Job, queue: Queue, execution: Execution) -> None:
        try:
            self.perform_job(job, queue, execution)
        finally:
            del self._running[threading.current_thread()]
            self._ended.set()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Take no more tasks, and let those that run hand themselves back: they look at the event."""
        signal.signal(signum, signal.SIG_IGN)
        self._stopping.set()
        if self._waits:
            self._waits = False
            raise StopRequested

    def teardown(self) -> None:
        """Wait for the tasks; the pool kills a worker that takes too long."""
        while self._running:
            self._beat()
            self._wait_for_an_end(BEAT_SECONDS)
        super().teardown()  # type: ignore[no-untyped-call]

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        """RQ would add a minute to the heartbeat, and count a dead job as running for that long."""
        return SILENT_SECONDS

    def _has_room(self) -> bool:
        """Whether a task can be taken: on a machine with too little disk or memory, others may take it."""
        if self._taken >= MAX_TASKS or len(self._running) >= self._at_once:
            return False
        while shortage := self._find_shortage():
            self._note(shortage)
            if shortage != self._shortage:
                LOGGER.warning("%s No task is taken until there is more.", shortage)
            self._shortage = shortage
            self._wait_for_an_end(SHORTAGE_LOOK_SECONDS)
            self._beat()
        self._shortage = ""
        return True

    def _gives_way(self) -> bool:
        """Whether to take no task yet: what people wait for first is the reaction, so many labels at once are handled first."""
        if not self._deliveries_wait():
            self._waited_since = 0.0
            return False
        self._waited_since = self._waited_since or time.monotonic()
        return time.monotonic() - self._waited_since < GIVE_WAY_SECONDS

    def _wait_for_an_end(self, seconds: float) -> None:
        """Wait until a task ends, or so many seconds."""
        self._ended.wait(seconds)
        self._ended.clear()

    def _beat(self) -> None:
        """Tell RQ that we and the jobs live; end this process if a job is stuck, so that the others go on elsewhere."""
        if time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + BEAT_SECONDS
        with suppress(RedisError):
            self.heartbeat()
        for job, execution, began in list(self._running.values()):
            if time.monotonic() - began > (job.timeout or 0) + STUCK_SECONDS:
                LOGGER.error("job %s does not end, so its worker does", job.id)
                os._exit(1)
            with suppress(RedisError):
                self.maintain_heartbeats(job, execution)
