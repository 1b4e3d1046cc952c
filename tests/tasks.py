"""The task that tests use where only some of its fields matter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

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
