"""A task's journal and checkpoint: where a killed worker's successor goes on."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from redis.commands.core import Script

from dayhand.ledger import keys, scripts
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.ledger import Claim, fenced


class Journal:
    """The journal of one claimed task. Every write is fenced: it raises ``LeaseLost`` once another worker has the task."""

    def __init__(self, redis: TextRedis, task_id: str, claim: Claim) -> None:
        self._redis = redis
        self._claim = claim
        self._journal = keys.journal(task_id)
        self._kept = keys.checkpoint(task_id)
        self._write = redis.register_script(scripts.WRITE)
        self._get_on = redis.register_script(scripts.GET_ON)

    def turns(self) -> list[dict[str, Any]]:
        """The journalled turns in order: ``turn``, ``items``, ``usage``, and ``results`` where it was acted on."""
        fields = self._redis.hgetall(self._journal)
        numbers = sorted(int(name.removeprefix("reply:")) for name in fields if name.startswith("reply:"))
        turns = []
        for number in numbers:
            entry = {"turn": number, **json.loads(fields[f"reply:{number}"])}
            if results := fields.get(f"results:{number}"):
                entry["results"] = json.loads(results)
            turns.append(entry)
        return turns

    def write_reply(self, turn: int, items: Sequence[Mapping[str, Any]], usage: Mapping[str, Any]) -> None:
        """Keep a reply before anything is done with it. A reply is progress: attempts count from it."""
        text = json.dumps({"items": list(items), "usage": dict(usage)}, ensure_ascii=False)
        self._put(self._get_on, self._journal, {f"reply:{turn}": text})

    def write_results(self, turn: int, items: Sequence[Mapping[str, Any]]) -> None:
        """Keep what a reply's calls came to."""
        self._put(
            self._write, self._journal, {f"results:{turn}": json.dumps(list(items), ensure_ascii=False)}
        )

    def write_compaction(
        self, turn: int, items: Sequence[Mapping[str, Any]], usage: Mapping[str, Any]
    ) -> None:
        """Keep the history that replaces everything before the request of ``turn``, and what its making cost."""
        text = json.dumps({"items": list(items), "usage": dict(usage)}, ensure_ascii=False)
        self._put(self._get_on, self._journal, {f"compaction:{turn}": text})

    def compactions(self) -> dict[int, dict[str, Any]]:
        """The histories that others were replaced by: ``items`` and ``usage`` by turn."""
        fields = self._redis.hgetall(self._journal)
        return {
            int(name.removeprefix("compaction:")): json.loads(text)
            for name, text in fields.items()
            if name.startswith("compaction:")
        }

    def save_checkpoint(self, turn: int, data: bytes) -> None:
        """Keep the work tree as it is after a turn; the one before is replaced."""
        self._put(self._write, self._kept, {"turn": str(turn), "data": base64.b64encode(data).decode()})

    def checkpoint(self) -> tuple[int, bytes] | None:
        """The turn and the work tree that were kept last."""
        fields = self._redis.hgetall(self._kept)
        return (int(fields["turn"]), base64.b64decode(fields["data"])) if fields else None

    def _put(self, script: Script, key: str, fields: Mapping[str, str]) -> None:
        pairs = [part for pair in fields.items() for part in pair]
        fenced(script, [keys.record(self._claim.task_id), key], [self._claim.token, *pairs])
