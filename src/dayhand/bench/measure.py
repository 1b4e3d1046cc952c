"""What the benches share: a stopwatch, medians, and the memory of processes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path


def timed(act: Callable[[], object]) -> float:
    """Do it; give the milliseconds that it took."""
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def ms(rounds: Sequence[float]) -> float:
    """The median, to a hundredth of a millisecond."""
    return round(statistics.median(rounds), 2)


def children(pid: int) -> list[int]:
    """The processes that a process's first thread started; none where it is gone."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def descendants(pids: Collection[int]) -> dict[int, str]:
    """All processes that descend from these, and their programs' names."""
    parents, names = {}, {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            head, _, rest = (process / "stat").read_text().rpartition(")")
        except OSError:
            continue  # it ended while we looked
        parents[int(process.name)], names[int(process.name)] = int(rest.split()[1]), head.partition("(")[2]
    found, latest = set[int](), set(pids)
    while latest:
        latest = {one for one, parent in parents.items() if parent in latest}
        found |= latest
    return {one: names[one] for one in found}


def pss_mb(pid: int) -> float | None:
    """A process's proportional memory (PSS) in MB; None where the kernel does not tell it.

    PSS shares a page's size among all processes that map it.
    """
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return None
    return round(sum(int(line.split()[1]) for line in told.splitlines() if line.startswith("Pss:")) / 1024, 1)
