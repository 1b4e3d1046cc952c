"""The raw connection of one exec in a container: standard input goes in, both outputs come back in frames.

docker-py has no stream that can be written and read at the same time without losing bytes, so this module speaks the
few lines of HTTP itself: https://docs.docker.com/reference/api/engine/ ("Attach to a container", stream format).
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
from dayhand.sandbox.live_input import LiveInput

CHUNK = 64 * 1024
CONNECT_SECONDS = 30.0
STDERR = 2


def engine_address(environ: Mapping[str, str] = os.environ) -> str:
    """The engine's address as ``unix://PATH`` or ``tcp://HOST:PORT``. Raises ``SandboxError`` for other kinds."""
    host = environ.get("DOCKER_HOST", "")
    try:
        address = str(parse_host(host or None, tls=bool(environ.get("DOCKER_TLS_VERIFY"))))
    except docker.errors.DockerException as error:
        raise SandboxError(
            f"DOCKER_HOST is not the address of a Docker engine: {error}.",
            advice="Use unix:///path/to.sock or tcp://HOST:PORT.",
        ) from error
    for scheme, ours in (("http+unix://", "unix://"), ("http://", "tcp://"), ("tcp://", "tcp://")):
        if address.startswith(scheme):
            return ours + address.removeprefix(scheme)
    raise SandboxError(
        f"A Docker engine at {host} is not supported: only unix:// and tcp:// without TLS are.",
        advice="Forward its socket: `ssh -nNT -L /run/dayhand/docker.sock:/var/run/docker.sock HOST`, and set "
        "DOCKER_HOST=unix:///run/dayhand/docker.sock.",
    )


def check_engine(address: str) -> None:
    """Raise ``SandboxError`` if nothing listens at an engine's address."""
    try:
        _connect(address).close()
    except OSError as error:
        raise SandboxError(
            f"The Docker engine does not answer at {address}: {error.strerror or error}.",
            advice="Check that it runs and that this user may use its socket (`docker version`), or set DOCKER_HOST.",
        ) from error


class OutputSink(Protocol):
    """Receives output: an ``OutputCapture``, for example."""

    def write(self, chunk: bytes) -> None: ...


class ExecStream:
    """A started exec. Call ``step`` until it has ``ended``, and always ``close`` it."""

    def __init__(self, address: str, version: str, exec_id: str) -> None:
        """Start the exec. Raises ``SandboxError`` if the engine refuses."""
        self.ended = False
        self._buffer = bytearray()
        self._left = 0  # bytes of the current frame that are still to come
        self._kind = 0
        self._pending = memoryview(b"")
        self._source: IO[bytes] | None = None
        self._live: LiveInput | None = None
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

    def feed(self, stdin: bytes | IO[bytes] | LiveInput) -> None:
        """Write this to standard input during the next steps, and then close it."""
        self._pending = memoryview(stdin if isinstance(stdin, bytes) else b"")
        self._feeding = True
        if isinstance(stdin, LiveInput):
            self._live = stdin
            self._selector.register(stdin, selectors.EVENT_READ)
            return
        self._source = None if isinstance(stdin, bytes) else stdin
        self._selector.modify(self._socket, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def step(self, seconds: float, out: OutputSink, err: OutputSink) -> None:
        """Wait at most ``seconds`` until bytes can be moved, and move them."""
        if not self._deliver(out, err):
            for key, events in self._selector.select(max(seconds, 0)):
                if key.fileobj is self._live:
                    self._take_live()
                    continue
                if events & selectors.EVENT_WRITE:
                    self._write()
                if events & selectors.EVENT_READ:
                    self._read(out, err)

    def send(self, data: bytes | bytearray | memoryview) -> int:
        """Write to standard input what it accepts now: the number of bytes. Raises ``OSError`` if it is closed."""
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
            if self._live is not None and self._live in self._selector.get_map():
                self._selector.unregister(self._live)
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._selector.close()
        self._socket.close()

    def _read(self, out: OutputSink, err: OutputSink) -> None:
        try:
            chunk = self._socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""  # the engine went away; inspecting the exec will report it
        if not chunk:
            self.ended = True
            return
        self._buffer += chunk
        self._deliver(out, err)

    def _deliver(self, out: OutputSink, err: OutputSink) -> bool:
        """Pass the received parts of frames on; whether there were any."""
        delivered = False
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
            delivered = True
            (err if self._kind == STDERR else out).write(part)
        return delivered

    def _take_live(self) -> None:
        if self._live is None or (data := self._live.read()) is None:
            return
        if not data:
            self.stop_feeding()
            return
        self._pending = memoryview(data)
        self._selector.unregister(self._live)
        self._selector.modify(self._socket, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def _write(self) -> None:
        if not self._pending and self._live is not None:
            self._selector.modify(self._socket, selectors.EVENT_READ)
            self._selector.register(self._live, selectors.EVENT_READ)
            return
        if not self._pending and self._source is not None:
            self._pending = memoryview(self._source.read(CHUNK))
        if not self._pending:
            self.stop_feeding()
            return
        try:
            self._pending = self._pending[self.send(self._pending[:CHUNK]) :]
        except OSError:  # the command closed its standard input
            self.stop_feeding()


def _connect(address: str) -> socket.socket:
    scheme, _, rest = address.partition("://")
    if scheme == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(CONNECT_SECONDS)
        try:
            connection.connect(rest)
        except OSError:
            connection.close()
            raise
        return connection
    host, _, port = rest.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS)


def _upgrade(connection: socket.socket, path: str) -> bytes:
    """Start the exec and take the connection over: the part of its output that arrived already."""
    body = json.dumps({"Detach": False, "Tty": False}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
        f"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    response = b""
    while b"\r\n\r\n" not in response:
        chunk = connection.recv(CHUNK)
        if not chunk or len(response) > CHUNK:
            raise SandboxError("The Docker engine closed the connection before the command started.")
        response += chunk
    headers, _, body_start = response.partition(b"\r\n\r\n")
    status = headers.split(b" ", 2)[1:2]
    if status not in ([b"101"], [b"200"]):
        message = body_start.decode("utf-8", "replace").strip()[:300]
        raise SandboxError(f"The Docker engine refused to run a command: {message}")
    return body_start
