"""Looks at the disk while a command runs: no quota can be had without root, so who takes too much is ended."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from dayhand.sandbox.base import Reason

SHARE = 8  # measure anew when an eighth of what the box may have has gone from the disk
EVERY_SECONDS = 30.0
INODES_LEFT = 0.02  # of all; a million empty files need no room


class DiskWatch:
    """Asked once a second. It counts by ``du``, which only looks at sizes, and only where the disk has shrunk.

    What a box without root hides from ``du`` (by taking away its own right to read a folder) is still bounded: every
    command is ended when the disk has less than ``floor`` bytes left.
    """

    def __init__(self, folder: Path, *, most: int, floor: int) -> None:
        self._folder = folder
        self._most = most
        self._floor = floor
        self._counting: subprocess.Popen[bytes] | None = None
        self._counted = time.monotonic()
        self._free = self._look()[0]

    def __call__(self) -> Reason | None:
        free, enough_inodes = self._look()
        if free < self._floor or not enough_inodes:
            return Reason.FLOOD
        if self._counting is None:
            late = time.monotonic() - self._counted > EVERY_SECONDS
            if late or self._free - free > self._most // SHARE:
                self._free = free
                self._counting = self._count()
            return None
        return Reason.FLOOD if self._size() > self._most else None

    def stop(self) -> None:
        """End a count that is still going on."""
        if self._counting is not None:
            self._counting.kill()
            self._counting.communicate()
            self._counting = None

    def _look(self) -> tuple[int, bool]:
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize, disk.f_favail >= disk.f_files * INODES_LEFT

    def _count(self) -> subprocess.Popen[bytes]:
        command = ["du", "-sk", str(self._folder)]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def _size(self) -> int:
        """The box's size in bytes when the count is done; 0 before."""
        if self._counting is None or self._counting.poll() is None:
            return 0
        told, _ = self._counting.communicate()
        self._counting, self._counted = None, time.monotonic()
        word = told.partition(b"\t")[0]
        return int(word) * 1024 if word.isdigit() else 0
