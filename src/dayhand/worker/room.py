"""Whether a task can begin or go on here: free disk and memory, and the worker's own files."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dayhand.errors import DataDeleted, DayhandError, DiskFull, LeaseLost, TaskStopped, WorkerStopping
from dayhand.hub.failures import FULL_DISK

MEMORY = Path("/proc/meminfo")  # only on Linux
FULL = (errno.ENOSPC, errno.EDQUOT)


def find_shortage(data: Path, min_free_mb: int, meminfo: Path = MEMORY) -> str:
    """What there is too little of to begin a task, in a sentence; "" if there is enough."""
    return find_disk_shortage(data, min_free_mb) or find_memory_shortage(min_free_mb, meminfo)


def find_disk_shortage(data: Path, min_free_mb: int) -> str:
    """The same for the disk alone, which a task may fill while it runs."""
    data.mkdir(parents=True, exist_ok=True)  # somebody may have deleted it
    free = shutil.disk_usage(data).free // 1024**2
    return f"Only {free:,} MB of disk are free in {data}." if free < min_free_mb else ""


@contextmanager
def watched_data(data: Path, min_free_mb: int) -> Iterator[Callable[[], None]]:
    """What raises, until the end of the block, ``DataDeleted`` or ``DiskFull`` if a task cannot go on here.

    The folders are held open, so that one which somebody made anew is not taken for the same.
    """
    with ExitStack() as stack:
        data.mkdir(parents=True, exist_ok=True)
        opened: dict[Path, int] = {}
        for folder in (data, *(path for path in data.iterdir() if path.is_dir())):
            opened[folder] = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            stack.callback(os.close, opened[folder])

        def check() -> None:
            if gone := [folder for folder, opened_as in opened.items() if not _is_same(folder, opened_as)]:
                raise DataDeleted(f"Somebody deleted {gone[0]} on the worker while the task ran.")
            if shortage := find_disk_shortage(data, min_free_mb):
                raise DiskFull(shortage, advice="Free some of it.")

        yield check


def _is_same(folder: Path, opened_as: int) -> bool:
    try:
        return os.path.samestat(folder.stat(), os.fstat(opened_as))
    except OSError:
        return False


@contextmanager
def disk_faults_as_errors(check: Callable[[], object]) -> Iterator[None]:
    """Raise ``DiskFull``, or what ``check`` raises, for what fails in the block because of the worker's disk."""
    try:
        yield
    except (LeaseLost, TaskStopped, WorkerStopping):
        raise
    except (OSError, DayhandError) as error:
        if is_disk_full(error):
            raise DiskFull("The worker's disk is full.", advice="Free some of it.") from error
        check()
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


def find_memory_shortage(min_free_mb: int, meminfo: Path = MEMORY) -> str:
    """The same for the memory alone."""
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except OSError:
        return ""
    free = next((int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable:")), None)
    return f"Only {free:,} MB of memory are available." if free is not None and free < min_free_mb else ""
