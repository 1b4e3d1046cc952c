"""What the benches share: a stopwatch, medians, and whether a Docker engine is there to be measured."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path


def timed(act: Callable[[], object]) -> float:
    """Do it; give the milliseconds that it took."""
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def ms(rounds: Sequence[float]) -> float:
    """The median, to a hundredth of a millisecond."""
    return round(statistics.median(rounds), 2)


def engine_problem() -> str:
    """Why there is no Docker engine to measure; "" where one answers."""
    docker = shutil.which("docker")
    if docker is None:
        return "there is no docker command here"
    try:
        asked = subprocess.run(
            [docker, "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "the Docker engine did not answer within 10 s"
    said = asked.stderr.strip().splitlines()
    return "" if asked.returncode == 0 else (said[0] if said else "no Docker engine answers").rstrip(".?")


def children(pid: int) -> list[int]:
    """The processes that a process's first thread started; none where it is gone."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def pss_mb(pid: int) -> float | None:
    """A process's proportional memory (PSS) in MB; None where the kernel does not tell it.

    PSS shares a page's size among all processes that map it.
    """
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return None
    return round(sum(int(line.split()[1]) for line in told.splitlines() if line.startswith("Pss:")) / 1024, 1)
