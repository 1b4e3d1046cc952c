"""The task that tests use where only some of its fields matter, and what they look for in the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dayhand.ledger import keys
from dayhand.ledger.ledger import Ledger
from dayhand.task import Ask, Task, TaskKind

DEFAULT = Task(
    id="t-1",
    repository="acme/shop",
    installation=11,
    number=7,
    title="Wrong order",
    body="",
    ask=Ask(TaskKind.FIX, "fix this", "ann"),
    default_branch="main",
    created_at=1_800_000_000.0,
)


def make_task(**fields: Any) -> Task:
    """A fix for issue 7 of ``acme/shop``, with these fields changed."""
    return replace(DEFAULT, **fields)


def find_abandoned(ledger: Ledger) -> list[str]:
    """Unfinished tasks that no worker holds: queued, or left behind by a worker that died."""
    redis = ledger.redis
    return [
        task_id
        for task_id in sorted(redis.smembers(keys.UNFINISHED))
        if not redis.exists(keys.lease(task_id))
    ]
