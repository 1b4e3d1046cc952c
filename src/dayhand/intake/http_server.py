"""The WSGI server: waitress, with limits on how long a request may take to arrive and on what all of them may occupy.

waitress reads a whole request before a thread works on it, so slow clients occupy no thread. Its own time limit begins
again with every byte, and at its limit of connections it accepts no more; the limits here do not depend on the client.
"""

from __future__ import annotations

import heapq
import json
import logging
import math
import resource
import socket
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.receiver import ChunkedReceiver
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher
from waitress.utilities import BadRequest

from dayhand.startup.records import dataclass

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

KB, MB = 1024, 1024 * 1024
WAKE_SECONDS = 1.0  # the longest wait for an event; slow clients are looked for as often
STOP_WAKE_SECONDS = 0.05
FILES_BESIDE = 512  # open files other than connections and their bodies: Redis, GitHub, logs
CHUNK_LINE_BYTES = 8 * KB  # the size of a chunk, with its extension; and the trailer
MAX_READS = 16  # of what is thrown away
REFUSALS = {
    HTTPStatus.BAD_REQUEST: ("The request is not valid HTTP.", ""),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("The request is larger than 25 MB.", ""),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: ("The request's headers are larger than 32 KB.", ""),
    HTTPStatus.INTERNAL_SERVER_ERROR: ("Dayhand failed on this request.", "Its log on the server says why."),
    HTTPStatus.NOT_IMPLEMENTED: (
        "This transfer encoding is not supported.",
        "Send a Content-Length or chunks.",
    ),
}


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What clients may occupy. A client that is too slow is disconnected; where room is short, the slowest ones are."""

    threads: int = 128  # more than ``READERS`` of live logs
    connections: int = 2000
    idle_seconds: float = (
        20  # without a byte: before a request, or while the client does not read its response
    )
    header_seconds: float = 10  # from a request's first byte until its headers are complete
    request_seconds: float = 30  # from its first byte until its body is complete; GitHub gives up after 10
    header_bytes: int = 32 * KB
    body_bytes: int = 25 * MB  # GitHub does not send larger deliveries
    arriving_bytes: int = 256 * MB  # of all bodies that are not complete yet
    stop_seconds: float = 4  # for running requests; ``child_process`` kills a second later


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """Bounds the lines between chunks too: waitress copies an unfinished one with every read."""

    error: Any
    completed: bool

    def received(self, data: bytes) -> int:
        consumed = int(super().received(data))
        body = self.body_rcv
        if (
            isinstance(body, ChunkedReceiver)
            and self.error is None
            and len(body.control_line) + len(body.trailer) > CHUNK_LINE_BYTES
        ):
            self.error = BadRequest("a chunk's line is too long")
            self.completed = True
        return consumed


class _Refusal(ErrorTask):  # type: ignore[misc]
    """The response to a request that never reaches the app, in the same shape as the app's own."""

    def execute(self) -> None:
        error = self.request.error
        what, advice = REFUSALS.get(error.code, (f"{error.reason}.", ""))
        body = json.dumps({"error": what, "advice": advice}).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Connection(HTTPChannel):  # type: ignore[misc]
    """A connection that knows how long its client has been taking. Times are monotonic."""

    error_task_class = _Refusal
    parser_class = _Parser

    waits_since = 0.0  # its beginning, or when its last request was complete
    began: float | None = None  # when the first byte of the request came that is arriving
    arrived = 0  # bytes of that request's body

    def __init__(self, *arguments: Any, **more: Any) -> None:
        self.waits_since = time.monotonic()
        super().__init__(*arguments, **more)

    def received(self, data: bytes) -> bool:
        if self.began is None:
            self.began = time.monotonic()
        taken: bool = super().received(data)
        if self.request is not None:
            self.began = self.began or time.monotonic()
            self._note_arrived(self.request.body_bytes_received)
        if self.server.arriving > self.server.limits.arriving_bytes:
            self.server.limit_arriving()
        return taken

    def request_complete(self) -> None:
        self.waits_since, self.began = time.monotonic(), None
        self._note_arrived(0)

    def too_slow(self) -> bool:
        """Whether the client takes too long to send its request, or to read its response."""
        limits = self.server.limits
        unread = bool(self.total_outbufs_len)
        if unread or (self.began is None and not self.requests):
            return bool(
                time.time() - self.last_activity > limits.idle_seconds
            )  # waitress has it by the wall clock
        if self.began is None or self.requests:
            return False
        in_body = self.request is not None and self.request.headers_finished
        most: float = limits.request_seconds if in_body else limits.header_seconds
        return time.monotonic() - self.began > most

    def handle_close(self) -> None:
        """Read what the client has sent already: the kernel would reset the connection, and lose the response."""
        if self.socket is not None:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
                for _ in range(MAX_READS):
                    if not self.socket.recv(64 * KB):
                        break
        super().handle_close()

    def del_channel(self, *arguments: Any) -> None:
        self._note_arrived(0)
        if self.request is not None:
            self.request.close()  # and its temporary file
        super().del_channel(*arguments)

    def _note_arrived(self, size: int) -> None:
        self.server.arriving += size - self.arrived
        self.arrived = size


class HttpServer(TcpWSGIServer):  # type: ignore[misc] # waitress ships no types
    """Serves an app on an address until ``stop``."""

    channel_class = _Connection
    next_channel_cleanup = math.inf  # ``_close_slow`` does that

    def __init__(
        self,
        app: WSGIApplication,
        address: tuple[str, int],
        limits: ServerLimits,
        *,
        stopping: threading.Event | None = None,
    ) -> None:
        """Listen on the address. Raises ``OSError`` if that is not possible."""
        self.limits = limits
        self.stopping = stopping or threading.Event()
        self.arriving = 0  # bytes of bodies that are not complete yet
        self._looked = 0.0  # for slow clients, by the wall clock
        self.connections = min(limits.connections, allow_files(2 * limits.connections + FILES_BESIDE) // 2)
        listener = _listen(address)
        adjustments = _adjustments(listener, limits, self.connections)
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # else a line for each request that waits
        threads = ThreadedTaskDispatcher()
        threads.set_thread_count(limits.threads)
        super().__init__(
            app,
            {},
            _sock=listener,
            dispatcher=threads,
            adj=adjustments,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            bind_socket=False,
        )

    def run(self) -> None:
        """Serve until ``stop``; then answer the requests that run, for at most ``stop_seconds``."""
        while not self.stopping.is_set():
            self._step(WAKE_SECONDS)
        wasyncore.dispatcher.close(self)  # the listening socket
        ends = time.monotonic() + self.limits.stop_seconds
        while self._busy() and time.monotonic() < ends:
            self._step(STOP_WAKE_SECONDS)
        for connection in list(self.active_channels.values()):
            connection.handle_close()
        self.trigger.close()
        self.task_dispatcher.set_thread_count(0)

    def stop(self) -> None:
        """Let ``run`` end; may be called by a signal handler or from another thread."""
        self.stopping.set()
        with suppress(OSError):  # it may have ended already
            self.pull_trigger()

    def add_task(self, task: _Connection) -> None:
        task.request_complete()
        super().add_task(task)

    def limit_arriving(self) -> None:
        """Close the connections whose bodies have taken longest, until the others fit into ``arriving_bytes``."""
        connections = [one for one in self.active_channels.values() if one.arrived and not one.will_close]
        self.arriving = sum(one.arrived for one in connections)
        for connection in sorted(connections, key=lambda one: one.began or 0):
            if self.arriving <= self.limits.arriving_bytes:
                break
            connection.will_close = True
            self.arriving -= connection.arrived

    def _step(self, seconds: float) -> None:
        """Handle what happened on the connections, and close those that exceed a limit."""
        self._close_slow()
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)

    def _close_slow(self) -> None:
        """Called between two rounds of events: a connection whose client does not read has none of its own."""
        connections = list(self.active_channels.values())
        now = time.time()
        if not self._looked <= now < self._looked + WAKE_SECONDS:
            self._looked = now
            for connection in connections:
                if connection.too_slow():
                    connection.handle_close()
        surplus = len(self.active_channels) - self.connections
        if surplus > 0:
            waiting = (one for one in connections if one.connected and not one.requests)
            for connection in heapq.nsmallest(surplus, waiting, key=lambda one: one.waits_since):
                connection.handle_close()

    def _busy(self) -> bool:
        return any(bool(one.requests or one.total_outbufs_len) for one in self.active_channels.values())


def allow_files(needed: int) -> int:
    """Raise this process's limit of open files to ``needed`` if the machine allows it, and give the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if soft == unlimited or soft >= needed:
        return needed
    soft = needed if hard == unlimited else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


def _listen(address: tuple[str, int]) -> socket.socket:
    """A name is taken as IPv4, so that one server answers at one address."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    return socket.create_server(address, family=family, backlog=1024)


def _adjustments(listener: socket.socket, limits: ServerLimits, connections: int) -> Adjustments:
    return Adjustments(
        sockets=[listener],
        threads=limits.threads,
        connection_limit=connections + 8,  # ``_close_slow`` makes room before waitress stops accepting
        asyncore_use_poll=True,
        max_request_header_size=limits.header_bytes,
        max_request_body_size=limits.body_bytes + 1,  # waitress refuses what reaches it
        inbuf_overflow=256 * KB,  # a larger body is kept in a temporary file
        # No decision depends on these headers or on the address: the app gets them as they were sent.
        clear_untrusted_proxy_headers=False,
        log_socket_errors=False,  # clients that reset connections are no news
        ident="dayhand",
    )
