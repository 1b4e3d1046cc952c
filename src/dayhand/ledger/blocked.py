"""The hosts that set-up asked for in vain, each with the command that asked: of every task, and lastly of its repository."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dayhand.ledger import keys, scripts
from dayhand.ledger.ledger import Claim, Ledger, fenced
from dayhand.task import Blocked

FACT = "blocked"


@dataclass(frozen=True, slots=True)
class Blocklist:
    """Where one claimed task writes down what its set-up was refused."""

    ledger: Ledger
    claim: Claim
    repository: str

    def keep(self, blocked: tuple[Blocked, ...]) -> None:
        """Replace what was known, of the task and of its repository: what is no longer refused is no longer told.

        Raises ``LeaseLost``.
        """
        text = json.dumps([asdict(one) for one in blocked], ensure_ascii=False)
        task_id, there = self.claim.task_id, keys.blocked(self.repository)
        self.ledger.put_fact(self.claim, task_id, FACT, value=text)
        script = self.ledger.redis.register_script(scripts.WRITE)
        fenced(script, [keys.record(task_id), there], [self.claim.token, FACT, text, "task", task_id])
        self.ledger.redis.expire(there, keys.KEPT_SECONDS)


def of_task(facts: Mapping[str, str]) -> tuple[Blocked, ...]:
    """What one task's set-up was refused, from the task's facts."""
    return _read(facts.get(FACT, ""))


def of_repository(ledger: Ledger, repository: str) -> tuple[Blocked, ...]:
    """What a repository's set-up was refused when a task prepared it last."""
    return _read(ledger.redis.hget(keys.blocked(repository), FACT) or "")


def _read(text: str) -> tuple[Blocked, ...]:
    """What ``keep`` wrote; nothing where this version cannot read it."""
    try:
        return tuple(_one(raw) for raw in json.loads(text)) if text else ()
    except (ValueError, TypeError, KeyError):
        return ()


def _one(raw: Any) -> Blocked:
    return Blocked(str(raw["host"]), int(raw["port"]), str(raw["reason"]), str(raw.get("command", "")))
