"""Many connections over one stream. Inside a set-up container: ``python3 -I -S -u -c THIS_FILE PORT``.

The relay listens on the loopback and exchanges the connections' bytes in frames over its standard input and output;
``docker/egress_tunnel.py`` is the other end and connects to the proxy. A frame is a connection's number (4 bytes), a
length (2) and that many bytes. Length 0: this side has sent everything. ``ACK``: a frame was delivered. A side has at
most ``WINDOW`` frames of a connection without an ``ACK``, so a connection that is not read does not block the others.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable

HEADER = struct.Struct(">IH")
CHUNK = 32 * 1024  # bytes of a frame
ACK = 0xFFFF
WINDOW = 8  # frames of one connection
MAX_CONNECTIONS = 256  # while there are so many, new ones are closed; the client may try again
READ, WRITE = select.POLLIN, select.POLLOUT


class Channel:
    """One side of a connection: its socket, or None if there is none."""

    def __init__(self, sock: socket.socket | None) -> None:
        self.sock = sock
        self.outgoing: deque[bytes] = deque()  # to be sent to the socket
        self.in_flight = 0  # frames without an ACK
        self.read_all = sock is None
        self.received_all = False
        if sock:
            sock.setblocking(False)

    @property
    def done(self) -> bool:
        return self.read_all and self.received_all and not self.outgoing

    def wanted(self) -> int:
        reads = not self.read_all and self.in_flight < WINDOW
        return (READ if reads else 0) | (WRITE if self.outgoing else 0)


class Multiplexer:
    """One side of the stream. ``out`` holds what it has to send to the other side."""

    def __init__(self, connect: Callable[[], socket.socket | None] | None = None) -> None:
        """``connect`` makes this side's socket for a connection that the other side opened."""
        self.out = bytearray()
        self.channels: dict[int, Channel] = {}
        self._received = bytearray()
        self._connect = connect

    def add(self, number: int, sock: socket.socket | None) -> Channel:
        self.channels[number] = Channel(sock)
        return self.channels[number]

    def receive(self, chunk: bytes) -> None:
        """Take bytes from the other side and handle the frames that are complete."""
        self._received += chunk
        while len(self._received) >= HEADER.size:
            number, size = HEADER.unpack_from(self._received)
            end = HEADER.size + (0 if size == ACK else size)
            if len(self._received) < end:
                return
            data = bytes(self._received[HEADER.size : end])
            del self._received[:end]
            self._handle(number, size, data)

    def register(self, poll: select.poll) -> dict[int, int]:
        """Register every connection for what it waits for; their numbers by descriptor."""
        numbers = {}
        for number, channel in self.channels.items():
            if channel.sock and (wanted := channel.wanted()):
                poll.register(channel.sock, wanted)
                numbers[channel.sock.fileno()] = number
        return numbers

    def move(self, number: int, ready: int) -> None:
        """Relay what can be relayed now. Reads first: an end that is closed for writing may still have sent something."""
        channel = self.channels.get(number)
        if channel is None or channel.sock is None:
            return
        if ready & ~WRITE and channel.wanted() & READ:
            self._read(number, channel, channel.sock)
        if ready & ~READ:
            self._write(number, channel, channel.sock)
        self._remove_if_done(number, channel)

    def close(self) -> None:
        for channel in self.channels.values():
            if channel.sock:
                channel.sock.close()

    def _handle(self, number: int, size: int, data: bytes) -> None:
        channel = self.channels.get(number)
        if size == ACK:
            if channel:
                channel.in_flight -= 1
            return
        if channel is None:
            if self._connect is None:
                return  # it has ended on this side
            channel = self.add(number, self._connect())
            if channel.sock is None:
                self.out += HEADER.pack(number, 0)
        channel.received_all = channel.received_all or not data
        if data:
            channel.outgoing.append(data)
        self._write(number, channel, channel.sock)
        self._remove_if_done(number, channel)

    def _read(self, number: int, channel: Channel, sock: socket.socket) -> None:
        try:
            data = sock.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.out += HEADER.pack(number, len(data)) + data
        channel.read_all = not data
        channel.in_flight += 1

    def _write(self, number: int, channel: Channel, sock: socket.socket | None) -> None:
        while channel.outgoing:
            try:
                sent = sock.send(channel.outgoing[0]) if sock else len(channel.outgoing[0])
            except BlockingIOError:
                return
            except OSError:
                sent = len(channel.outgoing[0])  # the receiver is gone
            channel.outgoing[0] = channel.outgoing[0][sent:]
            if not channel.outgoing[0]:
                channel.outgoing.popleft()
                self.out += HEADER.pack(number, ACK)
        if channel.received_all and sock:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)

    def _remove_if_done(self, number: int, channel: Channel) -> None:
        if channel.done:
            if channel.sock:
                channel.sock.close()
            del self.channels[number]


def main() -> None:
    """Listen until standard input ends."""
    source, out = sys.stdin.fileno(), sys.stdout.fileno()
    for fd in (source, out):
        os.set_blocking(fd, False)
    multiplexer, number = Multiplexer(), 0
    with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128) as server:
        server.setblocking(False)
        multiplexer.out += HEADER.pack(0, ACK)  # tells the other end that the relay listens
        while True:
            poll = select.poll()
            numbers = multiplexer.register(poll)
            poll.register(server, READ)
            poll.register(source, READ)
            if multiplexer.out:
                poll.register(out, WRITE)
            for fd, ready in poll.poll():
                if fd in numbers:
                    multiplexer.move(numbers[fd], ready)
                elif fd == server.fileno():
                    with contextlib.suppress(OSError):  # the client is gone
                        client = server.accept()[0]
                        number += 1
                        if len(multiplexer.channels) < MAX_CONNECTIONS:
                            multiplexer.add(number, client)
                        else:
                            client.close()
                elif fd == out:
                    del multiplexer.out[: os.write(out, multiplexer.out)]
                elif chunk := os.read(source, CHUNK):
                    multiplexer.receive(chunk)
                else:
                    return


if __name__ == "__main__":
    main()
