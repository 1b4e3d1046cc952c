"""A command's output: kept within bounded memory, and written to the task's log while the command runs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from dayhand.sandbox.base import Result
from dayhand.untrusted_text import decode_output, unfinished_key

EVERY_SECONDS = 1.0  # between two entries of the log


class OutputCapture:
    """Counts everything that a command writes and keeps the first and the last ``keep`` bytes of it.

    Memory stays bounded however much the command writes. ``flooded`` turns true after ``max_bytes``.
    """

    def __init__(self, keep: int, max_bytes: int, on_output: Callable[[bytes], None] | None = None) -> None:
        self._keep = keep
        self._max_bytes = max_bytes
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._on_output = on_output
        self.size = 0

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        room = self._keep - len(self._head)
        self._head += chunk[:room]
        if rest := chunk[room:]:
            self._tail.append(rest[-self._keep :])
            self._tail_size += len(self._tail[-1])
            while self._tail_size - len(self._tail[0]) >= self._keep:
                self._tail_size -= len(self._tail.popleft())
        if self._on_output:
            self._on_output(chunk)

    @property
    def flooded(self) -> bool:
        return self.size > self._max_bytes

    @property
    def head(self) -> bytes:
        return bytes(self._head)

    @property
    def tail(self) -> bytes:
        return b"".join(self._tail)[-self._keep :] if self._tail else b""


class LiveOutput:
    """Logs the first ``max_bytes`` of a command's output while it runs, and the rest of what is shown when it ends.

    ``max_bytes`` is the ``keep_bytes`` of the command's limits, so the log holds what the command's result shows.
    Output is logged in whole lines, at most one entry a second. Because lines are never split, a key or an escape
    sequence inside one is always found by whatever redacts the log.
    """

    def __init__(
        self, log: Callable[[str], object], max_bytes: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._room = max_bytes
        self._clock = clock
        self._pending = bytearray()
        self._logged_at = clock()  # the output of a command that ends within a second is one entry

    def write(self, chunk: bytes) -> None:
        """Take what the command wrote and log it if an entry is due: the box's ``on_output``."""
        self.append(chunk)
        self.flush_if_due()

    def append(self, chunk: bytes) -> None:
        """Take what the command wrote. Only appends, so another thread may call ``flush_if_due`` meanwhile."""
        kept = chunk[: self._room]
        self._room -= len(kept)
        self._pending += kept

    def flush_if_due(self) -> bool:
        """Log the complete lines if an entry is due. Always False, so it can be passed as the box's ``cancelled``."""
        now = self._clock()
        end = self._pending.rfind(b"\n") + 1
        if (key := unfinished_key(bytes(self._pending[:end]))) >= 0:
            end = key  # a private key has many lines: it is logged whole, so that it can be redacted
        if now - self._logged_at >= EVERY_SECONDS and self._pending[:end].strip():
            self._logged_at = now
            self._log(decode_output(bytes(self._pending[:end])))
            del self._pending[:end]
        return False

    def finish(self, result: Result, shown: str = "") -> None:
        """Log what is still missing of a command that ended.

        ``shown`` is the command's text where that differs from ``result.text()``.
        """
        beyond = (shown or result.text())[len(decode_output(result.head)) :]
        if (text := decode_output(bytes(self._pending)) + beyond).strip():
            self._log(text)
        self._pending.clear()
