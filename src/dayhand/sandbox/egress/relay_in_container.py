"""Many connections over one stream; inside a set-up container: ``python3 -I -S -u -c THIS_FILE PORT``.

The door listens on the loopback, and carries what it hears and says in frames over its standard output and input; the
other end, which connects to the proxy, is ``docker_tunnel``. A frame is a connection's number (4 bytes), a length (2)
and so many bytes. Length 0: this side has sent all. ``ARRIVED``: a frame has reached whom it was for; a side sends no
more than ``UNDER_WAY`` of a connection without that, so whoever does not read holds up nobody else.
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

HEAD = struct.Struct(">IH")
PART = 32 * 1024  # bytes of a frame
ARRIVED = 0xFFFF
UNDER_WAY = 8  # frames of one connection
AT_ONCE = 256  # connections; who comes while there are so many is turned away, and may ask again
READ, WRITE = select.POLLIN, select.POLLOUT


class Channel:
    """One side of a connection: its socket, None where none can be had."""

    def __init__(self, sock: socket.socket | None) -> None:
        self.sock = sock
        self.owed: deque[bytes] = deque()  # to be sent here
        self.under_way = 0
        self.heard_all = sock is None
        self.told_all = False
        if sock:
            sock.setblocking(False)

    @property
    def done(self) -> bool:
        return self.heard_all and self.told_all and not self.owed

    def wanted(self) -> int:
        hears = not self.heard_all and self.under_way < UNDER_WAY
        return (READ if hears else 0) | (WRITE if self.owed else 0)


class Frames:
    """One side of the stream. What it has to say to the other stands in ``out``."""

    def __init__(self, meet: Callable[[], socket.socket | None] | None = None) -> None:
        """``meet`` makes this side's socket of a connection that the other side began."""
        self.out = bytearray()
        self.ends: dict[int, Channel] = {}
        self._raw = bytearray()
        self._meet = meet

    def join(self, number: int, sock: socket.socket | None) -> Channel:
        self.ends[number] = Channel(sock)
        return self.ends[number]

    def take(self, chunk: bytes) -> None:
        """What the other side has written: whole frames are handed on."""
        self._raw += chunk
        while len(self._raw) >= HEAD.size:
            number, size = HEAD.unpack_from(self._raw)
            whole = HEAD.size + (0 if size == ARRIVED else size)
            if len(self._raw) < whole:
                return
            data = bytes(self._raw[HEAD.size : whole])
            del self._raw[:whole]
            self._hand_on(number, size, data)

    def watch(self, poll: select.poll) -> dict[int, int]:
        """Let every connection be watched for what it waits for; their numbers by descriptor."""
        numbers = {}
        for number, end in self.ends.items():
            if end.sock and (wanted := end.wanted()):
                poll.register(end.sock, wanted)
                numbers[end.sock.fileno()] = number
        return numbers

    def move(self, number: int, ready: int) -> None:
        """Carry what can be carried now. Reads first: an end that is closed for writing may still have said something."""
        end = self.ends.get(number)
        if end is None or end.sock is None:
            return
        if ready & ~WRITE and end.wanted() & READ:
            self._hear(number, end, end.sock)
        if ready & ~READ:
            self._tell(number, end, end.sock)
        self._part(number, end)

    def close(self) -> None:
        for end in self.ends.values():
            if end.sock:
                end.sock.close()

    def _hand_on(self, number: int, size: int, data: bytes) -> None:
        end = self.ends.get(number)
        if size == ARRIVED:
            if end:
                end.under_way -= 1
            return
        if end is None:
            if self._meet is None:
                return  # it has ended here
            end = self.join(number, self._meet())
            if end.sock is None:
                self.out += HEAD.pack(number, 0)
        end.told_all = end.told_all or not data
        if data:
            end.owed.append(data)
        self._tell(number, end, end.sock)
        self._part(number, end)

    def _hear(self, number: int, end: Channel, sock: socket.socket) -> None:
        try:
            data = sock.recv(PART)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.out += HEAD.pack(number, len(data)) + data
        end.heard_all = not data
        end.under_way += 1

    def _tell(self, number: int, end: Channel, sock: socket.socket | None) -> None:
        while end.owed:
            try:
                sent = sock.send(end.owed[0]) if sock else len(end.owed[0])
            except BlockingIOError:
                return
            except OSError:
                sent = len(end.owed[0])  # nobody is there to be told
            end.owed[0] = end.owed[0][sent:]
            if not end.owed[0]:
                end.owed.popleft()
                self.out += HEAD.pack(number, ARRIVED)
        if end.told_all and sock:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)

    def _part(self, number: int, end: Channel) -> None:
        if end.done:
            if end.sock:
                end.sock.close()
            del self.ends[number]


def main() -> None:
    """Listen until standard input ends."""
    source, out = sys.stdin.fileno(), sys.stdout.fileno()
    for fd in (source, out):
        os.set_blocking(fd, False)
    frames, number = Frames(), 0
    with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128) as server:
        server.setblocking(False)
        frames.out += HEAD.pack(0, ARRIVED)  # it is open
        while True:
            poll = select.poll()
            numbers = frames.watch(poll)
            poll.register(server, READ)
            poll.register(source, READ)
            if frames.out:
                poll.register(out, WRITE)
            for fd, ready in poll.poll():
                if fd in numbers:
                    frames.move(numbers[fd], ready)
                elif fd == server.fileno():
                    with contextlib.suppress(OSError):  # who asked is gone
                        guest = server.accept()[0]
                        number += 1
                        if len(frames.ends) < AT_ONCE:
                            frames.join(number, guest)
                        else:
                            guest.close()
                elif fd == out:
                    del frames.out[: os.write(out, frames.out)]
                elif chunk := os.read(source, PART):
                    frames.take(chunk)
                else:
                    return


if __name__ == "__main__":
    main()
