"""What passes through a tunnel, and what is held back or refused."""

from __future__ import annotations

import re

import pytest

from dayhand.sandbox.egress.client_hello import NOT_TLS, HelloError
from dayhand.sandbox.egress.tunnel import HELD_BYTES, HELLO_RETRY, NO_NAME, TOO_SOON, TunnelGuard
from tests.sandbox.egress.hello import extension, honest, in_pieces, in_records, message, names, record

HOST = "files.example.org"
HELLO = honest(HOST)
OTHER = honest("evil.example")
ANSWER = record(b"\2\0\0\x76\3\3" + bytes(200))
RETRY = record(b"\2\0\0\x54\3\3" + HELLO_RETRY + bytes(52))
CHANGE_CIPHER_SPEC = b"\x14\3\3\0\1\1"


def guard(host: str = HOST, **options) -> TunnelGuard:
    return TunnelGuard(host, seconds=10, now=0, **options)


@pytest.mark.parametrize("segment", [1, 100, 10**6])
def test_nothing_is_forwarded_before_the_hello_is_complete(segment):
    tunnel = guard()
    pieces = in_pieces(HELLO, segment)

    assert [tunnel.from_client(piece) for piece in pieces] == [b""] * (len(pieces) - 1) + [HELLO]


@pytest.mark.parametrize(
    ("host", "sent", "why"),
    [
        (HOST, OTHER, "the TLS handshake names another host, evil.example; connect to the host"),
        (HOST, honest(f"{HOST}."), "names another host"),
        (HOST, honest(f"x.{HOST}"), "names another host"),
        (HOST, honest("example.org"), "names another host"),
        (HOST, honest(None), NO_NAME),
        (HOST, honest("203.0.113.9"), NO_NAME),
        ("203.0.113.9", honest("203.0.113.9"), NO_NAME),
        (HOST, b"GET / HTTP/1.1\r\n\r\n", NOT_TLS),
        (HOST, b"\0" + HELLO, NOT_TLS),
        (HOST, b"PUT /x HTTP/1.1\r\n\r\n" + HELLO, NOT_TLS),
    ],
)
def test_what_is_not_for_the_host_is_refused(host, sent, why):
    with pytest.raises(HelloError, match=re.escape(why)):
        guard(host).from_client(sent)


def test_an_address_that_is_allowed_needs_no_name_but_takes_no_other():
    assert guard("203.0.113.9", address=True).from_client(honest(None)).startswith(b"\x16")
    own = record(message(names(b"203.0.113.9"), extension(23)))
    assert guard("203.0.113.9", address=True).from_client(own) == own
    with pytest.raises(HelloError, match=r"evil\.example"):
        guard("203.0.113.9", address=True).from_client(OTHER)


def test_after_the_hello_and_the_answer_everything_passes():
    tunnel = guard()
    tunnel.from_client(HELLO)

    assert tunnel.from_server(ANSWER, 1) == ANSWER
    assert tunnel.from_client(b"anything") == b"anything"
    assert tunnel.from_server(b"anything", 1) == b"anything"


def test_a_server_that_speaks_first_is_not_heard():
    assert guard().from_server(b"SSH-2.0-x\r\n", 0) == b""


def test_early_data_waits_for_the_answer():
    tunnel = guard()

    assert tunnel.from_client(HELLO + CHANGE_CIPHER_SPEC + b"early") == HELLO
    assert tunnel.from_client(b" data") == b""
    assert tunnel.from_server(ANSWER[:10], 1) == ANSWER[:10]
    assert tunnel.from_client(b"") == b""
    assert tunnel.from_server(ANSWER[10:], 1) == ANSWER[10:]
    assert tunnel.from_client(b"") == CHANGE_CIPHER_SPEC + b"early data"


def test_early_data_without_an_end_is_refused():
    tunnel = guard()
    tunnel.from_client(HELLO)
    for _ in range(HELD_BYTES // 1024):
        assert tunnel.from_client(bytes(1024)) == b""
    with pytest.raises(HelloError, match=TOO_SOON):
        tunnel.from_client(b"x")


@pytest.mark.parametrize("early", [True, False], ids=["before the retry", "after it"])
@pytest.mark.parametrize("segment", [1, 10**6])
@pytest.mark.parametrize(
    ("second", "why"),
    [
        (HELLO, ""),
        (CHANGE_CIPHER_SPEC + HELLO, ""),
        (CHANGE_CIPHER_SPEC + in_records(HELLO, 50), ""),
        (OTHER, "evil.example"),
        (CHANGE_CIPHER_SPEC + OTHER, "evil.example"),
        (CHANGE_CIPHER_SPEC + in_records(OTHER, 50), "evil.example"),
        (CHANGE_CIPHER_SPEC + honest(None), NO_NAME),
        (b"GET / HTTP/1.1\r\n\r\n", NOT_TLS),
        (CHANGE_CIPHER_SPEC + b"GET / HTTP/1.1\r\n\r\n", NOT_TLS),
        (CHANGE_CIPHER_SPEC * 2 + HELLO, NOT_TLS),
        (record(b"x", kind=23) + HELLO, NOT_TLS),
        (b"\x14\3\3\0\1\2" + HELLO, "ChangeCipherSpec"),
    ],
)
def test_the_second_hello_is_looked_at_too(second, why, segment, early):
    tunnel = guard()
    assert tunnel.from_client(HELLO) == HELLO
    forwarded = []

    def exchange():
        if early:
            forwarded.append(tunnel.from_client(second))
        for piece in in_pieces(RETRY, segment):
            assert tunnel.from_server(piece, 1) == piece
            forwarded.append(tunnel.from_client(b""))
        if not early:
            forwarded.extend(map(tunnel.from_client, in_pieces(second, segment)))

    if not why:
        exchange()
        assert b"".join(forwarded) == second
        assert tunnel.from_client(b"anything") == b"anything"
        return
    with pytest.raises(HelloError, match=re.escape(why)):
        exchange()
    assert b"".join(forwarded) == b""


def test_a_hello_has_a_time_limit_and_so_has_the_second_one():
    tunnel = guard()
    tunnel.from_client(HELLO[:-1])
    tunnel.check_time(9.9)
    with pytest.raises(HelloError, match="within 10 seconds"):
        tunnel.check_time(10)
    tunnel.from_client(HELLO[-1:])
    tunnel.check_time(1000)
    tunnel.from_server(RETRY, 1000)
    tunnel.check_time(1009)
    with pytest.raises(HelloError, match="within 10 seconds"):
        tunnel.check_time(1010)


def test_a_connection_that_ends_within_its_hello_is_told_of():
    silent, broken, whole = guard(), guard(), guard()
    broken.from_client(HELLO[:20])
    whole.from_client(HELLO)

    silent.check_end()
    whole.check_end()
    with pytest.raises(HelloError, match="ended before"):
        broken.check_end()
