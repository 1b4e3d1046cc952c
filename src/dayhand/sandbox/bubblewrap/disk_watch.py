"""Looks at the disk while a command runs: no quota can be had without root, so who takes too much is ended."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from dayhand.sandbox.base import Reason

SHARE = 8  # measure anew when an eighth of what the box may have has gone from the disk
EVERY_SECONDS = 30.0
FILES_LEFT = 0.02  # of all that the disk can hold


class DiskWatch:
    """Asked once a second. It counts by ``du``, which only looks at sizes, and only where the disk has shrunk.

    What a box without root hides from ``du`` (by taking away its own right to read a folder) is still bounded: every
    command is ended when the disk has less than ``floor`` bytes left.
    """

    def __init__(self, folder: Path, *, most: int, max_files: int, floor: int) -> None:
        self._folder = folder
        self._most = most
        self._max_files = max_files
        self._floor = floor
        self._counting: subprocess.Popen[bytes] | None = None
        self._counted = time.monotonic()
        self._free, self._free_files, _ = self._look()

    def __call__(self) -> Reason | None:
        free, free_files, all_files = self._look()
        if free < self._floor or free_files < all_files * FILES_LEFT:
            return Reason.FLOOD
        if self._counting is None:
            late = time.monotonic() - self._counted > EVERY_SECONDS
            files_gone = self._free_files - free_files > self._max_files // SHARE
            if late or files_gone or self._free - free > self._most // SHARE:
                self._free, self._free_files = free, free_files
                self._counting = self._count()
            return None
        size, files = self._told()
        return Reason.FLOOD if size > self._most or files > self._max_files else None

    def stop(self) -> None:
        """End a count that is still going on."""
        if self._counting is not None:
            self._counting.kill()
            self._counting.communicate()
            self._counting = None

    def _look(self) -> tuple[int, int, int]:
        """Of the disk: free bytes, free inodes, all inodes."""
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize, disk.f_favail, disk.f_files

    def _count(self) -> subprocess.Popen[bytes]:
        command = ["sh", "-c", 'du -sk "$1"; exec du -s --inodes "$1"', "sh", str(self._folder)]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def _told(self) -> tuple[int, int]:
        """The box's size in bytes and the number of its files when the count is done; 0 before."""
        if self._counting is None or self._counting.poll() is None:
            return 0, 0
        told, _ = self._counting.communicate()
        self._counting, self._counted = None, time.monotonic()
        numbers = [int(line.partition(b"\t")[0] or 0) for line in told.splitlines() if line[:1].isdigit()]
        size, files = (*numbers, 0, 0)[:2]
        return size * 1024, files
