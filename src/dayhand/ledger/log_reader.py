"""Reading the live log: all of it, from a line on, or as it grows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from dayhand.ledger import keys
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.log import Note
from dayhand.ledger.states import UNFINISHED

BLOCK_MS = 2_000  # shorter than the client's socket timeout, or the read itself would be broken off
KEEP_ALIVE_SECONDS = 15.0
BATCH = 500


class Live:
    """The live logs of one Redis."""

    def __init__(self, redis: TextRedis, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.redis = redis
        self._clock = clock

    def read(self, task_id: str, after: int = 0, *, most: int | None = None) -> list[Note]:
        """Every note after line ``after``, or the next ``most`` of them."""
        entries = self.redis.xrange(keys.log(task_id), min=f"({after}-0" if after else "-", count=most)
        return [_note(entry_id, fields) for entry_id, fields in entries]

    def follow(self, task_id: str, after: int = 0) -> Iterator[Note | None]:
        """Every note after line ``after`` as it comes, until the task is over; None now and then, to keep alive."""
        last_word = self._clock()
        while True:
            over = self._over(task_id)
            block = None if over else BLOCK_MS
            found = self.redis.xread({keys.log(task_id): f"{after}-0"}, count=BATCH, block=block)
            notes = [_note(entry_id, fields) for _, entries in found or [] for entry_id, fields in entries]
            for note in notes:
                after = note.line
                yield note
            if notes:
                last_word = self._clock()
            elif over:
                return
            elif self._clock() - last_word >= KEEP_ALIVE_SECONDS:
                last_word = self._clock()
                yield None

    def _over(self, task_id: str) -> bool:
        state = self.redis.hget(keys.record(task_id), "state")
        return state is None or state not in UNFINISHED


def _note(entry_id: str, fields: Mapping[str, str]) -> Note:
    line = int(entry_id.partition("-")[0])
    return Note(line, float(fields["at"]), fields["stage"], fields["kind"], fields["text"])
