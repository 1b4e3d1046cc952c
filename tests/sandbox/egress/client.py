"""A client of a box's proxy that is not in the box."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dayhand.sandbox.egress.proxy_on_demand import SOCKET


@contextmanager
def connected(folder: Path) -> Iterator[socket.socket]:
    """A connection to the proxy whose socket is in this folder."""
    descriptor = os.open(folder, os.O_DIRECTORY)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(f"/proc/self/fd/{descriptor}/{SOCKET}")
        os.close(descriptor)
        yield connection


def refusal(folder: Path) -> bytes:
    """The first bytes of the answer to a request for a host that is not allowed."""
    with connected(folder) as connection:
        connection.sendall(b"CONNECT no.example:443 HTTP/1.1\r\n\r\n")
        return connection.recv(4096)[:12]
