"""Inside a set-up box: ``python3 -I -S -c THIS_FILE PORT SOCKET COMMAND…`` listens on the loopback, and is the command.

Each connection is carried to the proxy's socket by a server that no ``wait`` of the command ever sees. It has one
thread: a hundred, with their stacks, would take the room of a small box from its command. Written for any Python 3
that a repository's image may have.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import sys

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
PART = 65536  # bytes in hand for one direction of one connection
AT_ONCE = 256  # connections; who comes while there are so many is turned away, and may ask again


class Endpoint:
    """One of a connection's two sockets."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.other = self
        self.owed = b""  # read from the other, to be sent here
        self.heard_all = False
        self.watched = 0
        sock.setblocking(False)

    def wanted(self) -> int:
        hears = not self.heard_all and not self.other.owed
        return (READ if hears else 0) | (WRITE if self.owed else 0)

    def move(self, ready: int) -> None:
        """Carry what can be carried now. Reads first: an end that is closed for writing may still have said something."""
        if ready & READ and READ & self.wanted():
            self.other.owed = self.sock.recv(PART)
            self.heard_all = not self.other.owed
            if self.heard_all:
                self.other.sock.shutdown(socket.SHUT_WR)
            else:
                self.other.send()
        if ready & WRITE and self.owed:
            self.send()

    def send(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self.owed = self.owed[self.sock.send(self.owed) :]


class Server:
    def __init__(self, door: socket.socket, proxy: str) -> None:
        self.door = door
        self.proxy = proxy
        self.ways = selectors.DefaultSelector()
        self.ways.register(door, READ)
        self.connections = 0

    def serve(self) -> None:
        while True:
            for key, ready in self.ways.select():
                if key.data is None:
                    with contextlib.suppress(
                        OSError
                    ):  # who asked is gone, or there is no descriptor left for them
                        self.meet(self.door.accept()[0])
                elif key.data.sock.fileno() >= 0:  # its other end may have ended it a moment ago
                    self.carry(key.data, ready)

    def meet(self, guest: socket.socket) -> None:
        if self.connections >= AT_ONCE:
            guest.close()
            return
        way = socket.socket(socket.AF_UNIX)
        try:
            way.connect(self.proxy)  # waits where many ask at once
        except OSError:
            guest.close()
            way.close()
            return
        self.connections += 1
        here, there = Endpoint(guest), Endpoint(way)
        here.other, there.other = there, here
        self.watch(here)
        self.watch(there)

    def carry(self, end: Endpoint, ready: int) -> None:
        try:
            end.move(ready)
            done = end.heard_all and end.other.heard_all and not end.owed and not end.other.owed
        except OSError:
            done = True
        if done:
            self.connections -= 1
            self.close(end)
        else:
            self.watch(end)
            self.watch(end.other)

    def watch(self, end: Endpoint) -> None:
        wanted = end.wanted()
        if wanted == end.watched:
            return
        if end.watched:
            self.ways.unregister(end.sock)
        if wanted:
            self.ways.register(end.sock, wanted, end)
        end.watched = wanted

    def close(self, end: Endpoint) -> None:
        for each in (end, end.other):
            if each.watched:
                self.ways.unregister(each.sock)
            each.sock.close()


def main() -> None:
    port, proxy, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind(("127.0.0.1", port))
    door.listen(128)
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        door.setblocking(False)
        Server(door, proxy).serve()
    os.waitpid(child, 0)
    door.close()
    try:
        os.execvp(command[0], command)  # noqa: S606 - it becomes the command that the caller gave
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    main()
