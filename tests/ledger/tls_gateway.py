"""A server that speaks TLS for another one, which cannot."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

BYTES = 65536
CLIENT_HELLO = b"\x16"  # the first byte of TLS


class Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def behind_tls(
    dial: Callable[[], socket.socket], certificate: Path, *, at: tuple[str, int] = ("127.0.0.1", 0)
) -> Iterator[int]:
    """The port at which a server speaks TLS for the one that is dialled. Who speaks without TLS is passed on, too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    class Gateway(BaseRequestHandler):
        def handle(self) -> None:
            client: socket.socket = self.request
            try:
                if client.recv(1, socket.MSG_PEEK) == CLIENT_HELLO:
                    client = context.wrap_socket(client, server_side=True)
                server = dial()
            except OSError:  # it does not trust us, or the server is not there yet
                return
            with client, server:
                Thread(target=pass_on, args=(server, client), daemon=True).start()
                pass_on(client, server)

    def pass_on(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(BYTES):
                target.sendall(data)
        except OSError:
            return

    with Server(at, Gateway) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
