"""Standard input that is written while its command runs."""

from __future__ import annotations

import contextlib
import socket
import threading

MAX_WAITING_BYTES = 1024 * 1024


class LiveInput:
    """One thread writes; the thread that runs the command passes it on, woken through ``fileno``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting = bytearray()
        self._ended = False
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)

    def write(self, data: bytes, *, end: bool = False) -> bool:
        """Add bytes, and with ``end`` nothing after them. False if the command has not read what waits already."""
        with self._lock:
            if self._ended or len(self._waiting) + len(data) > MAX_WAITING_BYTES:
                return False
            self._waiting += data
            self._ended = end
            with contextlib.suppress(BlockingIOError):  # then it is readable already
                self._writer.send(b"!")
            return True

    def fileno(self) -> int:
        """Readable as soon as there is something to ``read``."""
        return self._reader.fileno()

    def read(self) -> bytes | None:
        """What waits; None if nothing does, b"" at the end."""
        with self._lock:
            if not self._ended:  # the end stays readable
                with contextlib.suppress(BlockingIOError):
                    self._reader.recv(MAX_WAITING_BYTES)
            data, self._waiting = bytes(self._waiting), bytearray()
            return data or (b"" if self._ended else None)

    def close(self) -> None:
        self._reader.close()
        self._writer.close()
