"""The audit log: who asked for what, which rights were given out, what left a sandbox, what was pushed, how it ended.

It is a stream to which entries are only added; they are removed by their age, and by nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from enum import StrEnum

from dayhand.ledger import keys
from dayhand.ledger.keys import TextRedis
from dayhand.startup.records import dataclass

BATCH = 1000
DAY_SECONDS = 24 * 3600


class Action(StrEnum):
    """What an entry tells; ``docs/monitoring.md`` lists the fields of each."""

    ASKED = "asked"  # an event that asked for something, and what became of it
    TOKEN = "token"  # noqa: S105 - GitHub gave the App one
    TAKEN = "taken"  # a change left a sandbox
    PUSH = "push"  # a commit is about to be pushed
    ENDED = "ended"  # a task is over


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry. ``id`` begins with the time in milliseconds."""

    id: str
    action: str
    fields: Mapping[str, str]

    @property
    def at(self) -> float:
        return int(self.id.partition("-")[0]) / 1000


def audit(redis: TextRedis, action: Action, **fields: object) -> None:
    """Add an entry; a field without a value is left out. What it tells must not happen if Redis does not take it."""
    known = {name: str(value) for name, value in fields.items() if value not in ("", None)}
    redis.xadd(keys.AUDIT, {"action": action.value, **known})


def read_audit(redis: TextRedis, since: float = 0) -> Iterator[AuditEntry]:
    """The entries since a time, in their order."""
    begin = str(int(since * 1000))
    while found := redis.xrange(keys.AUDIT, min=begin, count=BATCH):
        for entry_id, fields in found:
            yield AuditEntry(entry_id, fields.pop("action", ""), fields)
        begin = f"({found[-1][0]}"


def trim_audit(redis: TextRedis, days: int, now: float | None = None) -> None:
    """Remove what is older than so many days; 0 keeps everything."""
    if days:
        oldest = (time.time() if now is None else now) - days * DAY_SECONDS
        redis.xtrim(keys.AUDIT, minid=int(oldest * 1000), approximate=False)
