"""The real proxy between a client and a TLS server: what reaches the server, what is refused, and what is recorded."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dayhand.sandbox.base import Egress
from dayhand.sandbox.egress.client_hello import HIDDEN, NOT_TLS
from dayhand.sandbox.egress.gateway import Gateway, open_gateway
from dayhand.sandbox.egress.policy import NEVER, EgressPolicy
from dayhand.sandbox.egress.proxy import ACCESS_DENIED
from dayhand.sandbox.egress.tunnel import NO_NAME
from tests.sandbox.egress.client import connected
from tests.sandbox.egress.hello import extension, honest, in_pieces, in_records, message, names, record
from tests.sandbox.egress.tls_server import GREETING, TlsClient, TlsServer, tls_server
from tests.waiting import until

LOOPBACK_ALLOWED = tuple(network for network in NEVER if network not in ("127.0.0.0/8", "::/96"))
HELLO = honest("localhost")


@dataclass
class Proxy:
    """A running proxy that may connect to the loopback, which no box may."""

    gateway: Gateway
    egress: Egress
    server: TlsServer

    @contextmanager
    def connect(self) -> Iterator[socket.socket]:
        with connected(self.gateway.folder) as connection:
            yield connection

    @contextmanager
    def tunnel(self, host: str = "localhost") -> Iterator[socket.socket]:
        with self.connect() as connection:
            connection.sendall(self.request(host))
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            yield connection

    def request(self, host: str = "localhost") -> bytes:
        return f"CONNECT {host}:{self.server.port} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()

    def recorded(self) -> list[str]:
        self.gateway.collect()
        assert {(one.host, one.port) for one in self.egress.blocked} <= {("localhost", self.server.port)}
        return [one.reason for one in self.egress.blocked]

    def is_healthy(self) -> bool:
        with self.tunnel() as connection:
            return TlsClient(connection, self.server.certificate).greeting() == GREETING


@contextmanager
def proxy(folder: Path, *, curve: str = "", seconds: float = 60) -> Iterator[Proxy]:
    (folder / "egress").mkdir()
    with tls_server(folder, curve) as server:
        allow = ("localhost", "127.0.0.1")
        policy = EgressPolicy(allow, ports=(server.port,), never=LOOPBACK_ALLOWED, hello_seconds=seconds)
        egress = Egress(())
        with open_gateway(folder / "egress", egress, None, policy=policy) as gateway:
            yield Proxy(gateway, egress, server)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with proxy(tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.fixture
def running(shared):
    shared.egress.blocked.clear()
    shared.server.received.clear()
    return shared


def is_hello(data: bytes) -> bool:
    return data[:1] == b"\x16" and data[5:6] == b"\1"


def read_all(connection: socket.socket) -> bytes:
    try:
        return b"".join(iter(lambda: connection.recv(4096), b""))
    except ConnectionResetError:
        return b"reset"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: [data], id="whole"),
        pytest.param(lambda data: in_pieces(data, 1), id="segments of one byte"),
        pytest.param(lambda data: in_pieces(data, 100), id="segments of a hundred bytes"),
        pytest.param(
            lambda data: [in_records(data, 1) if is_hello(data) else data], id="records of one byte"
        ),
        pytest.param(lambda data: in_pieces(in_records(data, 90) if is_hello(data) else data, 7), id="both"),
    ],
)
def test_tls_for_the_host_that_was_asked_for_passes(running, change):
    with running.tunnel() as connection:
        assert TlsClient(connection, running.server.certificate).greeting(change) == GREETING
    assert running.recorded() == []


def test_tls_to_an_address_that_is_allowed_needs_no_name(running):
    with running.tunnel("127.0.0.1") as connection:
        assert TlsClient(connection, running.server.certificate, None).greeting() == GREETING
    assert running.recorded() == []


def test_a_hello_in_one_segment_with_its_request_is_not_lost(running):
    """Some clients do not wait for the proxy's answer. The library alone would wait forever."""
    with running.connect() as connection:
        connection.sendall(running.request() + HELLO)
        assert connection.recv(39).startswith(b"HTTP/1.1 200")
        assert b"\x16\3\3" in connection.recv(4096)
    assert running.recorded() == []
    assert bytes(running.server.received).startswith(HELLO)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", NOT_TLS, id="plain HTTP"),
        pytest.param(b"raw bytes", NOT_TLS, id="raw bytes"),
        pytest.param(b"\0" + HELLO, NOT_TLS, id="a byte before the hello"),
        pytest.param(record(b"secret", kind=23) + HELLO, NOT_TLS, id="a record before the hello"),
        pytest.param(honest("evil.example"), "names another host, evil.example", id="another SNI"),
        pytest.param(in_records(honest("evil.example"), 1), "evil.example", id="another SNI in small records"),
        pytest.param(honest("127.0.0.1"), NO_NAME, id="no SNI"),
        pytest.param(honest(None) + HELLO, NO_NAME, id="the right hello second"),
        pytest.param(record(message(names(b"localhost", b"evil"))), "exactly one host", id="two names"),
        pytest.param(record(message(names(b"localhost"), names(b"evil"))), "repeated", id="two extensions"),
        pytest.param(record(message(names(b"localhost"), extension(0xFE0D, bytes(99)))), HIDDEN, id="ECH"),
        pytest.param(record(message(names(b"localhost")) + HELLO[5:]), "another message", id="two hellos in a record"),
        pytest.param(record(b"\1\xff\xff\xff"), "larger than 16 KB", id="16 MB announced"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("together", [False, True], ids=["after the answer", "with the request"])
def test_what_is_not_tls_for_this_host_reaches_nobody(running, sent, reason, together):
    with running.connect() as connection:
        connection.sendall(running.request() + (sent if together else b""))
        answer = b""
        if not together:
            answer = connection.recv(4096)
            connection.sendall(sent)
        answer += read_all(connection)

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.partition(b"\r\n\r\n")[2] == ACCESS_DENIED
    recorded = running.recorded()
    assert len(recorded) == 1, recorded
    assert reason in recorded[0]
    assert running.is_healthy()
    assert sent not in bytes(running.server.received)


def test_the_second_hello_after_a_retry_request_is_looked_at_too(tmp_path):
    """The server does not take the curve that the client guessed, so it asks for a second hello."""
    with proxy(tmp_path, curve="secp521r1") as running:
        assert running.is_healthy()
        assert running.server.received.count(b"localhost") == 2, "there was a second hello"
        running.server.received.clear()
        hellos = []

        def change(data: bytes) -> list[bytes]:
            hellos.append(data)
            return [data if len(hellos) == 1 else data.replace(b"localhost", b"evil-host")]

        with running.tunnel() as connection, pytest.raises(OSError, match=r"(?i)access denied"):
            TlsClient(connection, running.server.certificate).greeting(change)
        (recorded,) = running.recorded()

    assert "another host, evil-host" in recorded
    assert b"evil-host" not in running.server.received


@pytest.mark.parametrize("drips", [False, True], ids=["silent", "one byte at a time"])
def test_a_hello_that_does_not_come_is_not_waited_for(tmp_path, drips):
    with proxy(tmp_path, seconds=2) as running:
        with running.tunnel() as connection:
            connection.settimeout(0.02)
            left = HELLO[:-1] if drips else b""
            while True:
                try:
                    if connection.recv(4096) == b"":
                        break
                except TimeoutError:
                    connection.sendall(left[:1])
                    left = left[1:]
                except ConnectionError:
                    break
        (recorded,) = running.recorded()
        assert recorded == "no complete TLS handshake arrived within 2 seconds; use https"
        assert running.server.received == b""
        assert running.is_healthy(), "a handshake that is complete has no limit"


def test_a_client_that_leaves_within_its_hello_is_recorded(running):
    with running.tunnel() as connection:
        connection.sendall(HELLO[:20])
    with running.tunnel():
        pass
    until(running.recorded)

    assert running.is_healthy()
    assert running.recorded() == ["the connection ended before its TLS handshake was complete; use https"]
    assert HELLO[:20] not in running.server.received


def test_a_request_for_a_tunnel_has_no_body(running):
    body = b"Content-Length: 5\r\n\r\nhello"
    with running.connect() as connection:
        connection.sendall(running.request().replace(b"\r\n\r\n", b"\r\n" + body))
        assert read_all(connection).startswith(b"HTTP/1.1 400")
    assert running.is_healthy()
    assert b"hello" not in running.server.received
