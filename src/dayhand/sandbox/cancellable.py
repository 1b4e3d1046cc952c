"""A sandbox for one task: when the task is cancelled, so is every command that runs in one of its boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from dayhand.sandbox.base import NO_HOSTS, Box, Egress, Sandbox, Snapshot


class Cancellable:
    """Wraps another sandbox; calls ``check`` about once a second while a command runs.

    ``check`` raises to cancel. Its exception leaves the box's ``run``, after the command and its processes are gone.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        check: Callable[[], None],
        *,
        opened: Callable[[str], None] = lambda _name: None,
    ) -> None:
        """``opened`` is told the backend's name for each box."""
        self.name = sandbox.name
        self.toolchains = sandbox.toolchains
        self._sandbox = sandbox
        self._check = check
        self._opened = opened

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
        with self._sandbox.open(origin=origin, egress=egress, hosts=hosts) as box:
            self._opened(self.name)
            box.cancelled = self._cancelled
            yield box

    def find_snapshot(self, key: str) -> Snapshot | None:
        return self._sandbox.find_snapshot(key)

    def delete_snapshots(self, keys: Iterable[str]) -> None:
        self._sandbox.delete_snapshots(keys)

    def _cancelled(self) -> bool:
        self._check()
        return False
