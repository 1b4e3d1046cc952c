"""Looks at a container while a command runs in it: is it to be halted, and does it fill the disk?"""

from __future__ import annotations

import threading
from collections.abc import Callable

from dayhand.errors import SandboxError
from dayhand.sandbox.base import ENVIRONMENT, WORKSPACE, Reason
from dayhand.sandbox.limits import Capacity

LOOK_SECONDS = 3.0  # between two looks at the disk, each of which is an exec of its own
BLIND = 5  # looks in a row that told nothing, after which a command is ended
DISK = f"df -Pk {WORKSPACE}; exec du -sk {WORKSPACE} {ENVIRONMENT}"


class DiskLook:
    """The disk of one container, asked for in a thread of its own: whoever runs a command must go on reading."""

    def __init__(self, capacity: Capacity, ask: Callable[[], str], now: float) -> None:
        """``ask`` gives what ``DISK`` says in the container; "" where it says nothing."""
        self._capacity = capacity
        self._ask = ask
        self._looked = now
        self._thread: threading.Thread | None = None
        self._problem: Reason | None = None
        self._blind = 0

    def __call__(self, now: float) -> Reason | None:
        if now - self._looked >= LOOK_SECONDS and (self._thread is None or not self._thread.is_alive()):
            self._looked = now
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()
        return self._problem

    def join(self) -> None:
        """Wait for a look that is still under way: its exec must not be killed as a command's child."""
        if self._thread:
            self._thread.join()

    def _look(self) -> None:
        try:
            told = self._ask()
        except SandboxError:
            told = ""
        used, free = _sizes(told)
        self._blind = 0 if used else self._blind + 1
        too_much = sum(used) > self._capacity.disk or (free is not None and free < self._capacity.floor)
        if too_much or self._blind >= BLIND:
            self._problem = Reason.FLOOD


def _sizes(told: str) -> tuple[list[int], int | None]:
    """Bytes used by the two folders, as far as they were told, and bytes free on their disk."""
    used, free = [], None
    for line in told.splitlines():
        words = line.split()
        if len(words) == 2 and words[0].isdigit():
            used.append(int(words[0]) * 1024)
        elif len(words) == 6 and words[3].isdigit():
            free = int(words[3]) * 1024
    return used, free
