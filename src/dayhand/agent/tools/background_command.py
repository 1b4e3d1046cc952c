"""A command at work in the box, in a thread of its own: it can be waited for, asked again later, and killed.

Only the thread runs the command; all that is told is told by whoever waits, so that one thread writes the log.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import IO

from dayhand.sandbox.base import Box, CommandLimits, Reason, Result
from dayhand.sandbox.output import EVERY_SECONDS, LiveOutput, OutputCapture

# Of an output's head, and as much of its tail: what coding models were trained to expect.
SHOWN_BYTES = 20_000
WHOLE_BYTES = 64 * 1024 * 1024
IN_MEMORY = 1024 * 1024


class Session:
    """One command that was started. Leave it only when it has ended: ``kill`` sees to that."""

    def __init__(
        self,
        box: Box,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        seconds: float,
        tell: Callable[[str], object],
    ) -> None:
        self.shortened = False  # whether something was cut out of what ``fresh`` gave
        self._lock = threading.Lock()
        self._unwanted = threading.Event()
        self._began = time.monotonic()
        self._live = LiveOutput(tell, SHOWN_BYTES)
        self._fresh = OutputCapture(SHOWN_BYTES, WHOLE_BYTES)
        self._whole: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - see close
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="session")
        self._future = pool.submit(
            box.run,
            command,
            env=env,
            limits=CommandLimits(seconds, WHOLE_BYTES, SHOWN_BYTES),
            on_output=self._hear,
            cancelled=self._unwanted.is_set,
        )
        pool.shutdown(wait=False)  # its one thread ends with the command

    @property
    def running(self) -> bool:
        return not self._future.done()

    @property
    def seconds(self) -> float:
        """Since it was started."""
        return time.monotonic() - self._began

    def wait(self, seconds: float) -> None:
        """Wait for its end for so long at most, with its output in the log as it comes."""
        until = time.monotonic() + seconds
        while self.running and (left := until - time.monotonic()) > 0:
            wait([self._future], timeout=min(left, EVERY_SECONDS))
            self.tell()

    def tell(self) -> None:
        """Put into the log what waits for it."""
        self._live.flush_if_due()

    def kill(self) -> None:
        """End it and wait until it has ended, which takes about a second. One that has ended is left as it is."""
        if self.running:
            self._unwanted.set()
            wait([self._future])

    def fresh(self) -> str:
        """What it wrote since this was last asked, cut in the middle where that is much."""
        with self._lock:
            meter, self._fresh = self._fresh, OutputCapture(SHOWN_BYTES, WHOLE_BYTES)
        part = Result(None, meter.head, meter.tail, meter.size, Reason.EXIT, 0)
        self.shortened = self.shortened or part.size > len(part.head) + len(part.tail)
        return part.text()

    def result(self) -> Result:
        """What came of a command that has ended. Raises what ended it otherwise: a stop, a box that broke."""
        return self._future.result()

    def whole(self) -> IO[bytes]:
        """All that it wrote, from the beginning."""
        self._whole.seek(0)
        return self._whole

    def close(self, result: Result | None = None, shown: str = "") -> None:
        """Have the end of its output in the log, and let go of it."""
        if result is not None:
            self._live.finish(result, shown)
        self._whole.close()

    def _hear(self, chunk: bytes) -> None:
        with self._lock:
            self._whole.write(chunk)
            self._fresh.write(chunk)
        self._live.append(chunk)
