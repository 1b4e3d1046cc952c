"""Where each waiting task stands, when it will probably start, and what keeps it from starting."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import quantiles

from dayhand.ledger import keys
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.waiting.waiting_tasks import Order, WaitingTasks
from dayhand.startup.records import dataclass

SHORTAGE_SECONDS = 15.0  # for which a machine's shortage counts unless it is noted again
MAX_SHORTAGES = 5


@dataclass(frozen=True, slots=True)
class Place:
    """What can be said about a waiting task at this moment."""

    number: int  # 1: the next one; 0: behind all that were counted
    waiting: int  # all tasks that wait, with this one
    starts_in: tuple[float, float] | None  # seconds, from and to; None without history, or while nothing runs
    shortages: tuple[str, ...] = ()  # why machines take no task, in sentences


def find_places(tasks: WaitingTasks) -> dict[str, Place]:
    """The places of the waiting tasks. One that is not among them may be too far behind (``find_place``)."""
    look = _look(tasks)
    return {task_id: look.place(number) for number, task_id in enumerate(look.order.ids, start=1)}


def find_place(tasks: WaitingTasks, task_id: str) -> Place:
    """The place of one waiting task."""
    look = _look(tasks)
    return look.place(look.order.ids.index(task_id) + 1 if task_id in look.order.ids else 0)


def note_shortage(redis: TextRedis, machine: str, shortage: str, *, now: float) -> None:
    """Keep for some seconds why a machine takes no task."""
    redis.zremrangebyscore(keys.SHORTAGES, "-inf", now)
    redis.zadd(keys.SHORTAGES, {f"{machine}\t{shortage}": now + SHORTAGE_SECONDS})


def find_shortages(redis: TextRedis, *, now: float) -> tuple[str, ...]:
    """Why machines take no task: the newest sentence of each."""
    newest = dict(entry.split("\t", 1) for entry in redis.zrangebyscore(keys.SHORTAGES, now, "+inf"))
    return tuple(newest[machine] for machine in sorted(newest)[:MAX_SHORTAGES])


def estimate(number: int, running: int, durations: Sequence[float]) -> tuple[float, float] | None:
    """From when to when the task with this place starts: the middle half of what the last tasks took.

    While ``running`` tasks run, one ends each ``duration / running`` seconds.

    >>> estimate(3, 2, [60.0, 120.0, 120.0, 240.0])
    (112.5, 315.0)
    >>> estimate(3, 0, [60.0]), estimate(3, 2, []), estimate(0, 2, [60.0])
    (None, None, None)
    """
    if not (number and running and durations):
        return None
    low, _, high = quantiles(durations, n=4) if len(durations) > 1 else (durations[0],) * 3
    return max(0.0, low) * number / running, max(0.0, high) * number / running


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen in one moment."""

    order: Order
    durations: list[float]  # seconds
    shortages: tuple[str, ...]

    def place(self, number: int) -> Place:
        starts_in = estimate(number, self.order.running, self.durations)
        return Place(number, len(self.order.ids) + self.order.more, starts_in, self.shortages)


def _look(tasks: WaitingTasks) -> _Look:
    redis = tasks.ledger.redis
    durations = [float(text) for text in redis.lrange(keys.DURATIONS, 0, -1)]
    return _Look(tasks.order(), durations, find_shortages(redis, now=tasks.ledger.clock()))
