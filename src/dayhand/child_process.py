"""Dayhand's own commands as child processes, which end with their parent and tell it when they are ready.

They tell it as they would tell systemd with Type=notify: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
TERMINATE_SECONDS = 5.0
NOTIFY_SOCKET = "NOTIFY_SOCKET"
READY = b"READY=1"
MAX_BYTES = 4096
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


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port of 127.0.0.1 for a child whose address must be known before the child listens.

    On Linux nobody else is given it meanwhile: it is bound here, and a server may bind it too (socket(7), SO_REUSEADDR).
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port = int(holder.getsockname()[1])
        if sys.platform != "linux":
            holder.close()
        yield port


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


def tell_ready(environ: MutableMapping[str, str] = os.environ) -> None:
    """Say it once, if somebody asked to be told. What this process starts later does not inherit the address."""
    address = environ.pop(NOTIFY_SOCKET, "")
    if not address.startswith(("/", "@")):
        return
    name = f"\0{address[1:]}" if address[0] == "@" else address
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.sendto(READY, name)


class ReadySocket:
    """Where one child says that it is ready."""

    def __init__(self, path: Path, listener: socket.socket) -> None:
        self.env = {NOTIFY_SOCKET: str(path)}  # for the child
        self._listener = listener
        self._ready = False

    def is_ready(self) -> bool:
        """Whether the child has said so; it does not wait."""
        with suppress(BlockingIOError):
            while not self._ready:
                self._ready = READY in self._listener.recv(MAX_BYTES).splitlines()
        return self._ready


@contextmanager
def ready_socket(path: Path) -> Iterator[ReadySocket]:
    """Listen at a path, which must not exist."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.setblocking(False)
        listener.bind(str(path))
        yield ReadySocket(path, listener)
