"""What was spent on models today (UTC), by person, repository and installation, and the caps of an operator."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from dayhand.ledger import keys
from dayhand.ledger.ledger import Ledger
from dayhand.task import Task
from dayhand.usage import Usage

KEPT_SECONDS = 3 * 24 * 3600


@dataclass(frozen=True, slots=True)
class DailyCaps:
    """Dollars a day; 0: no cap."""

    person: float = 0.0
    repository: float = 0.0
    installation: float = 0.0


@dataclass(frozen=True, slots=True)
class UsedUp:
    """A cap that is reached."""

    whose: str  # "ada", "ada/shop"
    dollars: float
    cap: float
    setting: str


def read_caps(limits: Iterable[str]) -> DailyCaps:
    """The caps of an operator.

    >>> read_caps(("person=5", "installation=50.5"))
    DailyCaps(person=5.0, repository=0.0, installation=50.5)
    """
    pairs = (limit.partition("=") for limit in limits)
    return DailyCaps(**{name: float(dollars) for name, _, dollars in pairs})


def record_spending(ledger: Ledger, task: Task, usage: Usage) -> None:
    """Add what a finished task cost to its day. An unknown price does not count."""
    key = keys.spent(_today(ledger))
    with ledger.redis.pipeline() as pipe:
        for field in _fields(task):
            pipe.hincrbyfloat(key, field, usage.dollars or 0.0)
        pipe.expire(key, KEPT_SECONDS)
        pipe.execute()


def find_used_up(ledger: Ledger, caps: DailyCaps, task: Task) -> UsedUp | None:
    """The first cap that today's finished tasks have reached; None if this task may begin."""
    spent = ledger.redis.hmget(keys.spent(_today(ledger)), _fields(task))
    rows = (
        (task.ask.asker, caps.person, "person"),
        (task.repository, caps.repository, "repository"),
        (task.repository.partition("/")[0], caps.installation, "installation"),
    )
    for (whose, cap, name), text in zip(rows, spent, strict=True):
        dollars = float(text or 0.0)
        if cap and dollars >= cap:
            return UsedUp(whose, dollars, cap, f"{name} in DAYHAND_MAX_DAILY_DOLLARS")
    return None


def _fields(task: Task) -> list[str]:
    return [
        f"person:{task.ask.asker.lower()}",
        f"repository:{task.repository.lower()}",
        f"installation:{task.installation}",
    ]


def _today(ledger: Ledger) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(ledger.clock()))
