"""The web server beside clients that are slow, endless, too many or malformed; each form of them is one line."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from dataclasses import field as data_field
from typing import Any

import pytest
from flask import Flask, Response, request

from dayhand.intake.http_server import MB, HttpServer, ServerLimits
from dayhand.intake.route import MAX_BYTES

PATIENT = ServerLimits(threads=8, idle_seconds=600, header_seconds=600, request_seconds=600)
IMPATIENT = ServerLimits(threads=8, idle_seconds=0.5, header_seconds=0.5, request_seconds=0.5)
HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\n"
# What a slow client sends at first, and again and again.
SLOW = {
    "idle": (b"", b""),
    "half a request line": (b"POST /ec", b""),
    "an endless request line": (b"POST /", b"e"),
    "blank lines": (b"\r\n", b"\r\n"),
    "half the headers": (HEAD, b""),
    "headers that drip": (HEAD, b"X-A: b\r\n"),
    "one header that drips": (HEAD + b"X-A: ", b"b"),
    "a body that never comes": (HEAD + b"Content-Length: 1000000\r\n\r\n", b""),
    "a body that drips": (HEAD + b"Content-Length: 1000000\r\n\r\n", b"x"),
    "chunks without end": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "a chunk's size without end": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x"),
    "a trailer without end": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n"),
    "asks to continue, then nothing": (HEAD + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n", b""),
    "asks to continue without a body": (HEAD + b"Expect: 100-continue\r\n\r\n", b""),
}
REFUSED = {
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "a bare line feed": (HEAD + b"A: b\nC: d\r\n\r\n", 400),
    "no number as length": (HEAD + b"Content-Length: -1\r\n\r\n", 400),
    "no number as a chunk's size": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    "a chunk's size of 9 KB": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 9000, 400),
    "a trailer of 9 KB": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: " + b"x" * 9000, 400),
    "another encoding": (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    "headers of 33 KB": (HEAD + b"X-A: " + b"b" * 33 * 1024, 431),
    "a body of more than 25 MB": (HEAD + b"Content-Length: %d\r\n\r\n" % (MAX_BYTES + 1), 413),
}


@dataclass
class Stage:
    """An app whose requests wait for the test, and a server that serves it."""

    server: HttpServer
    release: threading.Event = data_field(default_factory=threading.Event)
    running: threading.Semaphore = data_field(default_factory=lambda: threading.Semaphore(0))
    closed: threading.Event = data_field(default_factory=threading.Event)

    @property
    def port(self) -> int:
        return int(self.server.effective_port)

    def connect(self, first: bytes = b"") -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), 30)
        client.sendall(first)
        return client

    def post(self, body: Any = b"hello", **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", "/echo", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def serving(limits: ServerLimits) -> Iterator[Stage]:
    app = Flask("app", static_folder=None)

    @app.post("/echo")
    def echo() -> str:
        return str(len(request.get_data()))

    @app.get("/wait")
    def wait() -> str:
        stage.running.release()
        stage.release.wait(60)
        return "done"

    @app.get("/endless")
    def endless() -> Response:
        def stream() -> Iterator[bytes]:
            try:
                while True:
                    yield b"x" * MB
            finally:
                stage.closed.set()

        stage.running.release()
        return Response(stream())

    stage = Stage(HttpServer(app, ("127.0.0.1", 0), limits))
    thread = threading.Thread(target=stage.server.run)
    thread.start()
    try:
        yield stage
    finally:
        stage.release.set()
        stage.server.stop()
        thread.join()


def wait_for(condition: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends, what
        threading.Event().wait(0.02)


def open_on_server(stage: Stage) -> int:
    return len(stage.server.active_channels)


def is_closed(client: socket.socket) -> bool:
    """Whether the server closed the connection; what it sent before is read and forgotten."""
    client.setblocking(False)
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


def keep_sending(clients: Sequence[socket.socket], drip: bytes) -> None:
    for client in clients:
        with suppress(OSError):
            client.send(drip)


@pytest.mark.parametrize(("first", "drip"), SLOW.values(), ids=SLOW)
def test_slow_clients_occupy_no_thread(first: bytes, drip: bytes) -> None:
    with serving(PATIENT) as stage, ExitStack() as stack:
        many = 4 * PATIENT.threads
        clients = [stack.enter_context(stage.connect(first)) for _ in range(many)]
        wait_for(lambda: open_on_server(stage) == many, "not all are connected")
        for _ in range(3):
            keep_sending(clients, drip)
            assert stage.post() == (200, b"5")
        assert not any(is_closed(client) for client in clients), (
            "the server waits for them and answers others"
        )


@pytest.mark.parametrize(("first", "drip"), SLOW.values(), ids=SLOW)
def test_a_request_must_arrive_in_time_however_its_bytes_are_spread(first: bytes, drip: bytes) -> None:
    with serving(IMPATIENT) as stage, stage.connect(first) as client:

        def dripped() -> bool:
            keep_sending([client], drip)
            return is_closed(client)

        wait_for(dripped, "the server waits for ever")


def test_with_too_many_connections_the_one_that_waits_longest_goes() -> None:
    limits = ServerLimits(threads=2, connections=20, idle_seconds=600, header_seconds=600)
    with serving(limits) as stage, ExitStack() as stack:
        busy = stack.enter_context(stage.connect(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"))
        stage.running.acquire()
        clients = [stack.enter_context(stage.connect(b"POST /ec")) for _ in range(60)]
        assert stage.post() == (200, b"5")
        wait_for(lambda: is_closed(clients[0]), "the oldest is kept")
        assert not is_closed(clients[-1]), "the newest one is not kept"
        stage.release.set()
        busy.settimeout(60)
        assert busy.recv(100).startswith(b"HTTP/1.1 200"), "a request that runs is not given up"


def test_bodies_that_arrive_are_bounded_together() -> None:
    limits = ServerLimits(threads=2, arriving_bytes=4 * MB, idle_seconds=600, request_seconds=600)
    start = HEAD + b"Content-Length: %d\r\n\r\n" % (2 * MB) + b"x" * MB
    with serving(limits) as stage, ExitStack() as stack:
        clients = []
        for number in range(4):
            clients.append(stack.enter_context(stage.connect(start)))
            wait_for(lambda most=number + 1: stage.server.arriving == most * MB, "it does not arrive")
        assert not is_closed(clients[0])
        clients.append(stack.enter_context(stage.connect(start)))
        wait_for(lambda: is_closed(clients[0]), "the oldest body is kept")
        assert not any(is_closed(client) for client in clients[1:])
        assert stage.post(b"y" * MB) == (200, b"%d" % MB)


def test_what_was_counted_of_a_body_is_given_back() -> None:
    with serving(PATIENT) as stage:
        for _ in range(3):
            assert stage.post(b"y" * MB) == (200, b"%d" % MB)
        with stage.connect(HEAD + b"Content-Length: 9\r\n\r\nabc"):
            wait_for(lambda: stage.server.arriving == 3, "it is not counted")
        wait_for(lambda: stage.server.arriving == 0, "it is counted after its end")


def test_a_stream_that_is_not_read_is_given_up() -> None:
    with serving(IMPATIENT) as stage, stage.connect(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n"):
        assert stage.closed.wait(60)


@pytest.mark.parametrize(("sent", "status"), REFUSED.values(), ids=REFUSED)
def test_what_never_reaches_the_app_is_refused_with_a_sentence(sent: bytes, status: int) -> None:
    with serving(PATIENT) as stage, stage.connect(sent) as client:
        answer = http.client.HTTPResponse(client)
        answer.begin()
        assert answer.status == status
        assert answer.headers["Content-Type"] == "application/json"
        assert set(refusal := json.loads(answer.read())) == {"error", "advice"}
        assert refusal["error"].endswith(".")


def test_25_mb_are_taken_and_not_a_byte_more_also_in_chunks() -> None:
    whole = b"x" * (MAX_BYTES // 5)
    with serving(PATIENT) as stage:
        assert stage.post(whole * 5) == (200, b"%d" % MAX_BYTES)
        with stage.connect(HEAD + b"Transfer-Encoding: chunked\r\n\r\n") as client:
            for _ in range(5):
                client.sendall(b"%x\r\n%s\r\n" % (len(whole), whole))
            answer = http.client.HTTPResponse(client)
            answer.begin()
            assert answer.status == 413
            assert "larger than 25 MB" in json.loads(answer.read())["error"]


def test_a_request_that_runs_is_answered_when_the_server_stops() -> None:
    with serving(PATIENT) as stage, stage.connect(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        stage.running.acquire()
        stage.server.stop()
        wait_for(lambda: not can_connect(stage.port), "it accepts new connections")
        stage.release.set()
        answer = http.client.HTTPResponse(client)
        answer.begin()
        assert (answer.status, answer.read()) == (200, b"done")


def test_the_server_stops_although_slow_clients_are_connected() -> None:
    limits = ServerLimits(threads=2, idle_seconds=600, header_seconds=600, stop_seconds=600)
    with serving(limits) as stage, ExitStack() as stack:
        for first, _ in SLOW.values():
            stack.enter_context(stage.connect(first))
        wait_for(lambda: open_on_server(stage) == len(SLOW), "not all are connected")


def can_connect(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True
