"""The memory of a box that has no control group. Nothing limits all of it there, so a box that takes too much is ended.

The kernel's counters of each process are cheap to read, but do not show shared memory that is not mapped. What shows it
is the machine's own amount of shared memory. When the two have grown by an eighth of the limit, the box is measured.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from dayhand.sandbox.base import Reason
from dayhand.sandbox.bubblewrap import memory_probe
from dayhand.sandbox.limits import MIB, Capacity

SHARE = 8  # measure again when an eighth of what the box may use was taken
INTERVAL_SECONDS = 10.0  # in case that what others released hides what the box took
MIN_FREE = 128 * MIB  # of the machine's memory and swap together; with less left, every such command is ended
PROBE = Path(memory_probe.__file__).read_text(encoding="utf-8")


class MemoryWatch:
    """Called once a second while a command runs. ``first`` is the id of the box's first process."""

    def __init__(self, first: int, capacity: Capacity) -> None:
        self._first = first
        self._capacity = capacity
        self._measured_at, self._measured = time.monotonic(), 0
        self._counted = 0  # as of that measurement, as is what follows
        self._shared, _ = _machine()
        self._probe: subprocess.Popen[bytes] | None = None

    def __call__(self) -> Reason | None:
        shared, free = _machine()
        if free < MIN_FREE or self._take_measurement() > self._capacity.memory:
            return Reason.OOM
        if self._probe is None:
            counted = sum(map(memory_probe.resident, memory_probe.processes(self._first)))
            self._shared = min(self._shared, shared)
            grown = max(counted - self._counted, 0) + shared - self._shared
            is_late = time.monotonic() - self._measured_at > INTERVAL_SECONDS
            limit = self._capacity.memory
            if is_late or grown > limit // SHARE or self._measured + grown > limit:
                self._counted, self._shared = counted, shared
                self._probe = self._start_probe()
        return None

    def _start_probe(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", PROBE, str(self._first)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        """End a measurement that is still running."""
        if self._probe is not None:
            self._probe.kill()
            self._probe.communicate()
            self._probe = None

    def _take_measurement(self) -> int:
        """The bytes that the box held when it was last measured."""
        if self._probe is not None and self._probe.poll() is not None:
            output, _ = self._probe.communicate()
            self._probe, self._measured_at = None, time.monotonic()
            self._measured = int(output) if output.strip().isdigit() else 0
        return self._measured


def _machine() -> tuple[int, int]:
    """The machine's shared memory, and what is free of its memory and swap, in bytes."""
    numbers = {}
    for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
        name, _, number = line.partition(":")
        numbers[name] = int(number.split()[0]) * memory_probe.KIB
    return numbers["Shmem"], numbers["MemAvailable"] + numbers["SwapFree"]
