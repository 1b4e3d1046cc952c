"""The relay between a set-up box's commands and the proxy, tested alone: an echo server takes the proxy's place."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack, suppress

import pytest

from dayhand.sandbox.egress import relay_in_bubblewrap
from tests.sandbox.echo_server import echo_server
from tests.sandbox.egress.relay import relay
from tests.waiting import PATIENCE

MEMORY = 64 * 1024 * 1024  # less than eight threads' stacks


@pytest.fixture
def port(tmp_path):
    """Of a relay with little memory, as long as its command runs."""
    path = str(tmp_path / "proxy.sock")
    with echo_server(path), relay(path, ["prlimit", f"--data={MEMORY}"]) as number:
        yield number


def call(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def test_a_connection_is_relayed_whole_both_ways(port):
    sent = bytes(range(256)) * 40_000
    with call(port) as client:
        client.setblocking(False)
        written = 0
        with suppress(BlockingIOError):  # until all buffers are full
            while written < len(sent):
                written += client.send(sent[written : written + 65536])
        client.settimeout(PATIENCE)
        writer = threading.Thread(
            target=lambda: (client.sendall(sent[written:]), client.shutdown(socket.SHUT_WR))
        )
        writer.start()
        received = b"".join(iter(lambda: client.recv(65536), b""))
        writer.join()

    assert received == sent


def test_a_connection_that_is_not_read_does_not_block_others(port):
    with call(port) as unread, call(port) as client:
        unread.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                unread.send(bytes(65536))
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"


def test_many_connections_need_little_memory(port):
    """With a thread for each, their stacks used up the box's memory."""
    with ExitStack() as stack:
        clients = [stack.enter_context(call(port)) for _ in range(relay_in_bubblewrap.MAX_CONNECTIONS)]
        for client in clients:
            client.sendall(b"hello")
        assert all(client.recv(5) == b"hello" for client in clients)
        with call(port) as late:
            assert late.recv(1) == b"", "closed at once"
        clients[0].close()
        assert retry(port) == b"hello"


def retry(port: int) -> bytes:
    """Connect until there is room: the relay needs a moment to notice that a connection has ended."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        with call(port) as client:
            try:
                client.sendall(b"hello")
                if answer := client.recv(5):
                    return answer
            except ConnectionError:
                pass
    return b""
