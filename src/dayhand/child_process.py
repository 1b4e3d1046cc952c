"""Dayhand's own commands as child processes that never outlive their parent."""

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
PATIENCE_SECONDS = 5.0


@contextmanager
def running(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, output: IO[str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run ``dayhand <command>`` beside us; it is ended, gently and then firmly, when the block is left.

    It also ends when this process is killed: on Linux the kernel sees to that (prctl(2), PR_SET_PDEATHSIG).
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "dayhand.cli", *command],
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        text=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - we start no threads before, and the call is one system call
        start_new_session=True,  # Ctrl-C reaches the parent only: it ends its children in order
    )
    try:
        yield child
    finally:
        end(child)


def end(child: subprocess.Popen[str]) -> None:
    """End a child and its process group: a SIGTERM, some patience, then a SIGKILL for whatever is left."""
    if child.poll() is None:
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(PATIENCE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)  # it leads a session of its own: nobody else is in its group
    child.wait()


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies. Elsewhere than on Linux nothing is done."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
