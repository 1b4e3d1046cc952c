"""A file on this machine with the names of a pool's workers: when all of them have died with it, the next pool frees their tasks."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dayhand.sandbox.file_lock import FileLock
from dayhand.startup.records import dataclass
from dayhand.worker.memory_kills import any_killed_since, note_memory_kills


@dataclass(frozen=True, slots=True)
class PoolFile:
    """The names of a pool's workers, in a file that the pool and its workers hold locked until the last of them is dead."""

    path: Path
    lock: FileLock

    def add(self, name: str) -> None:
        """Note a worker before it is forked. On a full disk its tasks wait until their leases expire."""
        with suppress(OSError), self.path.open("a", encoding="ascii") as file:
            file.write(f"{name}\n")


@contextmanager
def pool_file(folder: Path) -> Iterator[PoolFile]:
    """Name this pool, before it forks."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, lock = _new_lock(folder)
    with suppress(OSError):
        path.write_text(f"{note_memory_kills()}\n", encoding="ascii")
    try:
        yield PoolFile(path, lock)
    finally:
        lock.remove()


def _new_lock(folder: Path) -> tuple[Path, FileLock]:
    """A new file and its lock. Another pool may see the file before it is locked, and take it: then it is another file."""
    while True:
        path = folder / secrets.token_hex(8)
        lock = FileLock(path)
        if lock.acquire():
            return path, lock
        lock.release()


def find_dead_pools(folder: Path) -> Iterator[tuple[str, bool]]:
    """The workers whose whole pool is dead, and whether they may have crashed. Each is given once, to one process."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        lock = FileLock(path)
        try:
            if not lock.acquire():
                continue
            note, *names = path.read_text(encoding="ascii").splitlines() or [""]
            crashed = any_killed_since(note)
            for name in names:
                yield name, crashed
            lock.remove()
        finally:
            lock.release()
