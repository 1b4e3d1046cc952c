"""Dayhand's own commands as child processes, which end with their parent."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
TERMINATE_SECONDS = 5.0
PROCESSES = ("web", "dispatch", "work")  # the commands of an installation


@contextmanager
def running(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    output: IO[str] | None = None,
    stop_seconds: float = TERMINATE_SECONDS,
) -> Iterator[subprocess.Popen[str]]:
    """Run ``dayhand <command>`` until the block is left, which terminates it and, if need be, kills it.

    On Linux it also ends when this process is killed (prctl(2), PR_SET_PDEATHSIG).
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "dayhand.cli", *command],
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        text=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - no thread runs yet, and it makes one system call
        start_new_session=True,  # Ctrl-C reaches only the parent, which ends its children in order
    )
    try:
        yield child
    finally:
        end(child, stop_seconds)


def end(child: subprocess.Popen[str], stop_seconds: float = TERMINATE_SECONDS) -> None:
    """End a child and its process group: SIGTERM, a wait, then SIGKILL."""
    if child.poll() is None:
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(stop_seconds)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)  # it leads its own session, so the group holds only its children
    child.wait()


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies. Does nothing outside Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of descendants that lose theirs, to learn what they used. Does nothing outside Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
