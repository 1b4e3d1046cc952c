"""A command that runs in the box in a thread of its own: the caller can wait for it, come back to it later, or kill it.

The thread only runs the command. The log is written by the thread that waits, so that there is a single writer.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import IO

from dayhand.sandbox.base import Box, CommandLimits, Reason, Result
from dayhand.sandbox.live_input import LiveInput
from dayhand.sandbox.output import EVERY_SECONDS, LiveOutput, OutputCapture

# Of an output's head, and as much of its tail: what coding models were trained to expect.
SHOWN_BYTES = 20_000
MAX_OUTPUT_BYTES = 64 * 1024 * 1024
MAX_MEMORY_BYTES = 1024 * 1024  # of the full output; the rest goes to a temporary file


class BackgroundCommand:
    """One command that was started. It must have ended, if necessary by ``kill``, before it is closed."""

    def __init__(
        self,
        box: Box,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        seconds: float,
        log_output: Callable[[str], object],
        takes_input: bool = False,
    ) -> None:
        """With ``takes_input`` its standard input stays open; otherwise it is empty."""
        self.truncated = False  # whether something was cut out of what ``read_new`` returned
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._started_at = time.monotonic()
        self._live = LiveOutput(log_output, SHOWN_BYTES)
        self._new = OutputCapture(SHOWN_BYTES, MAX_OUTPUT_BYTES)
        self._full: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=MAX_MEMORY_BYTES)  # noqa: SIM115 - see close
        self._input = LiveInput() if takes_input else None
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="command")
        self._future = pool.submit(
            box.run,
            command,
            env=env,
            stdin=self._input,
            limits=CommandLimits(seconds, MAX_OUTPUT_BYTES, SHOWN_BYTES),
            on_output=self._on_output,
            cancelled=self._cancelled.is_set,
        )
        pool.shutdown(wait=False)  # its one thread ends with the command

    @property
    def running(self) -> bool:
        return not self._future.done()

    @property
    def seconds(self) -> float:
        """Seconds since the command was started."""
        return time.monotonic() - self._started_at

    def wait(self, seconds: float) -> None:
        """Wait until the command ends, at most ``seconds``, and log its output meanwhile."""
        until = time.monotonic() + seconds
        while self.running and (left := until - time.monotonic()) > 0:
            wait([self._future], timeout=min(left, EVERY_SECONDS))
            self.flush_log()

    def flush_log(self) -> None:
        """Log the output that is not in the log yet."""
        self._live.flush_if_due()

    @property
    def takes_input(self) -> bool:
        return self._input is not None

    def write_input(self, text: str, *, end: bool) -> bool:
        """Write to its standard input, and with ``end`` close it. False if it is closed, or not read by the command."""
        return self._input is not None and self._input.write(text.encode(), end=end)

    def kill(self) -> None:
        """End the command and wait until it has ended, which takes about a second. Does nothing if it has ended."""
        if self.running:
            self._cancelled.set()
            wait([self._future])

    def read_new(self) -> str:
        """The output since the last call, cut in the middle if it is long."""
        with self._lock:
            capture, self._new = self._new, OutputCapture(SHOWN_BYTES, MAX_OUTPUT_BYTES)
        part = Result(None, capture.head, capture.tail, capture.size, Reason.EXIT, 0)
        self.truncated = self.truncated or part.size > len(part.head) + len(part.tail)
        return part.text()

    def result(self) -> Result:
        """The result of a command that has ended. Raises the error that interrupted it, if there was one."""
        return self._future.result()

    def full_output(self) -> IO[bytes]:
        """The whole output, from the beginning."""
        self._full.seek(0)
        return self._full

    def close(self, result: Result | None = None, shown: str = "") -> None:
        """Log the end of the output, and free what the command holds."""
        if result is not None:
            self._live.finish(result, shown)
        self._full.close()
        if self._input:
            self._input.close()

    def _on_output(self, chunk: bytes) -> None:
        with self._lock:
            self._full.write(chunk)
            self._new.write(chunk)
        self._live.append(chunk)
