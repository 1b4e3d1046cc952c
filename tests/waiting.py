"""Waiting for a condition, and for another thread to come to a lock."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 100.0  # seconds, however busy the machine is


def until(condition: Callable[[], object], what: str = "it", *, pause: float = 0.01) -> None:
    """Wait until something is so; ``pause`` is the time between two looks, in seconds."""
    assert becomes_true(condition, pause=pause), f"{what} did not come true"


def becomes_true(condition: Callable[[], object], *, pause: float = 0.01) -> bool:
    ends = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(pause)
    return True


def open_descriptors(path: Path) -> int:
    links = Path("/proc/self/fd").iterdir()
    return [os.path.realpath(link) for link in links].count(str(path.resolve()))
