"""Whether a process died by itself or was killed from outside, and the workers that died with their parent.

A task that crashes its workers is given up after some attempts; one whose workers somebody else kills goes on for ever.
The kernel kills with SIGKILL, too, where memory is used up, and counts that in ``/proc/vmstat``.
"""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dayhand.sandbox.file_lock import FileLock

FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
VMSTAT, BOOT_ID = Path("/proc/vmstat"), Path("/proc/sys/kernel/random/boot_id")  # only on Linux


def count_memory_kills(vmstat: Path = VMSTAT) -> int:
    """How many processes the kernel has killed because memory was used up."""
    with suppress(OSError, ValueError):
        for line in vmstat.read_text(encoding="ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def crashed(status: int, memory_kills: int) -> bool:
    """Whether a process with this wait status died by itself; ``memory_kills`` were counted since it began."""
    from_outside = os.WIFSIGNALED(status) and os.WTERMSIG(status) in FROM_OUTSIDE
    return not from_outside or memory_kills > 0


@dataclass(frozen=True, slots=True)
class PoolFile:
    """The names of a pool's workers, in a file that the pool and its workers hold locked until the last of them is dead."""

    path: Path
    lock: FileLock

    def add(self, name: str) -> None:
        with self.path.open("a", encoding="ascii") as file:
            file.write(f"{name}\n")


@contextmanager
def pool_file(folder: Path) -> Iterator[PoolFile]:
    """Name this pool, before it forks."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / secrets.token_hex(8)
    lock = FileLock(path)
    lock.acquire()
    path.write_text(f"{_boot_id()} {count_memory_kills()}\n", encoding="ascii")
    try:
        yield PoolFile(path, lock)
    finally:
        lock.remove()
        lock.release()


def find_dead_pools(folder: Path) -> Iterator[tuple[str, bool]]:
    """The workers whose whole pool is dead, and whether they may have crashed. Each is given once, to one process."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        lock = FileLock(path)
        try:
            if not lock.acquire():
                continue
            head, *names = path.read_text(encoding="ascii").splitlines() or [""]
            boot_id, _, memory_kills = head.partition(" ")
            short = boot_id == _boot_id() and count_memory_kills() > int(memory_kills or 0)
            for name in names:
                yield name, short
            lock.remove()
        finally:
            lock.release()


def _boot_id() -> str:
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
