"""A sandbox for one task: whatever runs in any of its boxes ends when the task is to go on no longer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from dayhand.sandbox.base import Box, Egress, Sandbox, Snapshot


class Cancellable:
    """Another sandbox, whose every command asks about once a second whether it is still wanted.

    ``check`` raises where it is not: what it raises comes out of the box, and nothing of the command is left then.
    """

    def __init__(self, sandbox: Sandbox, check: Callable[[], None]) -> None:
        self.name = sandbox.name
        self._sandbox = sandbox
        self._check = check

    def probe(self) -> None:
        self._sandbox.probe()

    def stamp(self) -> str:
        return self._sandbox.stamp()

    @contextmanager
    def open(self, *, origin: Snapshot | None = None, egress: Egress | None = None) -> Iterator[Box]:
        with self._sandbox.open(origin=origin, egress=egress) as box:
            box.cancelled = self._cancelled
            yield box

    def find(self, key: str) -> Snapshot | None:
        return self._sandbox.find(key)

    def drop(self, keys: Iterable[str]) -> None:
        self._sandbox.drop(keys)

    def _cancelled(self) -> bool:
        self._check()
        return False
