"""The parser of the ClientHello: which host it is for, or why it is refused."""

from __future__ import annotations

import ssl

import pytest

from dayhand.sandbox.egress.client_hello import (
    HIDDEN,
    HIDDEN_NAME,
    MAX_BYTES,
    NOT_TLS,
    TOO_LARGE,
    ClientHello,
    ClientHelloReader,
    HelloError,
)
from tests.sandbox.egress.hello import extension, honest, in_pieces, in_records, message, names, record

HOST = "files.example.org"
NAME = names(HOST.encode())


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        pytest.param(honest(HOST), HOST, id="TLS 1.2 and 1.3"),
        pytest.param(honest(HOST, oldest=ssl.TLSVersion.TLSv1_3), HOST, id="TLS 1.3 alone"),
        pytest.param(honest(HOST, alpn=["h2", "http/1.1"]), HOST, id="with ALPN"),
        pytest.param(honest("Files.Example.ORG"), HOST, id="upper case"),
        pytest.param(honest(None), "", id="no name"),
        pytest.param(honest("203.0.113.9"), "", id="an address has no name"),
        pytest.param(in_records(honest(HOST), 1), HOST, id="records of one byte"),
        pytest.param(in_records(honest(HOST), 3), HOST, id="records of three bytes"),
        pytest.param(in_records(honest(HOST), 100), HOST, id="records of a hundred bytes"),
        pytest.param(record(message(NAME)), HOST, id="one extension"),
        pytest.param(record(message(extension(21, bytes(9000)), NAME)), HOST, id="padded"),
        pytest.param(record(message()), "", id="no extensions"),
        pytest.param(record(message(NAME)) + b"\x14\3\3\0\1\1", HOST, id="early data follows"),
    ],
)
@pytest.mark.parametrize("segment", [1, 7, 10**6])
def test_the_host_of_an_ordinary_client_is_read_however_it_is_divided(sent, name, segment):
    assert first(sent, segment) == ClientHello(name)


def first(sent: bytes, segment: int) -> ClientHello | None:
    """The first thing that a reader finds, given this many bytes at a time."""
    reader = ClientHelloReader()
    return next(filter(None, map(reader.read, in_pieces(sent, segment))), None)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n", NOT_TLS, id="plain HTTP"),
        pytest.param(b"SSH-2.0-x\r\n", NOT_TLS, id="SSH"),
        pytest.param(b"\0", NOT_TLS, id="a byte before it"),
        pytest.param(b"\x80\x2e\1\0\2", NOT_TLS, id="SSL 2"),
        pytest.param(b"\x16\xfe\xff", NOT_TLS, id="DTLS"),
        pytest.param(b"\x16\2", NOT_TLS, id="a record of SSL 2"),
        pytest.param(record(b"x", kind=23), NOT_TLS, id="application data"),
        pytest.param(record(b"\1", kind=20), NOT_TLS, id="ChangeCipherSpec first"),
        pytest.param(record(b"\2\x28", kind=21), NOT_TLS, id="an alert"),
        pytest.param(record(b"\2"), NOT_TLS, id="a ServerHello"),
        pytest.param(record(message(NAME)[:9]) + record(b"x", kind=23), NOT_TLS, id="another record in between"),
        pytest.param(record(b""), "a record of 0 bytes", id="an empty record"),
        pytest.param(b"\x16\3\1\xff\xff", "a record of 65535 bytes", id="a record that is too long"),
        pytest.param(record(b"\1\xff\xff\xff"), TOO_LARGE, id="it announces 16 MB"),
        pytest.param(in_records(record(message(extension(21, bytes(9000)), NAME)), 1), TOO_LARGE, id="16 KB of headers"),
        pytest.param(record(message(NAME) + b"\0"), "another message follows", id="something follows in its record"),
        pytest.param(record(message(NAME) * 2), "another message follows", id="two in one record"),
        pytest.param(record(message(NAME, version=b"\2\0")), "no client sends", id="version 2"),
        pytest.param(record(message(NAME, session=bytes(33))), "no client sends", id="a long session"),
        pytest.param(record(message(NAME, ciphers=b"")), "no client sends", id="no ciphers"),
        pytest.param(record(message(NAME, ciphers=b"\x13\1\0")), "no client sends", id="half a cipher"),
        pytest.param(record(message(NAME, compressions=b"")), "no client sends", id="no compression"),
        pytest.param(record(message(NAME, end=b"\0")), "bytes follow", id="bytes after the extensions"),
        pytest.param(record(message(NAME + b"\0")), "longer than", id="half an extension"),
        pytest.param(record(message(b"\0\0\xff\xff")), "longer than", id="an extension that ends outside"),
        pytest.param(record(b"\1\0\0\2\3\3"), "longer than", id="it ends after the version"),
        pytest.param(record(message(NAME, NAME)), "repeated", id="two equal names"),
        pytest.param(record(message(NAME, names(b"evil.example"))), "repeated", id="two extensions"),
        pytest.param(record(message(extension(10), extension(10), NAME)), "repeated", id="another one twice"),
        pytest.param(record(message(names(HOST.encode(), b"evil.example"))), "exactly one host", id="two names"),
        pytest.param(record(message(names(HOST.encode(), kind=1))), "exactly one host", id="another kind of name"),
        pytest.param(record(message(extension(0, NAME[4:] + b"\0"))), "exactly one host", id="a byte after the name"),
        pytest.param(record(message(names())), "longer than", id="an empty list"),
        pytest.param(record(message(extension(0))), "longer than", id="an empty extension"),
        pytest.param(record(message(names(b""))), "not a host name", id="an empty name"),
        pytest.param(record(message(names(b"evil.example\0.example.org"))), "not a host name", id="NUL"),
        pytest.param(record(message(names("fïles.example.org".encode()))), "not a host name", id="not ASCII"),
        pytest.param(record(message(names(b"a" * 254))), "not a host name", id="a long name"),
        pytest.param(record(message(names(b"@ada x"))), "not a host name", id="a mention"),
        *[pytest.param(record(message(NAME, extension(kind, bytes(200)))), HIDDEN, id=f"ECH {kind:#06x}") for kind in sorted(HIDDEN_NAME)],
    ],
)  # fmt: skip
@pytest.mark.parametrize("segment", [1, 10**6])
def test_what_is_not_an_ordinary_hello_is_refused_with_a_reason(sent, why, segment):
    with pytest.raises(HelloError) as refused:
        first(sent, segment)

    assert why in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("sent", [honest(HOST), in_records(honest(HOST), 50), record(message(NAME))])
def test_every_beginning_of_a_hello_is_incomplete_and_no_error(sent):
    for end in range(len(sent)):
        assert ClientHelloReader().read(sent[:end]) is None


def test_no_byte_that_is_changed_makes_the_parser_fail_otherwise():
    sent = record(message(extension(10, b"\0\2\0\x1d"), NAME))
    for at in range(len(sent)):
        for value in range(256):
            changed = sent[:at] + bytes([value]) + sent[at + 1 :]
            try:
                ClientHelloReader().read(changed)
            except HelloError:
                continue


def test_a_hello_that_grows_without_an_end_is_refused_at_its_limit():
    endless = record(b"\1\0\x3f\0") + record(b"x") * MAX_BYTES
    with pytest.raises(HelloError, match="larger than 16 KB"):
        first(endless[: MAX_BYTES + 10], 6)
