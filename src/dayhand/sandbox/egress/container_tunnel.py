"""The way out of a set-up container: an exec in it that carries connections to the proxy on the worker's side.

The container has no network, and no folder of the worker's is mounted, so this works the same for an engine on another
machine. Inside, ``docker_door`` listens on the loopback; it runs as a user of its own, which the commands cannot signal.
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
from dayhand.sandbox.egress.gateway import PORT, SOCKET
from dayhand.sandbox.meter import Meter

DOOR_USER = "1001:1001"
DOOR = ["python3", "-I", "-S", "-u", "-c", Path(relay_in_container.__file__).read_text(), str(PORT)]
START_SECONDS = 30.0
LOOK_MS = 200  # how often it looks whether it is to end


class Tunnel:
    """The worker's end, in a thread of its own. A container that ends takes it along."""

    def __init__(self, stream: ExecStream, folder: Path) -> None:
        """``folder`` holds the proxy's socket. Raises ``SandboxError`` where the door does not open."""
        self._stream = stream
        self._folder = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        self._frames = relay_in_container.Frames(self._meet)
        self._ready = threading.Event()
        self._closing = False
        self._said = Meter(1000, 1000)
        self._carrier = threading.Thread(target=self._carry, daemon=True)
        self._carrier.start()
        if not self._ready.wait(START_SECONDS):
            self.close()
            said = self._said.head.decode("utf-8", "replace").strip()[-300:]
            raise SandboxError(
                f"The way out of the set-up container did not open: {said or 'it was too slow'}.",
                advice="The sandbox image needs python3 (deploy/sandbox/Dockerfile).",
            )

    def close(self) -> None:
        self._closing = True
        self._carrier.join()
        os.close(self._folder)

    def take(self, chunk: bytes) -> None:
        """What the door has written."""
        self._ready.set()
        self._frames.take(chunk)

    def _meet(self) -> socket.socket | None:
        made = socket.socket(socket.AF_UNIX)
        try:
            made.connect(f"/proc/self/fd/{self._folder}/{SOCKET}")  # a socket's path has at most 107 bytes
        except OSError:
            made.close()
            return None
        return made

    def _carry(self) -> None:
        try:
            while not self._closing and not self._stream.ended:
                self._turn()
        except OSError:
            pass  # the container is gone: its commands say so
        finally:
            self._frames.close()
            self._stream.close()

    def _turn(self) -> None:
        """Wait for anything to move, and move it."""
        poll = select.poll()
        numbers = self._frames.watch(poll)
        poll.register(self._stream.fileno(), select.POLLIN | (select.POLLOUT if self._frames.out else 0))
        for fd, happened in poll.poll(LOOK_MS):
            if fd in numbers:
                self._frames.move(numbers[fd], happened)
                continue
            if happened & select.POLLOUT:
                del self._frames.out[: self._stream.send(self._frames.out)]
            if happened & ~select.POLLOUT:
                self._stream.step(0, self, self._said)
