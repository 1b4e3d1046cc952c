"""Whether this machine has room for a task: free disk and memory."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dayhand.errors import DayhandError, DiskFull
from dayhand.hub.failures import FULL_DISK

MEMORY = Path("/proc/meminfo")  # only on Linux
FULL = (errno.ENOSPC, errno.EDQUOT)


def find_shortage(data: Path, min_free_mb: int) -> str:
    """What there is too little of to begin a task, in a sentence; "" if there is enough."""
    return find_disk_shortage(data, min_free_mb) or find_memory_shortage(min_free_mb)


def find_disk_shortage(data: Path, min_free_mb: int) -> str:
    """The same for the disk alone, which a task may fill while it runs."""
    free = shutil.disk_usage(data).free // 1024**2
    return f"Only {free:,} MB of disk are free in {data}." if free < min_free_mb else ""


@contextmanager
def full_disk_as_error() -> Iterator[None]:
    """Raise ``DiskFull`` for whatever a full disk made fail in the block."""
    try:
        yield
    except (OSError, DayhandError) as error:
        if is_disk_full(error):
            raise DiskFull("The worker's disk is full.", advice="Free some of it.") from error
        raise


def is_disk_full(error: BaseException | None) -> bool:
    """Whether a full disk is the cause of an error."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:  # a retry may raise an earlier error again, in a circle
        seen.append(error)
        if (isinstance(error, OSError) and error.errno in FULL) or re.search(FULL_DISK, str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def find_memory_shortage(min_free_mb: int) -> str:
    """The same for the memory alone."""
    try:
        lines = MEMORY.read_text(encoding="ascii").splitlines()
    except OSError:
        return ""
    free = next((int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable:")), None)
    return f"Only {free:,} MB of memory are available." if free is not None and free < min_free_mb else ""
