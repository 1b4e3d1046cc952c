"""What may pass through one CONNECT tunnel: TLS for the host that was asked for, and nothing before it. No I/O.

The ClientHello is held back until it is complete and names that host. A server may answer it with a HelloRetryRequest;
the second ClientHello, which could name another host, is then held back and read as well. So what the client sends
after the first one waits for the beginning of the server's answer.
"""

from __future__ import annotations

from dayhand.sandbox.egress.client_hello import ClientHelloReader, HelloError

HELD_BYTES = 64 * 1024  # that a client may send before the server answers: TLS early data
ANSWER_BYTES = 64  # less than any server's first messages; a HelloRetryRequest shows itself in them
# The "random" of a ServerHello that is a HelloRetryRequest: RFC 8446, section 4.1.3
HELLO_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")

NO_NAME = "the TLS handshake names no host; use a client that sends the host name (SNI)"
TOO_SOON = "the client sent too much before the host answered; turn TLS early data off in this client"


class TunnelGuard:
    """Decides what to forward. ``HelloError`` from any method means: forward nothing more, and close."""

    def __init__(self, host: str, *, seconds: float, now: float, address: bool = False) -> None:
        """``address``: the host is an IP address, for which TLS has no server name. ``now`` is a monotonic time."""
        self._host = host
        self._address = address
        self._seconds = seconds
        self._until = now + seconds
        self._reader: ClientHelloReader | None = ClientHelloReader()
        self._held = b""  # from the client
        self._answer: bytes | None = b""  # the beginning of the server's; None once it was looked at

    def from_client(self, data: bytes) -> bytes:
        """What may be sent to the server now. Also called without data, after the server has answered."""
        data, self._held = self._held + data, b""
        if self._reader:
            return self._read(self._reader, data)
        if self._answer is None:
            return data
        self._hold(data)
        return b""

    def from_server(self, data: bytes, now: float) -> bytes:
        """What may be sent to the client: nothing before its ClientHello, because a TLS server does not speak first."""
        if self._answer is None:
            return data
        if self._reader:
            return b""
        self._answer += data
        if len(self._answer) >= ANSWER_BYTES:
            if HELLO_RETRY in self._answer[: 2 * ANSWER_BYTES]:
                self._reader = ClientHelloReader(retry=True)
                self._until = now + self._seconds
            self._answer = None
        return data

    def check_time(self, now: float) -> None:
        if self._reader and now >= self._until:
            raise HelloError(f"no complete TLS handshake arrived within {self._seconds:g} seconds; use https")

    def check_end(self) -> None:
        """The client has gone. Nothing of an incomplete ClientHello was forwarded; that it was sent is worth a record."""
        if self._reader and self._reader.received:
            raise HelloError("the connection ended before its TLS handshake was complete; use https")

    def _read(self, reader: ClientHelloReader, data: bytes) -> bytes:
        hello = reader.read(data)
        if hello is None:
            return b""
        if hello.server_name != self._host and (hello.server_name or not self._address):
            raise HelloError(_other_name(hello.server_name) if hello.server_name else NO_NAME)
        self._reader = None
        if self._answer is None:  # this was the second one
            return reader.received
        self._hold(reader.received[reader.size :])
        return reader.received[: reader.size]

    def _hold(self, data: bytes) -> None:
        if len(data) > HELD_BYTES:
            raise HelloError(TOO_SOON)
        self._held = data


def _other_name(name: str) -> str:
    return f"the TLS handshake names another host, {name}; connect to the host that the proxy was asked for"
