"""ClientHellos: honest ones by Python's ssl, and others put together field by field."""

from __future__ import annotations

import ssl
from collections.abc import Iterable


def honest(
    name: str | None, *, oldest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2, alpn: Iterable[str] = ()
) -> bytes:
    """What Python's ssl sends first to a host of this name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = oldest
    context.set_alpn_protocols([*alpn])
    sent = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return sent.read()
    raise AssertionError


def vector(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size) + data


def record(data: bytes, *, kind: int = 22, version: bytes = b"\3\1") -> bytes:
    return bytes([kind]) + version + vector(data, 2)


def extension(kind: int, data: bytes = b"") -> bytes:
    return kind.to_bytes(2) + vector(data, 2)


def names(*entries: bytes, kind: int = 0) -> bytes:
    """A server_name extension with these entries."""
    return extension(0, vector(b"".join(bytes([kind]) + vector(entry, 2) for entry in entries), 2))


def message(
    *extensions: bytes,
    version: bytes = b"\3\3",
    session: bytes = bytes(32),
    ciphers: bytes = b"\x13\1",
    compressions: bytes = b"\0",
    end: bytes = b"",
) -> bytes:
    """A ClientHello with its handshake header."""
    fields = version + bytes(32) + vector(session, 1) + vector(ciphers, 2) + vector(compressions, 1)
    return b"\1" + vector(fields + vector(b"".join(extensions), 2) + end, 3)


def in_pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def in_records(data: bytes, size: int) -> bytes:
    """The message of one record, divided into records of ``size`` bytes."""
    return b"".join(record(piece) for piece in in_pieces(data[5:], size))
