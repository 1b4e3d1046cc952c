"""Whether a process died by itself or was killed from outside.

A task that crashes its workers is given up after some attempts; one whose workers somebody else kills goes on for ever.
The kernel kills with SIGKILL, too, where memory is used up, and counts that in ``/proc/vmstat``.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
VMSTAT = Path("/proc/vmstat")  # only on Linux


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
