"""What the benchmarks share: timing, medians, and the memory of processes."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path

from dayhand.child_process import end


def time_ms(function: Callable[[], object]) -> float:
    """Call ``function`` and return the milliseconds that it took."""
    began = time.perf_counter()
    function()
    return (time.perf_counter() - began) * 1000


def median_ms(times: Sequence[float]) -> float:
    """The median, to a hundredth of a millisecond."""
    return round(statistics.median(times), 2)


def children(pid: int) -> list[int]:
    """The child processes of a process's main thread; none if it has ended."""
    try:
        return [
            int(child)
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
        ]
    except OSError:
        return []


def descendants(pids: Collection[int]) -> dict[int, str]:
    """All descendants of these processes: the program's name by process id."""
    parents, names = {}, {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            head, _, rest = (process / "stat").read_text().rpartition(")")
        except OSError:
            continue  # it has just ended
        parents[int(process.name)], names[int(process.name)] = int(rest.split()[1]), head.partition("(")[2]
    found, latest = set[int](), set(pids)
    while latest:
        latest = {one for one, parent in parents.items() if parent in latest}
        found |= latest
    return {one: names[one] for one in found}


def end_with_descendants(child: subprocess.Popen[str]) -> None:
    """End a child with all of its descendants, also those that lead a process group of their own, as RQ's workers do."""
    left = descendants([child.pid])
    end(child)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def process_of_port(port: int, pids: Collection[int]) -> int:
    """Which of these processes has the connection of this local port, over IPv4; 0 if it has ended."""
    sockets = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in sockets]
    inodes = {f"socket:[{one[9]}]" for one in fields if int(one[1].partition(":")[2], 16) == port}
    for pid in pids:
        with suppress(OSError):
            for file in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    if str(file.readlink()) in inodes:
                        return pid
    return 0


def pss_mb(pid: int) -> float | None:
    """A process's proportional memory (PSS) in MB; None if the kernel does not report it.

    PSS divides the size of a page among all processes that map it.
    """
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    except OSError:
        return None
    return round(
        sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 1024, 1
    )
