"""Measures a container's disk use while a command runs, and ends the command if it is too large."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from dayhand.box_paths import ENVIRONMENT, WORKSPACE
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Reason
from dayhand.sandbox.limits import MIN_FREE_FILES, Capacity
from dayhand.startup.records import dataclass

INTERVAL_SECONDS = 3.0  # between two measurements, each of which is an exec of its own
MAX_FAILURES = 5  # measurements in a row without a result, after which the command is ended
# Each line is prefixed with what it reports. `df -i` reports the free inodes of the disk. A folder is hidden if `du` may
# not read all of it, because the box took away its own right.
MEASURE = f"""
export LC_ALL=C
df -Pk {WORKSPACE} | sed -n '2s/^/bytes /p'
df -Pi {WORKSPACE} | sed -n '2s/^/files /p'
for folder in {WORKSPACE} {ENVIRONMENT}; do
  du -sk $folder 2>&1 | sed -n -e 's/^[0-9]/size &/p' -e "s|.*Permission denied.*|hidden $folder|p" | sort -u
  du -s --inodes $folder | sed 's/^/count /'
done
"""


class ContainerDiskWatch:
    """Measures in a thread of its own, because the thread that runs a command must keep reading its output."""

    def __init__(
        self, capacity: Capacity, measure: Callable[[], str], now: float, *, layer: Callable[[], int]
    ) -> None:
        """``measure`` returns the output of ``MEASURE`` in the container, or "" if that failed.

        ``layer`` asks the engine for the size of the container's own layer, which holds the workspace: the engine may
        read all of it. What is hidden in the environment, a volume, is too much at once: no set-up needs that.
        """
        self._layer = layer
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
            usage = _DiskUsage.parse(self._measure())
            if WORKSPACE in usage.hidden:
                usage = replace(usage, used=usage.used + self._layer())
        except SandboxError:
            usage = _DiskUsage()
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
    hidden: frozenset[str] = frozenset()  # folders that cannot be measured

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
        hidden = frozenset(words[1] for words in lines if words[:1] == ["hidden"])
        return cls(sum(numbers["size"]) * 1024, sum(numbers["count"]), free, out_of_files, hidden)

    def exceeds(self, capacity: Capacity) -> bool:
        too_large = self.used > capacity.disk or self.files > capacity.files
        disk_full = self.free is not None and self.free < capacity.min_free_disk
        return too_large or self.out_of_files or disk_full or ENVIRONMENT in self.hidden
