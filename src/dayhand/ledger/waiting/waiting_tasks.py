"""The tasks that wait for a worker: whose turn is next, and each one's place.

An RQ job is only a wake-up, so the worker that takes it claims the task whose turn it is, whatever task the job names.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dayhand.ledger import keys, states
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.waiting import scripts
from dayhand.ledger.waiting.order import ORDER
from dayhand.startup.records import dataclass
from dayhand.task import State

RAISED_AFTER_SECONDS = 1800.0  # of waiting, after which a task goes up a class
MAX_SERVED = 2000  # people and repositories of whom it is remembered when they were served
MAX_PLACES = 200
HOLD_SECONDS = 60  # at most, while something is said about a waiting task


@dataclass(frozen=True, slots=True)
class Order:
    """The waiting tasks, the next one first."""

    ids: tuple[str, ...]  # at most ``MAX_PLACES``
    more: int = 0  # wait behind these
    running: int = 0


@dataclass(frozen=True, slots=True)
class WaitingTasks:
    """The waiting tasks of one ledger."""

    ledger: Ledger

    def limit(self, running: int) -> None:
        """From now on at most so many tasks of an installation run at once, whatever worker claims; 0: any number."""
        self.ledger.redis.set(keys.MAX_RUNNING, running)

    def claim_next(self, worker: str, *, crashed: bool | None = None) -> Claim | None:
        """Claim the task whose turn it is; None if none waits, or if only tasks of installations at their limit do.

        ``crashed``: of those whose process died, which must not share one again, or of the others; None: of all.
        """
        token, milliseconds = secrets.token_hex(16), int(self.ledger.lease_seconds * 1000)
        found = self._run(
            scripts.CLAIM_NEXT,
            token,
            milliseconds,
            worker,
            MAX_SERVED,
            "" if crashed is None else int(crashed),
            *states.before(State.RUNNING),
        )
        return Claim(self.ledger, found[0], token, *found[1:]) if found else None

    def without_job(self, jobs: int) -> tuple[list[str], list[str]]:
        """The waiting tasks whose process died, and as many others as may start beyond so many ``jobs``."""
        died, others = self._run(scripts.WITHOUT_JOB, jobs)
        return died, others

    def order(self) -> Order:
        """In which order the waiting tasks would be claimed if no running task ended."""
        ids, more, running = self._run(ORDER, MAX_PLACES)
        return Order(tuple(ids), more, running)

    @contextmanager
    def held(self, task_id: str) -> Iterator[bool]:
        """Keep workers from claiming a waiting task in this block; False if it does not wait any more."""
        redis, lease = self.ledger.redis, keys.lease(task_id)
        names = [keys.UNFINISHED, keys.HELD, keys.record(task_id), lease]
        held = redis.register_script(scripts.HOLD)(keys=names, args=[task_id, HOLD_SECONDS * 1000])
        try:
            yield bool(held)
        finally:
            if held:
                redis.register_script(scripts.LET_GO)(keys=[keys.HELD, lease], args=[task_id])

    def _run(self, script: str, *args: str | int) -> Any:
        redis = self.ledger.redis
        names = [keys.UNFINISHED, keys.TURNS, keys.HELD, keys.SERVED, keys.BEAT, keys.AFTER_OUTAGE]
        names += [keys.MAX_RUNNING]
        shared = [keys.record(""), keys.lease(""), self.ledger.clock(), RAISED_AFTER_SECONDS]
        return redis.register_script(script)(keys=names, args=[*shared, *args])
