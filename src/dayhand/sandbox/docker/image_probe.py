"""Whether an engine has an image, asked without docker-py, whose import takes longer than the answer."""

from __future__ import annotations

import contextlib
import socket
from urllib.parse import quote

SECONDS = 5.0
DEFAULT_PORT = 2375


def has_image(address: str, image: str) -> bool | None:
    """Ask the engine at ``unix://PATH`` or ``tcp://HOST:PORT``, or one of their short forms; None if none answers.

    Source: https://docs.docker.com/reference/api/engine/ ("Inspect an image").
    """
    with contextlib.suppress(OSError, ValueError), contextlib.closing(_connect(address)) as engine:
        engine.sendall(f"GET /images/{quote(image)}/json HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
        with engine.makefile("rb") as answer:
            status = answer.readline(256).split()[1:2]
            return status == [b"200"] if status else None
    return None


def _connect(address: str) -> socket.socket:
    scheme, _, place = address.rpartition("://")
    if scheme == "unix" or place.startswith("/"):
        engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        engine.settimeout(SECONDS)
        try:
            engine.connect(place)
        except OSError:
            engine.close()
            raise
        return engine
    host, _, port = place.rpartition(":") if ":" in place else (place, "", str(DEFAULT_PORT))
    return socket.create_connection((host.strip("[]"), int(port)), timeout=SECONDS)
