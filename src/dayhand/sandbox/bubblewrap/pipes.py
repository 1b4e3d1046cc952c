"""The pipes of one bwrap process: its input, its output and its status."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Callable

from dayhand.sandbox.base import Reason, Stdin
from dayhand.sandbox.live_input import LiveInput
from dayhand.sandbox.output import OutputCapture

CHUNK = 64 * 1024
WATCH_SECONDS = 1.0


class Pipes:
    """The pipes of one process, none of which may block the others."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        status: int,
        out: OutputCapture,
        *,
        err: OutputCapture | None,
        stdin: Stdin,
    ) -> None:
        self.status = b""
        self._selector = selectors.DefaultSelector()
        self._stdin = process.stdin
        self._source = stdin
        self._live = stdin if isinstance(stdin, LiveInput) else None
        self._pending = memoryview(stdin if isinstance(stdin, bytes) else b"")
        self._captures: dict[int, OutputCapture] = {}
        self._status_fd = status
        for stream, capture in ((process.stdout, out), (process.stderr, err)):
            if stream and capture:
                self._captures[stream.fileno()] = capture
        for fd in (status, *self._captures):
            os.set_blocking(fd, False)
            self._selector.register(fd, selectors.EVENT_READ)
        if self._stdin:
            os.set_blocking(self._stdin.fileno(), False)
            self._await_input()

    def run(self, *, deadline: float, watch: Callable[[], Reason | None]) -> Reason:
        """Move bytes until the process exits, or return why it has to be ended."""
        next_watch = time.monotonic() + WATCH_SECONDS
        while self._status_fd in self._selector.get_map():
            now = time.monotonic()
            if now >= deadline:
                return Reason.TIMEOUT
            if now >= next_watch:
                next_watch = now + WATCH_SECONDS
                if reason := watch():
                    return reason
            self._step(min(deadline, next_watch) - now)
            if any(capture.flooded for capture in self._captures.values()):
                return Reason.FLOOD
        return Reason.EXIT

    def drain(self, seconds: float) -> None:
        """Read what is left until all writers have closed; write nothing more."""
        self._stop_feeding()
        until = time.monotonic() + seconds
        while self._selector.get_map() and (left := until - time.monotonic()) > 0:
            self._step(left)

    def close(self) -> None:
        self._selector.close()

    def _step(self, seconds: float) -> None:
        for key, _ in self._selector.select(max(seconds, 0)):
            if key.fileobj is self._live:
                self._take_live()
            elif self._stdin is not None and key.fileobj is self._stdin:
                self._feed()
            else:
                self._read(key.fd)

    def _read(self, fd: int) -> None:
        try:
            chunk = os.read(fd, CHUNK)
        except BlockingIOError:
            return
        if not chunk:
            self._selector.unregister(fd)
        elif fd == self._status_fd:
            self.status += chunk
        else:
            self._captures[fd].write(chunk)

    def _await_input(self) -> None:
        """Wait until the command can be written to; with a live input, until there is something to write."""
        if self._live:
            self._selector.register(self._live, selectors.EVENT_READ)
        elif self._stdin:
            self._selector.register(self._stdin, selectors.EVENT_WRITE)

    def _take_live(self) -> None:
        if self._live is None or self._stdin is None or (data := self._live.read()) is None:
            return
        if not data:
            self._stop_feeding()
            return
        self._pending = memoryview(data)
        self._selector.unregister(self._live)
        self._selector.register(self._stdin, selectors.EVENT_WRITE)

    def _feed(self) -> None:
        if self._stdin is None:
            return
        if not self._pending and self._live:
            self._selector.unregister(self._stdin)
            self._await_input()
            return
        if not self._pending and self._source is not None and not isinstance(self._source, bytes | LiveInput):
            self._pending = memoryview(self._source.read(CHUNK))
        if not self._pending:
            self._stop_feeding()
            return
        try:
            written = os.write(self._stdin.fileno(), self._pending)
        except BlockingIOError:
            return
        except BrokenPipeError:  # the command closed its standard input
            self._stop_feeding()
            return
        self._pending = self._pending[written:]

    def _stop_feeding(self) -> None:
        if self._stdin is None:
            return
        for source in (self._stdin, self._live):
            if source is not None and source in self._selector.get_map():
                self._selector.unregister(source)
        self._stdin.close()
        self._stdin = None
