"""Kept states within a number of bytes, whichever backend keeps them: least recently used out first.

    shelf/<key>     a state's size in KiB; its time is that of the last use; held, shared, while a box stands on it

Sizes are measured by ``du`` inside the box that is about to be saved: the host never walks what sandboxed code wrote.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dayhand.box_paths import ENVIRONMENT, WORKSPACE
from dayhand.sandbox.base import Box, CommandLimits, Egress, Result, Sandbox, Snapshot

RESTING_SECONDS = 600.0  # what was used so lately is between two boxes of one task
MEASURE = CommandLimits(seconds=120.0)
KEY = re.compile(r"[A-Za-z0-9-]{1,120}")


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One state on the shelf; ``size`` is None where it could not be measured."""

    key: str
    size: int | None  # bytes
    used: float  # seconds since the epoch


class SnapshotCache:
    """Another sandbox, whose kept states together stay under ``most`` bytes (0: no limit).

    A state on which a box stands, or did less than ten minutes ago, stays whatever its size: the next one that is kept
    makes room. A state that is by itself larger than ``most``, or that cannot be measured, goes as soon as it may:
    whoever filled it drives out nobody else's.
    """

    def __init__(
        self, sandbox: Sandbox, folder: Path, most: int, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.name = sandbox.name
        self._sandbox = sandbox
        self._folder = folder
        self._most = most
        self._clock = clock
        folder.mkdir(parents=True, exist_ok=True)

    def probe(self) -> None:
        self._sandbox.probe()

    def stamp(self) -> str:
        return self._sandbox.stamp()

    @contextmanager
    def open(self, *, origin: Snapshot | None = None, egress: Egress | None = None) -> Iterator[Box]:
        with self._held(origin), self._sandbox.open(origin=origin, egress=egress) as box:
            yield CachedBox(box, self)

    def find(self, key: str) -> Snapshot | None:
        self._touch(key)  # before it is looked for: what is found stays until it is opened
        return self._sandbox.find(key)

    def drop(self, keys: Iterable[str]) -> None:
        wanted = tuple(keys)
        self._sandbox.drop(wanted)
        for key in wanted:
            (self._folder / key).unlink(missing_ok=True)

    def kept(self) -> tuple[CacheEntry, ...]:
        """What is on the shelf, the least recently used first."""
        found = []
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):
                text, used = path.read_text("ascii"), path.stat().st_mtime
                found.append(CacheEntry(path.name, int(text) * 1024 if text.isdigit() else None, used))
        return tuple(sorted(found, key=lambda one: one.used))

    def put(self, key: str, kib: int | None) -> None:
        """Note the size of a state that was just kept, and make room for it."""
        path = self._folder / key
        path.write_text("unknown" if kib is None else str(kib), "ascii")
        self._touch(key)
        if self._most:
            self._make_room()

    def _make_room(self) -> None:
        here = [one for one in self.kept() if self._still_there(one.key)]
        fitting = [one for one in here if one.size is not None and one.size <= self._most]
        for one in here:
            if one not in fitting:
                self._remove(one)  # whatever its age; while it rests, the others do not make room for it
        total = sum(one.size or 0 for one in fitting)
        for one in fitting:
            if total <= self._most:
                return
            if self._remove(one):
                total -= one.size or 0

    def _still_there(self, key: str) -> bool:
        """Whether the backend, which limits their number, has it yet."""
        if self._sandbox.find(key):
            return True
        (self._folder / key).unlink(missing_ok=True)
        return False

    def _remove(self, one: CacheEntry) -> bool:
        path = self._folder / one.key
        with _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB) as mine:
            if not mine or self._clock() - path.stat().st_mtime < RESTING_SECONDS:
                return False
            self.drop([one.key])
        return True

    @contextmanager
    def _held(self, origin: Snapshot | None) -> Iterator[None]:
        """Hold a state while a box stands on it: the kernel lets go of it when this process dies."""
        if origin is None or not (self._folder / origin.key).exists():
            yield
            return
        with _lock(self._folder / origin.key, fcntl.LOCK_SH):
            self._touch(origin.key)
            try:
                yield
            finally:
                self._touch(origin.key)

    def _touch(self, key: str) -> None:
        now = self._clock()
        with suppress(FileNotFoundError):
            if KEY.fullmatch(key):
                os.utime(self._folder / key, (now, now))


class CachedBox:
    """A box of a shelf: what it saves is measured first."""

    def __init__(self, box: Box, shelf: SnapshotCache) -> None:
        self._box = box
        self._shelf = shelf

    @property
    def cancelled(self) -> Callable[[], bool] | None:
        return self._box.cancelled

    @cancelled.setter
    def cancelled(self, cancelled: Callable[[], bool] | None) -> None:
        self._box.cancelled = cancelled

    def run(
        self,
        command: str | Sequence[str],
        *,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
        stdin: bytes | IO[bytes] | None = None,
        limits: CommandLimits | None = None,
        on_output: Callable[[bytes], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Result:
        return self._box.run(
            command, cwd=cwd, env=env, stdin=stdin, limits=limits, on_output=on_output, cancelled=cancelled
        )

    def pour(
        self, command: Sequence[str], *, stdin: bytes | None = None, most: int, seconds: float = 60
    ) -> bytes:
        return self._box.pour(command, stdin=stdin, most=most, seconds=seconds)

    def save(self, key: str) -> Snapshot:
        kib = self._measure()
        snapshot = self._box.save(key)
        self._shelf.put(key, kib)
        return snapshot

    def _measure(self) -> int | None:
        """What the box holds on disk, in KiB; links are not followed and a file is counted once."""
        told = self._box.run(["/usr/bin/du", "-skP", "--", WORKSPACE, ENVIRONMENT], cwd="/", limits=MEASURE)
        sizes = re.findall(r"^(\d{1,15})\t/", told.text(), re.MULTILINE)
        return sum(map(int, sizes)) if told.passed and len(sizes) == 2 else None


@contextmanager
def _lock(path: Path, how: int) -> Iterator[bool]:
    """An advisory lock on a file that is there; False where it is not to be had."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _taken(descriptor, how)
    finally:
        os.close(descriptor)


def _taken(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        return False
    return True
