"""Tasks in Redis: opened once, claimed by one, finished once."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from redis.commands.core import Script
from redis.exceptions import RedisError, ResponseError

from dayhand.errors import LeaseLost, LedgerError
from dayhand.ledger import keys, scripts, states
from dayhand.ledger.codec import decode_task, encode_task
from dayhand.ledger.keys import TextRedis
from dayhand.task import State, Task

LEASE_SECONDS = 15.0
RENEW_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of opening: ``fresh`` is False where the task was there already."""

    task_id: str
    fresh: bool


@dataclass(frozen=True, slots=True)
class StageTime:
    """When a stage began and ended, in seconds since the epoch."""

    stage: str
    started: float
    ended: float | None


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that the ledger knows of a task."""

    task: Task
    state: State
    stage: str
    stages: tuple[StageTime, ...]
    facts: Mapping[str, str]
    reason: str
    updated_at: float
    outcome: Mapping[str, Any] | None


class Ledger:
    """The ledger of one Redis. ``clock`` gives seconds since the epoch."""

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
        self._write = redis.register_script(scripts.WRITE)
        self._finish = redis.register_script(scripts.FINISH)
        self._renew = redis.register_script(scripts.RENEW)

    def open(self, task: Task, *, delivery: str, meaning: str) -> Opened:
        """Write a task down as queued, unless this delivery was seen or an unfinished task means the same."""
        there = [
            keys.delivery(delivery),
            keys.meaning(meaning),
            keys.record(task.id),
            keys.TASKS,
            keys.UNFINISHED,
        ]
        told = [task.id, encode_task(task), task.created_at, keys.DELIVERY_SECONDS]
        task_id, fresh = self._open(keys=there, args=told)
        return Opened(task_id, fresh=bool(fresh))

    def seen(self, delivery: str) -> str | None:
        """The task of a delivery that was taken before; "" where it asked nothing; None where it is new."""
        task_id: str | None = self.redis.get(keys.delivery(delivery))
        return task_id

    def note_delivery(self, delivery: str, task_id: str) -> None:
        self.redis.set(keys.delivery(delivery), task_id, ex=keys.DELIVERY_SECONDS)

    def task(self, task_id: str) -> Task:
        """The task as it was opened. Raises ``LedgerError`` where there is none."""
        text = self.redis.hget(keys.record(task_id), "task")
        if text is None:
            raise LedgerError(f"There is no task {task_id}.", advice="It may be older than what Redis keeps.")
        return decode_task(text)

    def record(self, task_id: str) -> Record:
        """Everything known of a task. Raises ``LedgerError`` where there is none."""
        fields = self.redis.hgetall(keys.record(task_id))
        if not fields:
            raise LedgerError(f"There is no task {task_id}.", advice="It may be older than what Redis keeps.")
        return Record(
            task=decode_task(fields["task"]),
            state=State(fields["state"]),
            stage=fields.get("stage", ""),
            stages=_stages(fields),
            facts=self.redis.hgetall(keys.facts(task_id)),
            reason=fields.get("reason", ""),
            updated_at=float(fields["updated"]),
            outcome=json.loads(fields["outcome"]) if fields.get("outcome") else None,
        )

    def recent(self, limit: int = 100) -> list[Record]:
        """The newest tasks first."""
        return [self.record(task_id) for task_id in self.redis.zrevrange(keys.TASKS, 0, limit - 1)]

    def claim(self, task_id: str, worker: str) -> Claim | None:
        """Take an unfinished task that nobody holds; None where somebody does, or where it is over."""
        token = secrets.token_hex(16)
        there = [keys.record(task_id), keys.lease(task_id)]
        told = [token, int(self.lease_seconds * 1000), self.clock(), worker]
        attempt = self._claim(keys=there, args=told)
        return Claim(self, task_id, token, attempt) if attempt else None

    def finish(
        self, claim: Claim, state: State, *, reason: str = "", outcome: Mapping[str, Any] | None = None
    ) -> None:
        """End a task. Raises ``LeaseLost``, or ``LedgerError`` for a state that is no end."""
        states.check(State.RUNNING, state)
        task_id = claim.task_id
        there = [
            keys.lease(task_id),
            keys.record(task_id),
            keys.UNFINISHED,
            keys.stop(task_id),
            keys.log(task_id),
            keys.journal(task_id),
            keys.checkpoint(task_id),
        ]
        text = json.dumps(outcome, ensure_ascii=False) if outcome is not None else ""
        self._fenced(
            self._finish, there, [claim.token, task_id, state, reason, text, self.clock(), keys.KEPT_SECONDS]
        )

    def fact(self, task_id: str, name: str) -> str | None:
        value: str | None = self.redis.hget(keys.facts(task_id), name)
        return value

    def put_fact(self, claim: Claim | None, task_id: str, name: str, value: str) -> None:
        """Keep what was done: an id, an address, a commit. With a claim, raises ``LeaseLost`` once it is over."""
        if claim is None:
            self.redis.hset(keys.facts(task_id), name, value)
            return
        self._fenced(self._write, [keys.lease(task_id), keys.facts(task_id)], [claim.token, name, value])

    def note_stage(self, claim: Claim, fields: Mapping[str, str | float]) -> None:
        """Write stage and times into the record. Raises ``LeaseLost``."""
        pairs = [part for pair in fields.items() for part in pair]
        there = [keys.lease(claim.task_id), keys.record(claim.task_id)]
        self._fenced(self._write, there, [claim.token, *pairs, "updated", self.clock()])

    def ask_to_stop(self, task_id: str, who: str) -> None:
        self.redis.set(keys.stop(task_id), who, ex=keys.DELIVERY_SECONDS)

    def abandoned(self) -> list[str]:
        """Unfinished tasks that nobody holds: waiting, or left behind by a worker that died."""
        ids = sorted(self.redis.smembers(keys.UNFINISHED))
        held = self.redis.mget([keys.lease(task_id) for task_id in ids]) if ids else []
        return [task_id for task_id, token in zip(ids, held, strict=True) if token is None]

    def _fenced(self, script: Script, there: list[str], told: list[Any]) -> Any:
        return fenced(script, there, told)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a task, for as long as its lease is renewed."""

    ledger: Ledger
    task_id: str
    token: str
    attempt: int = 1  # how often the task was claimed so far, this time included

    def renew(self) -> None:
        """Hold on. Raises ``LeaseLost``."""
        self._set(int(self.ledger.lease_seconds * 1000))

    def release(self) -> None:
        """Let go, so that another worker may go on at once. Raises ``LeaseLost``."""
        self._set(0)

    def check(self) -> None:
        """Raise ``LeaseLost`` unless the task is still ours: call it before what cannot be taken back."""
        if self.ledger.redis.get(keys.lease(self.task_id)) != self.token:
            raise LeaseLost(f"The task {self.task_id} is another worker's now.")

    @contextmanager
    def kept(self, every: float = RENEW_SECONDS) -> Iterator[Claim]:
        """Renew in the background while the block runs. Redis may be away for a while: the next renewal tells."""
        over = threading.Event()

        def renew() -> None:
            while not over.wait(every):
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
            over.set()
            thread.join()

    def _set(self, milliseconds: int) -> None:
        if not self.ledger._renew(keys=[keys.lease(self.task_id)], args=[self.token, milliseconds]):  # noqa: SLF001
            raise LeaseLost(f"The task {self.task_id} is another worker's now.")


def fenced(script: Script, there: list[str], told: list[Any]) -> Any:
    """Run a script that begins with the fence. Raises ``LeaseLost`` where the token is not the lease's."""
    try:
        return script(keys=there, args=told)
    except ResponseError as error:
        if str(error).startswith("LEASE"):
            raise LeaseLost(f"Another worker holds the lease {there[0]}.") from error
        raise


def _stages(fields: Mapping[str, str]) -> tuple[StageTime, ...]:
    """The stages in the order in which they began; a stage that ran again counts from its last start."""
    times = []
    for name, started in fields.items():
        if name.startswith("started:"):
            stage = name.removeprefix("started:")
            ended = fields.get(f"ended:{stage}", "")
            times.append(StageTime(stage, float(started), float(ended) if ended else None))
    return tuple(sorted(times, key=lambda time: time.started))
