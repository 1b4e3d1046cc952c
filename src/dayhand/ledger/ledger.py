"""Tasks in Redis: opened once, held by one worker at a time, finished once."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Any, TypeVar

from redis.commands.core import Script
from redis.exceptions import RedisError, ResponseError

from dayhand.errors import LeaseLost, LedgerError, NewerRecord
from dayhand.ledger import keys, scripts, states
from dayhand.ledger.codec import decode_outcome, decode_state, decode_task, encode_outcome, encode_task
from dayhand.ledger.facts import Fact
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.thread import MAX_MESSAGES, Message, Threads
from dayhand.ledger.waiting.turns import encode_turn
from dayhand.startup.records import dataclass
from dayhand.task import Ending, State, Task

T = TypeVar("T")
LEASE_SECONDS = 15.0
RENEW_SECONDS = 4.0
GONE = "Finished tasks are deleted after 90 days."


@dataclass(frozen=True, slots=True)
class Opened:
    """The task that a request opened, or the unfinished one of the same thread that it found."""

    task_id: str
    fresh: bool  # False: it existed already
    posted: bool = False  # the request is now a message for that task
    full: bool = False  # too many messages wait for that task, so the request was not kept


class StopResult(StrEnum):
    """What a request to stop a task found."""

    OVER = "over"
    NEVER_BEGUN = "never begun"  # no worker had claimed it: it is stopped now
    ASKED = "asked"  # its worker stops it within seconds, and says so


@dataclass(frozen=True, slots=True)
class StageTime:
    """When a stage began and ended, in seconds since the epoch."""

    stage: str
    started: float
    ended: float | None


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that the ledger knows about a task."""

    task: Task
    state: State
    stage: str
    stages: tuple[StageTime, ...]
    facts: Mapping[str, str]  # as they stand in Redis; read one by ``fact``
    reason: str
    updated_at: float
    outcome: Ending | None

    def fact(self, fact: Fact[T]) -> T | None:
        """One fact's value. Raises ``LedgerError`` if it cannot be read."""
        return fact.find(self.facts)


class Ledger:
    """The tasks in one Redis. ``clock`` gives seconds since the epoch; leases use Redis's own clock."""

    def __init__(
        self,
        redis: TextRedis,
        *,
        clock: Callable[[], float] = time.time,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self.redis = redis
        self.clock = clock
        self.lease_seconds = lease_seconds
        self._open = redis.register_script(scripts.OPEN)
        self._claim = redis.register_script(scripts.CLAIM)
        self._beat = redis.register_script(scripts.BEAT)
        self._drop = redis.register_script(scripts.DROP)
        self._write = redis.register_script(scripts.WRITE)
        self._finish = redis.register_script(scripts.FINISH)
        self._stop = redis.register_script(scripts.STOP)
        self.threads = Threads(redis, clock)

    def open(self, task: Task, *, delivery: str, thread: str, message: Message | None = None) -> Opened:
        """Record a task as queued, unless its thread has an unfinished one: then ``message`` is kept for that one.

        ``thread``: see ``Threads.find_key``. A delivery that was seen before changes nothing.
        """
        script_keys = [
            keys.delivery(delivery),
            keys.thread(thread),
            keys.mailbox(thread),
            keys.record(task.id),
            keys.TASKS,
            keys.UNFINISHED,
            keys.UNREAD,
        ]
        args = [task.id, encode_task(task), self.clock(), keys.DELIVERY_SECONDS, keys.KEPT_SECONDS, thread]
        args += [encode_turn(task)]
        args += [message.id, message.encode(), MAX_MESSAGES] if message else ["", "", 0]
        task_id, result = self._open(keys=script_keys, args=args)
        return Opened(task_id, fresh=result == "fresh", posted=result == "posted", full=result == "full")

    def task(self, task_id: str) -> Task:
        """The task as it was opened. Raises ``LedgerError`` if there is no such task, or if it cannot be read."""
        text = self.redis.hget(keys.record(task_id), "task")
        if text is None:
            raise LedgerError(f"There is no task {task_id}.", advice=GONE)
        return decode_task(text)

    def record(self, task_id: str) -> Record:
        """Everything about a task. Raises ``LedgerError`` if there is no such task, or if it cannot be read."""
        for found in self._fields([task_id]):
            return _record(*found)
        raise LedgerError(f"There is no task {task_id}.", advice=GONE)

    def recent(self, limit: int = 100) -> list[Record]:
        """The newest tasks first, all if ``limit`` is 0, without those that only a newer version can read."""
        return self._records(self.redis.zrevrange(keys.TASKS, 0, limit - 1))

    def ended(self) -> dict[str, int]:
        """The number of tasks that ended in each state, since this Redis was set up."""
        return {state: int(count) for state, count in self.redis.hgetall(keys.ENDED).items()}

    def claim(self, task_id: str, worker: str) -> Claim | None:
        """Claim this unfinished task if no worker holds it; None if one does or may come back, or if the task is over."""
        token = secrets.token_hex(16)
        script_keys = [keys.record(task_id), keys.lease(task_id), keys.BEAT, keys.AFTER_OUTAGE, keys.HELD]
        args = [token, int(self.lease_seconds * 1000), self.clock(), worker, *states.before(State.RUNNING)]
        counts = self._claim(keys=script_keys, args=args)
        return Claim(self, task_id, token, *counts) if counts else None

    def beat(self) -> None:
        """Note that Redis answers. If nobody could for a while, the holders of leases get one more period to come back."""
        beat_keys = [keys.BEAT, keys.AFTER_OUTAGE, keys.UNFINISHED, keys.INBOX]
        self._beat(keys=beat_keys, args=[int(self.lease_seconds * 1000), keys.lease("")])

    def drop(self, worker: str, *, crashed: bool = True) -> list[str]:
        """Free the tasks of a worker that is known to be dead, without waiting for its leases to expire.

        Unless it ``crashed``, because it was stopped, this does not count among a task's attempts.
        """
        return sorted(self._drop(args=[worker, int(crashed), keys.record(""), keys.lease("")]))

    def finish(self, claim: Claim, state: State, *, reason: str = "", outcome: Ending | None = None) -> None:
        """End a task. Raises ``LeaseLost``, or ``LedgerError`` if the state is not final."""
        states.check(State.RUNNING, state)
        if state in states.UNFINISHED:
            raise LedgerError(f"A task cannot end as {state}.")
        text = encode_outcome(outcome) if outcome else ""
        args = [claim.token, *self._finish_args(claim.task_id, state, reason), text]
        fenced(self._finish, _task_keys(claim.task_id), args)

    def ask_to_stop(self, task_id: str, who: str) -> StopResult:
        """Stop a task that no worker has begun, or ask its worker to stop it, which it does during any command.

        What was said before the stop is not read any more; what is said afterwards starts the thread's next task.
        """
        end = [*self._finish_args(task_id, State.STOPPED, f"{who} stopped this task."), ""]
        args = [keys.UNREAD, keys.mailbox(""), who, keys.DELIVERY_SECONDS, *end]
        return StopResult(self._stop(keys=_task_keys(task_id), args=args))

    def _finish_args(self, task_id: str, state: State, reason: str) -> list[Any]:
        return [keys.thread(""), self.clock(), keys.KEPT_SECONDS, task_id, state, reason]

    def facts(self, task_id: str) -> TaskFacts:
        """The facts of a task for a process that has no claim on it."""
        return TaskFacts(self.redis, task_id)

    def note_stage(self, claim: Claim, fields: Mapping[str, str | float]) -> None:
        """Record the stage and its times. Raises ``LeaseLost``."""
        pairs = [part for pair in fields.items() for part in pair]
        record = keys.record(claim.task_id)
        fenced(self._write, [record, record], [claim.token, *pairs, "updated", self.clock()])

    def _records(self, ids: Sequence[str]) -> list[Record]:
        """The records that still exist and that this version can read."""
        records = []
        for found in self._fields(ids):
            with suppress(NewerRecord):
                records.append(_record(*found))
        return records

    def _fields(self, ids: Sequence[str]) -> list[Any]:
        """The record and the facts of each task that still exists, in one round trip."""
        with self.redis.pipeline(transaction=False) as pipe:
            for task_id in ids:
                pipe.hgetall(keys.record(task_id)).hgetall(keys.facts(task_id))
            found = iter(pipe.execute())
        return [pair for pair in zip(found, found, strict=True) if pair[0]]


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """The facts of one task. With a claim's token, a write raises ``LeaseLost`` once the claim is over."""

    redis: TextRedis
    task_id: str
    token: str | None = None

    def get(self, fact: Fact[T]) -> T | None:
        """The fact's value; None if it was never written. Raises ``LedgerError`` if it cannot be read."""
        names = [name for name in (fact.name, fact.old_name) if name]
        values = zip(names, self.redis.hmget(keys.facts(self.task_id), names), strict=True)
        return fact.find({name: value for name, value in values if value is not None})

    def put(self, fact: Fact[T], value: T) -> None:
        text, facts = fact.encode(value), keys.facts(self.task_id)
        if self.token is None:
            self.redis.hset(facts, fact.name, text)
            return
        script = self.redis.register_script(scripts.WRITE)
        fenced(script, [keys.record(self.task_id), facts], [self.token, fact.name, text])


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a task, until another worker claims it."""

    ledger: Ledger
    task_id: str
    token: str
    attempt: int = 1  # claims since the task last made progress, including this one
    delays: int = 0  # how often it was postponed since then

    @property
    def facts(self) -> TaskFacts:
        return TaskFacts(self.ledger.redis, self.task_id, self.token)

    def renew(self) -> None:
        """Extend the lease. Raises ``LeaseLost`` if another worker has the task, or if it is over."""
        self._run(scripts.RENEW, int(self.ledger.lease_seconds * 1000))

    def check(self) -> None:
        """Raise ``LeaseLost`` unless the task is ours for the next seconds. Call it before anything irreversible."""
        self.renew()

    def free_thread(self) -> None:
        """Let the thread open a new task from now on, although this one is unfinished. Raises ``LeaseLost``."""
        script = self.ledger.redis.register_script(scripts.FREE_THREAD)
        fenced(script, [keys.record(self.task_id)], [self.token, keys.thread(""), self.task_id])

    def note_pull(self, number: int, branch: str) -> None:
        """Keep which pull request the thread has: what is asked there belongs to this thread. Raises ``LeaseLost``."""
        script = self.ledger.redis.register_script(scripts.NOTE_PULL)
        args = [self.token, keys.thread(""), keys.thread_of(""), keys.KEPT_SECONDS, number]
        fenced(script, [keys.record(self.task_id)], [*args, "pull", number, "branch", branch])

    def release(self, *, again_in: float = 0, reason: str = "") -> None:
        """Put the task back into the queue; it may be claimed in ``again_in`` seconds. Raises ``LeaseLost``."""
        self._run(scripts.RELEASE, self.ledger.clock(), int(again_in * 1000), reason)

    @contextmanager
    def kept(self, every: float = RENEW_SECONDS) -> Iterator[Claim]:
        """Renew in the background while the block runs. If Redis does not answer, the next renewal tries again."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(every):
                try:
                    self.renew()
                except LeaseLost:
                    return
                except RedisError:
                    continue

        thread = threading.Thread(target=renew, name=f"lease-{self.task_id}", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            ended.set()
            thread.join()

    def _run(self, script: str, *args: str | float) -> None:
        script_keys = [keys.record(self.task_id), keys.lease(self.task_id)]
        fenced(self.ledger.redis.register_script(script), script_keys, [self.token, *args])


def fenced(script: Script, script_keys: list[str], args: list[Any]) -> Any:
    """Run a script that begins with the fence. Raises ``LeaseLost`` if the claim on the record is over."""
    try:
        return script(keys=script_keys, args=args)
    except ResponseError as error:
        if str(error).startswith("LEASE"):
            raise LeaseLost(f"{script_keys[0]} is held by another worker, or it is over.") from error
        raise


def _task_keys(task_id: str) -> list[str]:
    """The keys of the scripts that end a task."""
    own = (keys.lease, keys.stop, keys.checkpoint, keys.log, keys.journal, keys.facts, keys.checked_change)
    return [keys.record(task_id), keys.UNFINISHED, keys.ENDED, *(key(task_id) for key in own)]


def _record(fields: Mapping[str, str], facts: Mapping[str, str]) -> Record:
    return Record(
        task=decode_task(fields["task"]),
        state=decode_state(fields["state"]),
        stage=fields.get("stage", ""),
        stages=_stages(fields),
        facts=facts,
        reason=fields.get("reason", ""),
        updated_at=float(fields["updated"]),
        outcome=decode_outcome(fields["outcome"]) if fields.get("outcome") else None,
    )


def _stages(fields: Mapping[str, str]) -> tuple[StageTime, ...]:
    """The stages in the order in which they began; for a repeated stage, its last start counts."""
    times = []
    for name, started in fields.items():
        if name.startswith("started:"):
            stage = name.removeprefix("started:")
            ended = fields.get(f"ended:{stage}", "")
            times.append(StageTime(stage, float(started), float(ended) if ended else None))
    return tuple(sorted(times, key=lambda time: time.started))
