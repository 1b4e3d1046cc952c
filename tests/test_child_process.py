"""A process says that it is ready once, to whoever asked, as sd_notify(3) does."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

import pytest

from dayhand.child_process import NOTIFY_SOCKET, ready_socket, tell_ready


def test_who_asked_is_told_and_what_is_started_later_cannot_tell_again(tmp_path: Path) -> None:
    with ready_socket(tmp_path / "web") as listener:
        environ = {"PATH": "/bin", **listener.env}
        assert not listener.is_ready()
        tell_ready(environ)
        assert environ == {"PATH": "/bin"}
        assert listener.is_ready()
        assert listener.is_ready(), "it stays so"


def test_systemds_abstract_socket_is_told_too() -> None:
    name = f"dayhand-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(5)
        tell_ready({NOTIFY_SOCKET: f"@{name}"})
        assert listener.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "/no/such/socket", "vsock:2:1234", "relative"])
def test_an_address_that_cannot_be_told_is_not_an_error(address: str) -> None:
    tell_ready({NOTIFY_SOCKET: address})
    tell_ready({})


def test_other_words_are_not_ready(tmp_path: Path) -> None:
    with (
        ready_socket(tmp_path / "work") as listener,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client,
    ):
        client.connect(listener.env[NOTIFY_SOCKET])
        client.send(b"STATUS=almost READY=1 soon")
        assert not listener.is_ready()
        client.send(b"STATUS=there\nREADY=1\n")
        assert listener.is_ready()
