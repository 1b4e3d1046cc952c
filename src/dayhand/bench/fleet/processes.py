"""What our processes use, without the commands in boxes: those have a process namespace of their own."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from dayhand.bench.measure import descendants, pss_mb

TICKS = os.sysconf("SC_CLK_TCK")
MEMORY_EVERY = 8  # looks between two measurements of memory, which takes a while


@dataclass(slots=True)
class Meter:
    """Looks at the processes again and again, so that what has ended counts with what was seen of it last."""

    cpu: dict[int, float] = field(default_factory=dict)  # seconds, by process id
    peak_mb: float = 0.0
    processes: int = 0  # at the peak
    looks: int = 0

    def look(self, roots: Iterable[int]) -> None:
        """``roots``: the processes that were started; their descendants count too."""
        roots = list(roots)
        pids = [pid for pid in {*roots, *descendants(roots)} if _is_ours(pid)]
        for pid in pids:
            self.cpu[pid] = max(self.cpu.get(pid, 0.0), _cpu_seconds(pid))
        if self.looks % MEMORY_EVERY == 0:
            total = sum(pss_mb(pid) or 0.0 for pid in pids)
            if total > self.peak_mb:
                self.peak_mb, self.processes = total, len(pids)
        self.looks += 1

    @property
    def cpu_seconds(self) -> float:
        return sum(self.cpu.values())


def _is_ours(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/ns/pid").readlink() == Path("/proc/self/ns/pid").readlink()
    except OSError:  # it has just ended, or belongs to another user
        return False


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS
