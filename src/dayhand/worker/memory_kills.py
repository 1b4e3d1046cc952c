"""The processes that the kernel killed because memory was used up, which it counts by control group and for the machine."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from dayhand.sandbox.limits import own_oom_kills, read_oom_kills

VMSTAT = Path("/proc/vmstat")  # only on Linux


def count_memory_kills(vmstat: Path = VMSTAT) -> int:
    """How many processes the kernel has killed because memory was used up: of our control group, else of the machine.

    A box has a group of its own wherever we may make one, so that what its commands use up is not counted against a worker.
    """
    if (own := own_oom_kills()) is not None:
        return own
    with suppress(OSError, ValueError):
        return read_oom_kills(vmstat)
    return 0
