"""An advisory lock on a file that shows that the owner of something is alive.

The owner takes the lock before what it owns exists and holds it until that is gone; the kernel releases it when the
process dies. Everyone else acts on it only while holding the lock, and removes the file only then.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class FileLock:
    """Held until it is released or its process ends. The file is created if it does not exist."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def acquire(self, *, shared: bool = False) -> bool:
        """Take the lock without waiting; whether that worked. It fails too if another holder has removed the file."""
        try:
            fcntl.flock(self._fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if is_in_place(self._fd, self.path):
            return True
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        return False

    def wait(self, *, shared: bool = False) -> None:
        """Take the lock as soon as it is free."""
        while True:
            fcntl.flock(self._fd, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            if is_in_place(self._fd, self.path):
                return
            os.close(self._fd)
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def remove(self) -> None:
        """Remove the file and release the lock. Only a holder that does not share it may do that."""
        self.path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def is_in_place(descriptor: int, path: Path) -> bool:
    """Whether an open file is the one that others would open: a lock on a removed file excludes nobody."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino)
