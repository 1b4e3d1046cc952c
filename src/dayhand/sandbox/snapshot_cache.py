"""Limits the total size of the snapshots of any backend: the least recently used are deleted first.

    <folder>/<key>  a snapshot's size in KiB; its modification time is that of the last use; locked, shared, while a box
                    is open over the snapshot

``du`` measures the size inside the box that is about to be saved: the host never walks what sandboxed code wrote.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from dayhand.box_paths import ENVIRONMENT, WORKSPACE
from dayhand.sandbox.base import NO_HOSTS, Box, CommandLimits, Egress, Result, Sandbox, Snapshot, Stdin
from dayhand.sandbox.file_lock import is_in_place
from dayhand.sandbox.private_folder import make_private
from dayhand.startup.records import dataclass

MIN_AGE_SECONDS = 600.0  # since the last use, before deletion: a task may be between two of its boxes
MEASURE_LIMITS = CommandLimits(seconds=120.0)
KEY = re.compile(r"[A-Za-z0-9-]{1,120}")


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One snapshot; ``size`` is None if it could not be measured."""

    key: str
    size: int | None  # bytes
    used: float  # seconds since the epoch


class SnapshotCache:
    """Wraps another sandbox and keeps its snapshots under ``max_bytes`` in total (0: no limit).

    A snapshot that a box is open over, or was less than ten minutes ago, is never deleted; the next save deletes others
    or tries again. One that alone is larger than ``max_bytes``, or could not be measured, is deleted as soon as
    possible and does not displace any other.
    """

    def __init__(
        self, sandbox: Sandbox, folder: Path, max_bytes: int, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.name = sandbox.name
        self.toolchains = sandbox.toolchains
        self._sandbox = sandbox
        self._folder = folder
        self._max_bytes = max_bytes
        self._clock = clock
        make_private(folder)

    def self_test(self) -> None:
        self._sandbox.self_test()

    def fingerprint(self) -> str:
        return self._sandbox.fingerprint()

    @contextmanager
    def open(
        self,
        *,
        origin: Snapshot | None = None,
        egress: Egress | None = None,
        hosts: Mapping[str, str] = NO_HOSTS,
    ) -> Iterator[Box]:
        with self._in_use(origin), self._sandbox.open(origin=origin, egress=egress, hosts=hosts) as box:
            yield CachedBox(box, self, over=origin if egress is None else None)

    def find_snapshot(self, key: str) -> Snapshot | None:
        self._touch(
            key
        )  # before the search, so that a snapshot that is found is not deleted before it is opened
        return self._sandbox.find_snapshot(key)

    def delete_snapshots(self, keys: Iterable[str]) -> None:
        keys = tuple(keys)
        self._sandbox.delete_snapshots(keys)
        for key in keys:
            (self._folder / key).unlink(missing_ok=True)

    def entries(self) -> tuple[CacheEntry, ...]:
        """The snapshots in the cache, the least recently used first."""
        entries = []
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):
                text, used = path.read_text("ascii"), path.stat().st_mtime
                entries.append(CacheEntry(path.name, int(text) * 1024 if text.isdigit() else None, used))
        return tuple(sorted(entries, key=lambda entry: entry.used))

    def add(self, key: str, kib: int | None, *, over: Snapshot | None = None) -> None:
        """Record the size of a snapshot that was just saved, and delete others to make room for it.

        ``kib`` includes what it is a layer ``over``.
        """
        path, sizes = self._folder / key, {entry.key: entry.size or 0 for entry in self.entries()}
        while over and kib is not None:
            kib, over = max(0, kib - sizes.get(over.key, 0) // 1024), over.over
        path.write_text("unknown" if kib is None else str(kib), "ascii")
        self._touch(key)
        if self._max_bytes:
            self._evict()

    def delete_unused(self, before: float) -> None:
        """Delete the snapshots that were last used before a time."""
        for entry in self.entries():
            if entry.used < before:
                self._delete(entry)

    def _evict(self) -> None:
        entries = [entry for entry in self.entries() if self._exists(entry.key)]
        fitting = [entry for entry in entries if entry.size is not None and entry.size <= self._max_bytes]
        for entry in entries:
            if entry not in fitting:
                self._delete(entry)  # however recently used the others are; until then it does not count
        total = sum(entry.size or 0 for entry in fitting)
        for entry in fitting:
            if total <= self._max_bytes:
                return
            if self._delete(entry):
                total -= entry.size or 0

    def _exists(self, key: str) -> bool:
        """Whether the backend, which limits the number of snapshots itself, still has it."""
        if self._sandbox.find_snapshot(key):
            return True
        path = self._folder / key
        with _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB) as locked:
            if locked and not self._sandbox.find_snapshot(key):  # it may have been saved again meanwhile
                path.unlink()
        return False

    def _delete(self, entry: CacheEntry) -> bool:
        """Delete a snapshot; False if it is in use, or was a moment ago."""
        path = self._folder / entry.key
        with _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB) as locked:
            if not locked or self._clock() - path.stat().st_mtime < MIN_AGE_SECONDS:
                return False
            self.delete_snapshots([entry.key])
        return True

    @contextmanager
    def _in_use(self, origin: Snapshot | None) -> Iterator[None]:
        """Lock a snapshot while a box is open over it: the kernel releases the lock when this process dies."""
        with ExitStack() as stack:
            while origin:
                stack.enter_context(_lock(self._folder / origin.key, fcntl.LOCK_SH))
                self._touch(origin.key)
                stack.callback(self._touch, origin.key)
                origin = origin.over
            yield

    def _touch(self, key: str) -> None:
        now = self._clock()
        with suppress(FileNotFoundError):
            if KEY.fullmatch(key):
                os.utime(self._folder / key, (now, now))


class CachedBox:
    """A box of a ``SnapshotCache``: its size is measured before it is saved."""

    def __init__(self, box: Box, cache: SnapshotCache, *, over: Snapshot | None = None) -> None:
        self._box = box
        self._cache = cache
        self._over = over  # what a saved box is a layer over

    @property
    def cancelled(self) -> Callable[[], bool] | None:
        return self._box.cancelled

    @cancelled.setter
    def cancelled(self, cancelled: Callable[[], bool] | None) -> None:
        self._box.cancelled = cancelled

    @property
    def checked_out(self) -> str:
        return self._box.checked_out

    def changed_paths(self) -> bytes | None:
        return self._box.changed_paths()

    def run(
        self,
        command: str | Sequence[str],
        *,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
        stdin: Stdin = None,
        limits: CommandLimits | None = None,
        on_output: Callable[[bytes], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Result:
        return self._box.run(
            command, cwd=cwd, env=env, stdin=stdin, limits=limits, on_output=on_output, cancelled=cancelled
        )

    def check_output(
        self, command: Sequence[str], *, stdin: bytes | None = None, max_bytes: int, seconds: float = 60
    ) -> bytes:
        return self._box.check_output(command, stdin=stdin, max_bytes=max_bytes, seconds=seconds)

    def save(self, key: str) -> Snapshot:
        kib = self._measure()
        snapshot = self._box.save(key)
        self._cache.add(key, kib, over=self._over)
        return snapshot

    def _measure(self) -> int | None:
        """The box's disk use in KiB. Links are not followed; a file with several names counts once."""
        command = ["/usr/bin/du", "-skP", "--", WORKSPACE, ENVIRONMENT]
        result = self._box.run(command, cwd="/", limits=MEASURE_LIMITS)
        sizes = re.findall(r"^(\d{1,15})\t/", result.text(), re.MULTILINE)
        return sum(map(int, sizes)) if result.passed and len(sizes) == 2 else None


@contextmanager
def _lock(path: Path, operation: int) -> Iterator[bool]:
    """An advisory lock on an existing file; False if the file is gone or was removed meanwhile, or the lock is taken."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _try_lock(descriptor, operation) and is_in_place(descriptor, path)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        return False
    return True
