"""A TLS connection's first message, the ClientHello: which host it is for. Bytes in, a host name or a reason out; no I/O.

The rules are those of RFC 8446 (sections 4.1.2, 4.2 and 5.1) and RFC 6066 (section 3). Whatever two parsers could
understand differently is malformed here: repeated extensions, lengths that do not add up, bytes left over.
"""

from __future__ import annotations

import re

from dayhand.startup.records import dataclass

MAX_BYTES = 16 * 1024  # of the message, with its record headers
MAX_RECORD = 16 * 1024
HANDSHAKE, CHANGE_CIPHER_SPEC, CLIENT_HELLO = 22, 20, 1
SERVER_NAME, HOST_NAME = 0, 0
# encrypted_client_hello (RFC 9849), its drafts since 2020, and encrypted_server_name before it
HIDDEN_NAME = frozenset({0xFE0D, 0xFE08, 0xFE09, 0xFE0A, 0xFE0B, 0xFE0C, 0xFFCE})

NOT_TLS = "the connection does not begin with a TLS handshake; use https"
HIDDEN = "the TLS handshake hides its host name; turn Encrypted Client Hello off in this client"
TOO_LARGE = "the first message of the TLS handshake is larger than 16 KB; use an ordinary TLS client"


class HelloError(ValueError):
    """These bytes are refused; the text is the reason and what to do."""


@dataclass(frozen=True, slots=True)
class ClientHello:
    server_name: str  # in lower case; "" if the client sent none


class ClientHelloReader:
    """Collects bytes until the ClientHello is complete. It may be split over any number of records."""

    def __init__(self, *, retry: bool = False) -> None:
        """``retry``: this is the second ClientHello, after a HelloRetryRequest. One ChangeCipherSpec may precede it."""
        self.received = b""
        self.size = 0  # bytes up to the end of the last complete record
        self._retry = retry
        self._message = bytearray()

    def read(self, data: bytes) -> ClientHello | None:
        """Take further bytes: the ClientHello, or None until it is complete. Raises ``HelloError``."""
        self.received += data
        while fragment := self._next_fragment():
            self._message += fragment
            if self._message[0] != CLIENT_HELLO:
                raise HelloError(NOT_TLS)
            if len(self._message) < 4:
                continue
            end = 4 + int.from_bytes(self._message[1:4])
            if max(end, self.size) > MAX_BYTES:
                raise HelloError(TOO_LARGE)
            if len(self._message) > end:
                raise _malformed("another message follows in the same record")
            if len(self._message) == end:
                return parse_client_hello(bytes(self._message[4:]))
        if len(self.received) >= MAX_BYTES:
            raise HelloError(TOO_LARGE)
        return None

    def _next_fragment(self) -> bytes:
        """What the next record contains; empty until that is complete."""
        header = self.received[self.size : self.size + 5]
        if self._retry and header[:1] == bytes([CHANGE_CIPHER_SPEC]):
            if len(self.received) < 6:
                return b""
            if self.received[3:6] != b"\0\1\1":
                raise _malformed("a wrong ChangeCipherSpec")
            self._retry, self.size = False, 6
            return self._next_fragment()
        if header and (header[0] != HANDSHAKE or header[1:2] not in (b"", b"\3")):
            raise HelloError(NOT_TLS)
        if len(header) < 5:
            return b""
        length = int.from_bytes(header[3:])
        if not 0 < length <= MAX_RECORD:
            raise _malformed(f"a record of {length} bytes")
        end = self.size + 5 + length
        if len(self.received) < end:
            return b""
        fragment = self.received[self.size + 5 : end]
        self.size = end
        return fragment


def parse_client_hello(body: bytes) -> ClientHello:
    """Parse a ClientHello without its 4-byte handshake header. Raises ``HelloError``."""
    cursor = _Cursor(body)
    version, _random = cursor.take(2), cursor.take(32)
    session, ciphers, compressions = cursor.vector(1), cursor.vector(2), cursor.vector(1)
    if version[0] != 3 or len(session) > 32 or len(ciphers) < 2 or len(ciphers) % 2 or not compressions:
        raise _malformed("a field that no client sends")
    extensions = _extensions(cursor.vector(2)) if cursor.rest else {}
    if cursor.rest:
        raise _malformed("bytes follow its last field")
    if HIDDEN_NAME & extensions.keys():
        raise HelloError(HIDDEN)
    return ClientHello(_server_name(extensions[SERVER_NAME]) if SERVER_NAME in extensions else "")


def _extensions(data: bytes) -> dict[int, bytes]:
    cursor, found = _Cursor(data), dict[int, bytes]()
    while cursor.rest:
        kind = int.from_bytes(cursor.take(2))
        if kind in found:
            raise _malformed("an extension is repeated")
        found[kind] = cursor.vector(2)
    return found


def _server_name(extension: bytes) -> str:
    outer = _Cursor(extension)
    entry = _Cursor(outer.vector(2))
    kind, name = entry.take(1)[0], entry.vector(2)
    if kind != HOST_NAME or entry.rest or outer.rest:
        raise _malformed("it does not name exactly one host")
    if not re.fullmatch(rb"[A-Za-z0-9.-]{1,253}", name):
        raise _malformed("the name in it is not a host name")
    return name.decode("ascii").lower()


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self.rest = data

    def take(self, size: int) -> bytes:
        if len(self.rest) < size:
            raise _malformed("a field is longer than what contains it")
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def vector(self, length_bytes: int) -> bytes:
        return self.take(int.from_bytes(self.take(length_bytes)))


def _malformed(why: str) -> HelloError:
    return HelloError(f"the TLS handshake is malformed ({why}); use an ordinary TLS client")
