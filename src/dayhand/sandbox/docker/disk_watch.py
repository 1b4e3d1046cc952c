"""Measures a container's disk use while a command runs, and ends the command if it is too large."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from dayhand.box_paths import ENVIRONMENT, WORKSPACE
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Reason
from dayhand.sandbox.limits import MIN_FREE_FILES, Capacity

INTERVAL_SECONDS = 3.0  # between two measurements, each of which is an exec of its own
MAX_FAILURES = 5  # measurements in a row without a result, after which the command is ended
_FOLDERS = f"{WORKSPACE} {ENVIRONMENT}"
# Each line is prefixed with what it reports. `df -i` reports the free inodes of the disk.
MEASURE = f"""
df -Pk {WORKSPACE} | sed -n '2s/^/bytes /p'
df -Pi {WORKSPACE} | sed -n '2s/^/files /p'
du -sk {_FOLDERS} | sed 's/^/size /'
du -s --inodes {_FOLDERS} | sed 's/^/count /'
"""


class ContainerDiskWatch:
    """Measures in a thread of its own, because the thread that runs a command must keep reading its output."""

    def __init__(self, capacity: Capacity, measure: Callable[[], str], now: float) -> None:
        """``measure`` returns the output of ``MEASURE`` in the container, or "" if that failed."""
        self._capacity = capacity
        self._measure = measure
        self._measured_at = now
        self._thread: threading.Thread | None = None
        self._problem: Reason | None = None
        self._failures = 0

    def __call__(self, now: float) -> Reason | None:
        if now - self._measured_at >= INTERVAL_SECONDS and (
            self._thread is None or not self._thread.is_alive()
        ):
            self._measured_at = now
            self._thread = threading.Thread(target=self._check, daemon=True)
            self._thread.start()
        return self._problem

    def join(self) -> None:
        """Wait for a measurement that is under way: its exec must not be killed as a process of the command."""
        if self._thread:
            self._thread.join()

    def _check(self) -> None:
        try:
            output = self._measure()
        except SandboxError:
            output = ""
        usage = _DiskUsage.parse(output)
        self._failures = 0 if usage.used else self._failures + 1
        if usage.exceeds(self._capacity) or self._failures >= MAX_FAILURES:
            self._problem = Reason.FLOOD


@dataclass(frozen=True, slots=True)
class _DiskUsage:
    """What ``MEASURE`` reported of the box's folders and of the disk that they are on."""

    used: int = 0  # bytes
    files: int = 0
    free: int | None = None  # bytes
    out_of_files: bool = False  # hardly an inode is left

    @classmethod
    def parse(cls, output: str) -> _DiskUsage:
        lines = [line.split() for line in output.splitlines()]
        numbers = {
            kind: [int(words[1]) for words in lines if words[0] == kind and words[1].isdigit()]
            for kind in ("size", "count")
        }
        disk = {
            words[0]: words[2:] for words in lines if len(words) == 7 and all(map(str.isdigit, words[2:5]))
        }
        free = int(disk["bytes"][2]) * 1024 if "bytes" in disk else None
        out_of_files = "files" in disk and int(disk["files"][2]) < int(disk["files"][0]) * MIN_FREE_FILES
        return cls(sum(numbers["size"]) * 1024, sum(numbers["count"]), free, out_of_files)

    def exceeds(self, capacity: Capacity) -> bool:
        too_large = self.used > capacity.disk or self.files > capacity.files
        disk_full = self.free is not None and self.free < capacity.min_free_disk
        return too_large or self.out_of_files or disk_full
