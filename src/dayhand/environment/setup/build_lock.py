"""One builder at a time on this machine: a lock around building a snapshot, which ends with its holder's process."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dayhand.errors import EnvironmentFailure


@contextmanager
def building(key: str) -> Iterator[None]:
    """Hold the right to build ``key`` (letters, digits and dashes); waits while another process holds it.

    The kernel frees the lock when its process dies, so a killed worker blocks nobody.
    """
    descriptor = os.open(private_folder() / key, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def private_folder() -> Path:
    """A folder that only this user can write: in a shared one, anybody could hold the lock for ever. It may vanish."""
    folder = Path(tempfile.gettempdir()) / f"dayhand-building-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise EnvironmentFailure(
            f"{folder} is not a folder that only this user can write.",
            advice="Remove it, or point TMPDIR at a private folder.",
        )
    return folder
