"""Looks at a container while a command runs in it: is it to be halted, and does it fill the disk?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from dayhand.box_paths import ENVIRONMENT, WORKSPACE
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Reason
from dayhand.sandbox.bubblewrap.disk_watch import FILES_LEFT
from dayhand.sandbox.limits import Capacity

LOOK_SECONDS = 3.0  # between two looks at the disk, each of which is an exec of its own
BLIND = 5  # looks in a row that told nothing, after which a command is ended
_FOLDERS = f"{WORKSPACE} {ENVIRONMENT}"
# A second df for what the disk has left of inodes, in a form that tells which is which.
DISK = f"""
df -Pk {WORKSPACE} | sed -n '2s/^/bytes /p'
df -Pi {WORKSPACE} | sed -n '2s/^/files /p'
du -sk {_FOLDERS} | sed 's/^/size /'
du -s --inodes {_FOLDERS} | sed 's/^/count /'
"""


class DiskLook:
    """The disk of one container, asked for in a thread of its own: whoever runs a command must go on reading."""

    def __init__(self, capacity: Capacity, ask: Callable[[], str], now: float) -> None:
        """``ask`` gives what ``DISK`` says in the container; "" where it says nothing."""
        self._capacity = capacity
        self._ask = ask
        self._looked = now
        self._thread: threading.Thread | None = None
        self._problem: Reason | None = None
        self._blind = 0

    def __call__(self, now: float) -> Reason | None:
        if now - self._looked >= LOOK_SECONDS and (self._thread is None or not self._thread.is_alive()):
            self._looked = now
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()
        return self._problem

    def join(self) -> None:
        """Wait for a look that is still under way: its exec must not be killed as a command's child."""
        if self._thread:
            self._thread.join()

    def _look(self) -> None:
        try:
            told = self._ask()
        except SandboxError:
            told = ""
        found = _Sizes.of(told)
        self._blind = 0 if found.used else self._blind + 1
        if found.too_much(self._capacity) or self._blind >= BLIND:
            self._problem = Reason.FLOOD


@dataclass(frozen=True, slots=True)
class _Sizes:
    """What ``DISK`` told, as far as it did: of the folders, and of the disk that they are on."""

    used: int = 0  # bytes
    files: int = 0
    free: int | None = None  # bytes
    full: bool = False  # hardly an inode is left

    @classmethod
    def of(cls, told: str) -> _Sizes:
        lines = [line.split() for line in told.splitlines()]
        numbers = {
            kind: [int(words[1]) for words in lines if words[0] == kind and words[1].isdigit()]
            for kind in ("size", "count")
        }
        disk = {
            words[0]: words[2:] for words in lines if len(words) == 7 and all(map(str.isdigit, words[2:5]))
        }
        free = int(disk["bytes"][2]) * 1024 if "bytes" in disk else None
        full = "files" in disk and int(disk["files"][2]) < int(disk["files"][0]) * FILES_LEFT
        return cls(sum(numbers["size"]) * 1024, sum(numbers["count"]), free, full)

    def too_much(self, capacity: Capacity) -> bool:
        crowded = self.used > capacity.disk or self.files > capacity.files
        return crowded or self.full or (self.free is not None and self.free < capacity.floor)
