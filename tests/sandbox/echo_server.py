"""A stand-in for the proxy that says everything back, to hold up what lies between it and a box's commands."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(65536):
            self.request.sendall(data)


class Echoes(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 100


@contextmanager
def echoing(path: str) -> Iterator[None]:
    """On a unix socket at ``path``."""
    with Echoes(path, Echo) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield
        server.shutdown()
