"""A process tells whoever started it that it is ready: `dayhand up`, or systemd with Type=notify, as sd_notify(3) does.

https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from pathlib import Path

NOTIFY_SOCKET = "NOTIFY_SOCKET"
READY = b"READY=1"
MAX_BYTES = 4096


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
