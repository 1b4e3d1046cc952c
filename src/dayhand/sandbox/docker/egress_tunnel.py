"""The network access of a set-up container: an exec in it that carries connections to the proxy on the worker's side.

The container has no network, and none of the worker's folders is mounted, so this works the same for an engine on
another machine. Inside, ``egress/relay_in_container.py`` listens on the loopback; it runs as a user of its own, whom
the commands cannot signal.
"""

from __future__ import annotations

import os
import select
import socket
import threading
from pathlib import Path

from dayhand.errors import SandboxError
from dayhand.sandbox.docker.exec_stream import ExecStream
from dayhand.sandbox.egress import relay_in_container
from dayhand.sandbox.egress.gateway import PORT
from dayhand.sandbox.egress.proxy_on_demand import SOCKET
from dayhand.sandbox.output import OutputCapture

RELAY_USER = "1001:1001"
RELAY = [
    "python3",
    "-I",
    "-S",
    "-u",
    "-c",
    Path(relay_in_container.__file__).read_text(encoding="utf-8"),
    str(PORT),
]
START_SECONDS = 30.0
POLL_MS = 200  # how often the thread checks whether it has to end


class EgressTunnel:
    """The worker's end, in a thread of its own. It ends with the container."""

    def __init__(self, stream: ExecStream, folder: Path) -> None:
        """``folder`` holds the proxy's socket. Raises ``SandboxError`` if the relay does not start."""
        self._stream = stream
        self._folder = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        self._multiplexer = relay_in_container.Multiplexer(self._connect)
        self._ready = threading.Event()
        self._closing = False
        self._errors = OutputCapture(1000, 1000)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            self.close()
            errors = self._errors.head.decode("utf-8", "replace").strip()[-300:]
            raise SandboxError(
                f"The network relay in the set-up container did not start: {errors or 'it took too long'}.",
                advice="The sandbox image needs python3 (deploy/sandbox/Dockerfile).",
            )

    def close(self) -> None:
        self._closing = True
        self._thread.join()
        os.close(self._folder)

    def write(self, chunk: bytes) -> None:
        """Take what the relay wrote."""
        self._ready.set()
        self._multiplexer.receive(chunk)

    def _connect(self) -> socket.socket | None:
        upstream = socket.socket(socket.AF_UNIX)
        try:
            upstream.connect(
                f"/proc/self/fd/{self._folder}/{SOCKET}"
            )  # a socket's path has at most 107 bytes
        except OSError:
            upstream.close()
            return None
        return upstream

    def _run(self) -> None:
        try:
            while not self._closing and not self._stream.ended:
                self._step()
        except OSError:
            pass  # the container is gone, which its commands report
        finally:
            self._multiplexer.close()
            self._stream.close()

    def _step(self) -> None:
        """Wait until something can be moved, and move it."""
        poll = select.poll()
        numbers = self._multiplexer.register(poll)
        wanted = select.POLLIN | (select.POLLOUT if self._multiplexer.out else 0)
        poll.register(self._stream.fileno(), wanted)
        for fd, ready in poll.poll(POLL_MS):
            if fd in numbers:
                self._multiplexer.move(numbers[fd], ready)
                continue
            if ready & select.POLLOUT:
                del self._multiplexer.out[: self._stream.send(self._multiplexer.out)]
            if ready & ~select.POLLOUT:
                self._stream.step(0, self, self._errors)
