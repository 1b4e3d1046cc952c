"""The relay inside a bubblewrap set-up box: ``python3 -I -S -c THIS_FILE PORT SOCKET COMMAND…``.

A server in the background listens on the loopback and relays each connection to the proxy's socket; the process itself
becomes the command, which never sees the server as a child. The server has one thread: a hundred, with their stacks,
would take the command's memory in a small box. Most commands connect to nothing, so modules that take longer to import
than Python to start wait for the first connection. The code runs on any Python 3 that a repository's image may have.
"""

from __future__ import annotations

import _socket  # all of `socket` that is written in C
import os
import select
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

READ, WRITE = 1, 2  # EVENT_READ and EVENT_WRITE of ``selectors``
CHUNK = 65536  # bytes buffered for one direction of one connection
MAX_CONNECTIONS = 256  # while there are so many, new ones are closed; the client may try again


class Endpoint:
    """One of the two sockets of a connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.peer = self
        self.outgoing = b""  # read from the peer, to be sent here
        self.read_all = False
        self.watched = 0
        sock.setblocking(False)

    def wanted(self) -> int:
        reads = not self.read_all and not self.peer.outgoing
        return (READ if reads else 0) | (WRITE if self.outgoing else 0)

    def move(self, ready: int) -> None:
        """Relay what can be relayed now. Reads first: an end that is closed for writing may still have sent something."""
        if ready & READ and READ & self.wanted():
            self.peer.outgoing = self.sock.recv(CHUNK)
            self.read_all = not self.peer.outgoing
            if self.read_all:
                self.peer.sock.shutdown(_socket.SHUT_WR)
            else:
                self.peer.send()
        if ready & WRITE and self.outgoing:
            self.send()

    def send(self) -> None:
        try:
            self.outgoing = self.outgoing[self.sock.send(self.outgoing) :]
        except BlockingIOError:
            pass


class RelayServer:
    def __init__(self, listener: socket.socket, proxy: str) -> None:
        import selectors

        self.listener = listener
        self.proxy = proxy
        self.selector = selectors.DefaultSelector()
        self.selector.register(listener, READ)
        self.connections = 0

    def serve(self) -> None:
        while True:
            for key, ready in self.selector.select():
                if key.data is None:
                    try:
                        self.connect(self.listener.accept()[0])
                    except OSError:
                        pass  # the client is gone, or no descriptor is left for it
                elif key.data.sock.fileno() >= 0:  # its peer may have closed it a moment ago
                    self.relay(key.data, ready)

    def connect(self, client: socket.socket) -> None:
        if self.connections >= MAX_CONNECTIONS:
            client.close()
            return
        upstream = type(client)(_socket.AF_UNIX)
        try:
            upstream.connect(self.proxy)  # waits while many connect at once
        except OSError:
            client.close()
            upstream.close()
            return
        self.connections += 1
        near, far = Endpoint(client), Endpoint(upstream)
        near.peer, far.peer = far, near
        self.watch(near)
        self.watch(far)

    def relay(self, end: Endpoint, ready: int) -> None:
        try:
            end.move(ready)
            done = end.read_all and end.peer.read_all and not end.outgoing and not end.peer.outgoing
        except OSError:
            done = True
        if done:
            self.connections -= 1
            self.close(end)
        else:
            self.watch(end)
            self.watch(end.peer)

    def watch(self, end: Endpoint) -> None:
        wanted = end.wanted()
        if wanted == end.watched:
            return
        if end.watched:
            self.selector.unregister(end.sock)
        if wanted:
            self.selector.register(end.sock, wanted, end)
        end.watched = wanted

    def close(self, end: Endpoint) -> None:
        for each in (end, end.peer):
            if each.watched:
                self.selector.unregister(each.sock)
            each.sock.close()


def serve(listener: int, proxy: str) -> None:
    import socket

    server = socket.socket(fileno=listener)
    server.setblocking(False)
    RelayServer(server, proxy).serve()


def main() -> None:
    port, proxy, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    listener = _socket.socket()
    listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        select.select([listener], [], [])
        serve(listener.detach(), proxy)
    os.waitpid(child, 0)
    listener.close()
    try:
        os.execvp(command[0], command)  # noqa: S606 - this process becomes the caller's command
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    main()
