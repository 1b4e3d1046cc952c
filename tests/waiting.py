"""Waiting for a condition, and for another thread to come to a lock."""

from __future__ import annotations

import os
import time
from pathlib import Path

PATIENCE = 60.0  # seconds, however busy the machine is


def becomes_true(condition) -> bool:
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def open_descriptors(path: Path) -> int:
    links = Path("/proc/self/fd").iterdir()
    return [os.path.realpath(link) for link in links].count(str(path.resolve()))
