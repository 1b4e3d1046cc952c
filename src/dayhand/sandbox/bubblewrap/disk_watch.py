"""Watches a box's disk use while a command runs: without root there are no quotas, so a box that is too large is ended."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from dayhand.sandbox.base import Reason
from dayhand.sandbox.limits import MIN_FREE_FILES, Capacity

SHARE = 8  # measure again when an eighth of what the box may use has gone from the disk
INTERVAL_SECONDS = 30.0
# bwrap's arguments for a program that sees the machine read-only and may read every file of its user
READ_EVERYTHING = (
    *("--unshare-user", "--uid", "0", "--gid", "0", "--cap-drop", "ALL", "--cap-add", "CAP_DAC_READ_SEARCH"),
    *("--die-with-parent", "--ro-bind", "/", "/", "--"),
)


class DiskWatch:
    """Called once a second. It measures by ``du``, which looks at sizes alone, and only when the disk's free space shrinks.

    A box may take away its own right to read a folder. ``du`` counts it nevertheless: it runs as root, or by ``bwrap`` in
    a user namespace with the one capability to read every file of its own user (user_namespaces(7)).
    """

    def __init__(self, folder: Path, capacity: Capacity, *, bwrap: Path) -> None:
        self._folder = folder
        self._capacity = capacity
        self._prefix = () if os.geteuid() == 0 else (str(bwrap), *READ_EVERYTHING)
        self._du: subprocess.Popen[bytes] | None = None
        self._measured_at = time.monotonic()
        self._free, self._free_files, _ = self._disk()

    def __call__(self) -> Reason | None:
        free, free_files, all_files = self._disk()
        if free < self._capacity.min_free_disk or free_files < all_files * MIN_FREE_FILES:
            return Reason.FLOOD
        if self._du is None:
            late = time.monotonic() - self._measured_at > INTERVAL_SECONDS
            files_gone = self._free_files - free_files > self._capacity.files // SHARE
            if late or files_gone or self._free - free > self._capacity.disk // SHARE:
                self._free, self._free_files = free, free_files
                self._du = self._start_du()
            return None
        size, files = self._du_result()
        return Reason.FLOOD if size > self._capacity.disk or files > self._capacity.files else None

    def stop(self) -> None:
        """End a measurement that is still running."""
        if self._du is not None:
            self._du.kill()
            self._du.communicate()
            self._du = None

    def _disk(self) -> tuple[int, int, int]:
        """The disk's free bytes, free inodes and all inodes."""
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize, disk.f_favail, disk.f_files

    def _start_du(self) -> subprocess.Popen[bytes]:
        command = [
            *self._prefix,
            "sh",
            "-c",
            'du -sk "$1"; exec du -s --inodes "$1"',
            "sh",
            str(self._folder),
        ]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def _du_result(self) -> tuple[int, int]:
        """The box's size in bytes and the number of its files when ``du`` has ended; 0 before."""
        if self._du is None or self._du.poll() is None:
            return 0, 0
        output, _ = self._du.communicate()
        self._du, self._measured_at = None, time.monotonic()
        numbers = [int(line.partition(b"\t")[0] or 0) for line in output.splitlines() if line[:1].isdigit()]
        size, files = (*numbers, 0, 0)[:2]
        return size * 1024, files
