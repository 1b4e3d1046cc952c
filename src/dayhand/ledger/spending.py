"""What was used today (UTC), by person, repository and installation, and the caps of an operator."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence

from dayhand.ledger import keys
from dayhand.ledger.ledger import Ledger
from dayhand.startup.records import dataclass
from dayhand.task import Task
from dayhand.usage import Usage

KEPT_SECONDS = 3 * 24 * 3600
DOLLARS, TASKS = "dollars", "tasks"
USAGE = re.compile(r"(?P<whose>\w+)=(?P<amount>[0-9.]+) ?(?P<resource>tasks|minutes|tokens)")
MONEY_SETTING, USAGE_SETTING = "DAYHAND_MAX_DAILY_DOLLARS", "DAYHAND_MAX_DAILY_USAGE"


@dataclass(frozen=True, slots=True)
class DailyCap:
    """How much of one resource a person, a repository or an installation may use in a day."""

    whose: str  # "person", "repository" or "installation"
    amount: float
    resource: str  # "dollars", "tasks", "minutes" or "tokens"

    @property
    def setting(self) -> str:
        return f"{self.whose} in {MONEY_SETTING if self.resource == DOLLARS else USAGE_SETTING}"

    def format(self, amount: float) -> str:
        """An amount with its unit.

        >>> DailyCap("person", 20, "tasks").format(20)
        '20 tasks'
        """
        return f"${amount:.2f}" if self.resource == DOLLARS else f"{amount:,.0f} {self.resource}"


@dataclass(frozen=True, slots=True)
class UsedUp:
    """A cap that is reached."""

    whose: str  # "ada", "ada/shop"
    used: float
    cap: DailyCap


def read_caps(dollars: Iterable[str], usage: Iterable[str] = ()) -> tuple[DailyCap, ...]:
    """The caps of an operator, as the two settings name them.

    >>> read_caps(["person=5"], ["repository=300 minutes"])
    (DailyCap(whose='person', amount=5.0, resource='dollars'), DailyCap(whose='repository', amount=300.0, resource='minutes'))
    """
    money = [(whose, amount, DOLLARS) for whose, _, amount in (text.partition("=") for text in dollars)]
    rest = [found.group("whose", "amount", "resource") for text in usage if (found := USAGE.fullmatch(text))]
    return tuple(DailyCap(whose, float(amount), resource) for whose, amount, resource in (*money, *rest))


def record_opening(ledger: Ledger, task: Task) -> None:
    """Count a task on the day that it was opened."""
    _add(ledger, task, {TASKS: 1})


def record_spending(ledger: Ledger, task: Task, usage: Usage) -> None:
    """Add what a finished task used to its day. An unknown price does not count."""
    tokens = usage.input_tokens + usage.output_tokens
    _add(ledger, task, {DOLLARS: usage.dollars or 0.0, "minutes": usage.seconds / 60, "tokens": tokens})


def find_used_up(ledger: Ledger, caps: Sequence[DailyCap], task: Task) -> UsedUp | None:
    """The first cap that is reached today; None if this task may begin."""
    if not caps:
        return None
    names = _names(task)
    used = ledger.redis.hmget(
        keys.spent(_today(ledger)), [_field(names, cap.whose, cap.resource) for cap in caps]
    )
    owner = task.repository.partition("/")[0]
    shown = {"person": task.ask.asker, "repository": task.repository, "installation": owner}
    amounts = [float(text or 0.0) for text in used]
    reached = [
        UsedUp(shown[cap.whose], amount, cap)
        for cap, amount in zip(caps, amounts, strict=True)
        if amount >= cap.amount > 0
    ]
    return reached[0] if reached else None


def _add(ledger: Ledger, task: Task, amounts: Mapping[str, float]) -> None:
    key, names = keys.spent(_today(ledger)), _names(task)
    with ledger.redis.pipeline() as pipe:
        for whose in names:
            for resource, amount in amounts.items():
                pipe.hincrbyfloat(key, _field(names, whose, resource), amount)
        pipe.expire(key, KEPT_SECONDS)
        pipe.execute()


def _field(names: Mapping[str, str], whose: str, resource: str) -> str:
    prefix = "" if resource == DOLLARS else f"{resource}:"
    return f"{prefix}{whose}:{names[whose]}"


def _names(task: Task) -> dict[str, str]:
    return {
        "person": task.ask.asker.lower(),
        "repository": task.repository.lower(),
        "installation": str(task.installation),
    }


def _today(ledger: Ledger) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(ledger.clock()))
