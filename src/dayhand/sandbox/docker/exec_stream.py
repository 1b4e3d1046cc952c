"""The raw connection of one exec in a container: standard input goes in, both outputs come back in frames.

docker-py has no stream that is fed and read at once and that loses no byte, so the few lines of HTTP are spoken here
as https://docs.docker.com/reference/api/engine/ says ("Attach to a container", stream format).
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import struct
from collections.abc import Mapping
from contextlib import ExitStack
from typing import IO, Protocol

import docker
from docker.utils import parse_host

from dayhand.errors import SandboxError

CHUNK = 64 * 1024
CONNECT_SECONDS = 30.0
STDERR = 2


def engine_address(environ: Mapping[str, str] = os.environ) -> str:
    """``unix://PATH`` or ``tcp://HOST:PORT`` of the engine in ``DOCKER_HOST``. Raises ``SandboxError`` for others."""
    told = environ.get("DOCKER_HOST", "")
    try:
        address = str(parse_host(told or None, tls=bool(environ.get("DOCKER_TLS_VERIFY"))))
    except docker.errors.DockerException as error:
        raise SandboxError(
            f"DOCKER_HOST is not an address of an engine: {error}.",
            advice="Use unix:///path/to.sock or tcp://HOST:PORT.",
        ) from error
    for scheme, ours in (("http+unix://", "unix://"), ("http://", "tcp://"), ("tcp://", "tcp://")):
        if address.startswith(scheme):
            return ours + address.removeprefix(scheme)
    raise SandboxError(
        f"An engine at {told} cannot be spoken to: only unix:// and tcp:// without TLS can.",
        advice="Bring its socket here: `ssh -nNT -L /run/dayhand/docker.sock:/var/run/docker.sock HOST`, and set "
        "DOCKER_HOST=unix:///run/dayhand/docker.sock.",
    )


def check_engine(address: str) -> None:
    """Raise ``SandboxError`` where nobody listens at an engine's address."""
    try:
        _connect(address).close()
    except OSError as error:
        raise SandboxError(
            f"The Docker engine does not answer at {address}: {error.strerror or error}.",
            advice="See that it runs and that this user may use its socket (`docker version`), or set DOCKER_HOST.",
        ) from error


class Sink(Protocol):
    """Who takes output: a ``Meter``, say."""

    def take(self, chunk: bytes) -> None: ...


class ExecStream:
    """A started exec, to be stepped until it has ``ended``. Close it in any case."""

    def __init__(self, address: str, version: str, exec_id: str) -> None:
        """Start the exec. Raises ``SandboxError`` where the engine will not."""
        self.ended = False
        self._buffer = bytearray()
        self._left = 0  # bytes of the frame that are still to come
        self._kind = 0
        self._waiting = memoryview(b"")
        self._source: IO[bytes] | None = None
        self._feeding = False
        with ExitStack() as on_failure:
            try:
                self._socket = _connect(address)
                on_failure.callback(self._socket.close)
                self._buffer += _upgrade(self._socket, f"/v{version}/exec/{exec_id}/start")
            except OSError as error:
                raise SandboxError(f"The Docker engine does not answer: {error}.") from error
            on_failure.pop_all()
        self._socket.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)

    def feed(self, stdin: bytes | IO[bytes]) -> None:
        """Have this written to standard input while it is stepped, and then the end of it."""
        self._waiting = memoryview(stdin if isinstance(stdin, bytes) else b"")
        self._source = None if isinstance(stdin, bytes) else stdin
        self._feeding = True
        self._selector.modify(self._socket, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def step(self, seconds: float, out: Sink, err: Sink) -> None:
        """Wait at most so long for something to happen, and do it."""
        if not self._give_out(out, err):
            for _, events in self._selector.select(max(seconds, 0)):
                if events & selectors.EVENT_WRITE:
                    self._write()
                if events & selectors.EVENT_READ:
                    self._read(out, err)

    def send(self, data: bytes | bytearray | memoryview) -> int:
        """Write to standard input what it takes now; the number of bytes. Raises ``OSError`` where it takes no more."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def fileno(self) -> int:
        return self._socket.fileno()

    def stop_feeding(self) -> None:
        if self._feeding:
            self._feeding = False
            self._selector.modify(self._socket, selectors.EVENT_READ)
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._selector.close()
        self._socket.close()

    def _read(self, out: Sink, err: Sink) -> None:
        try:
            chunk = self._socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""  # the engine went away; the exec's state will tell
        if not chunk:
            self.ended = True
            return
        self._buffer += chunk
        self._give_out(out, err)

    def _give_out(self, out: Sink, err: Sink) -> bool:
        """Hand on what has come in whole or in part; whether there was anything."""
        any_came = False
        while self._buffer:
            if not self._left:
                if len(self._buffer) < 8:
                    break
                self._kind, self._left = struct.unpack(">BxxxI", self._buffer[:8])
                del self._buffer[:8]
            part = bytes(self._buffer[: self._left])
            if not part:
                continue
            del self._buffer[: len(part)]
            self._left -= len(part)
            any_came = True
            (err if self._kind == STDERR else out).take(part)
        return any_came

    def _write(self) -> None:
        if not self._waiting and self._source is not None:
            self._waiting = memoryview(self._source.read(CHUNK))
        if not self._waiting:
            self.stop_feeding()
            return
        try:
            self._waiting = self._waiting[self.send(self._waiting[:CHUNK]) :]
        except OSError:  # it does not want more
            self.stop_feeding()


def _connect(address: str) -> socket.socket:
    kind, _, place = address.partition("://")
    if kind == "unix":
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(CONNECT_SECONDS)
        try:
            made.connect(place)
        except OSError:
            made.close()
            raise
        return made
    host, _, port = place.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS)


def _upgrade(connection: socket.socket, path: str) -> bytes:
    """Start the exec and take the connection over; what came of its output already."""
    body = json.dumps({"Detach": False, "Tty": False}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
        f"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    answer = b""
    while b"\r\n\r\n" not in answer:
        chunk = connection.recv(CHUNK)
        if not chunk or len(answer) > CHUNK:
            raise SandboxError("The Docker engine ended the connection before it had begun.")
        answer += chunk
    told, _, rest = answer.partition(b"\r\n\r\n")
    status = told.split(b" ", 2)[1:2]
    if status not in ([b"101"], [b"200"]):
        said = rest.decode("utf-8", "replace").strip()[:300]
        raise SandboxError(f"The Docker engine will not run a command: {said}")
    return rest
