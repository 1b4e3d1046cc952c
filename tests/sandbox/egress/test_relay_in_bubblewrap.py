"""What stands between a set-up box's commands and the proxy, alone: here the proxy says everything back."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack, suppress

import pytest

from dayhand.sandbox.egress import relay_in_bubblewrap
from tests.sandbox.echo_server import echoing
from tests.sandbox.egress.relay import forwarding

ROOM = 64 * 1024 * 1024  # less than eight threads' stacks


@pytest.fixture
def port(tmp_path):
    """Of a forwarder with little room, as long as its command runs."""
    path = str(tmp_path / "proxy.sock")
    with echoing(path), forwarding(path, ["prlimit", f"--data={ROOM}"]) as number:
        yield number


def call(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def test_a_connection_is_carried_whole_both_ways(port):
    sent = bytes(range(256)) * 40_000
    with call(port) as guest:
        guest.setblocking(False)
        begun = 0
        with suppress(BlockingIOError):  # until nothing more fits anywhere
            while begun < len(sent):
                begun += guest.send(sent[begun : begun + 65536])
        guest.settimeout(20)
        speaker = threading.Thread(
            target=lambda: (guest.sendall(sent[begun:]), guest.shutdown(socket.SHUT_WR))
        )
        speaker.start()
        got = b"".join(iter(lambda: guest.recv(65536), b""))
        speaker.join()

    assert got == sent


def test_who_does_not_read_holds_up_nobody(port):
    with call(port) as lazy, call(port) as guest:
        lazy.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                lazy.send(bytes(65536))
        guest.sendall(b"hello")
        assert guest.recv(5) == b"hello"


def test_many_at_once_need_no_room(port):
    """The box had died of their threads' stacks."""
    with ExitStack() as stack:
        guests = [stack.enter_context(call(port)) for _ in range(relay_in_bubblewrap.MAX_CONNECTIONS)]
        for guest in guests:
            guest.sendall(b"hello")
        assert all(guest.recv(5) == b"hello" for guest in guests)
        with call(port) as late:
            assert late.recv(1) == b"", "turned away"
        guests[0].close()
        assert asked_again(port) == b"hello"


def asked_again(port: int) -> bytes:
    """Until there is room: a connection's end takes a moment to be seen."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with call(port) as guest:
            try:
                guest.sendall(b"hello")
                if told := guest.recv(5):
                    return told
            except ConnectionError:
                pass
    return b""
