"""What a command wrote: counted whole, kept at both ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Meter:
    """Takes a command's output as it comes; memory stays bounded whatever it writes."""

    def __init__(self, keep: int, most: int, listener: Callable[[bytes], None] | None = None) -> None:
        self._keep = keep
        self._most = most
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._in_tail = 0
        self._listener = listener
        self.size = 0

    def take(self, chunk: bytes) -> None:
        self.size += len(chunk)
        room = self._keep - len(self._head)
        self._head += chunk[:room]
        if rest := chunk[room:]:
            self._tail.append(rest[-self._keep :])
            self._in_tail += len(self._tail[-1])
            while self._in_tail - len(self._tail[0]) >= self._keep:
                self._in_tail -= len(self._tail.popleft())
        if self._listener:
            self._listener(chunk)

    @property
    def flooded(self) -> bool:
        return self.size > self._most

    @property
    def head(self) -> bytes:
        return bytes(self._head)

    @property
    def tail(self) -> bytes:
        return b"".join(self._tail)[-self._keep :] if self._tail else b""
