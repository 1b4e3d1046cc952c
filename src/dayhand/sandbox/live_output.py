"""The output of a running command, told as it comes: in whole lines, bounded, no more often than people can read."""

from __future__ import annotations

import time
from collections.abc import Callable

from dayhand.sandbox.base import Result
from dayhand.untrusted_text import decode_output, unfinished_key

EVERY_SECONDS = 1.0  # between two entries of the log


class LiveOutput:
    """Tells the first ``most`` bytes while they come, and the rest of what is shown at the end.

    ``most`` is the ``keep_bytes`` of the command's limits: what was told is then what its result shows. Lines stay
    whole, so that nothing which is looked for in them (a key, an escape sequence) is missed for being halved.
    """

    def __init__(
        self, tell: Callable[[str], object], most: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = tell
        self._room = most
        self._clock = clock
        self._held = bytearray()
        self._told_at = clock()  # what ends within a second is one entry

    def take(self, chunk: bytes) -> None:
        """Hear what the command wrote, and tell it if it is time: the box's ``on_output``."""
        self.hear(chunk)
        self.tick()

    def hear(self, chunk: bytes) -> None:
        """Hear what the command wrote. Only adds at the end, so that another thread may ``tick`` meanwhile."""
        kept = chunk[: self._room]
        self._room -= len(kept)
        self._held += kept

    def tick(self) -> bool:
        """Tell the lines that wait, if it is time: the box's ``halted``. Always False."""
        now = self._clock()
        end = self._held.rfind(b"\n") + 1
        if (key := unfinished_key(bytes(self._held[:end]))) >= 0:
            end = key  # a private key has many lines: it is told whole, so that it can be redacted
        if now - self._told_at >= EVERY_SECONDS and self._held[:end].strip():
            self._told_at = now
            self._tell(decode_output(bytes(self._held[:end])))
            del self._held[:end]
        return False

    def finish(self, result: Result, shown: str = "") -> None:
        """Tell what was not told yet of a command that ended. ``shown``: its text where that is not ``result.text()``."""
        beyond = (shown or result.text())[len(decode_output(result.head)) :]
        if (text := decode_output(bytes(self._held)) + beyond).strip():
            self._tell(text)
        self._held.clear()
