"""A Redis behind TLS, as hosted ones are: ``rediss://``."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from dayhand.ledger.ledger import Ledger
from dayhand.ledger.queue import enqueue, waiting
from dayhand.ledger.redis_server import connect, connect_raw
from tests.ledger.conftest import TASK, THREAD, claimed
from tests.sandbox.egress.tls_server import self_signed

BYTES = 65536


@contextmanager
def behind_tls(redis_socket: str, certificate: Path) -> Iterator[int]:
    """The port at which a server speaks TLS for the Redis at this socket."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    class Gateway(BaseRequestHandler):
        def handle(self) -> None:
            try:
                client = context.wrap_socket(self.request, server_side=True)
            except OSError:  # it does not trust us
                return
            with client, socket.socket(socket.AF_UNIX) as redis:
                redis.connect(redis_socket)
                Thread(target=pass_on, args=(redis, client), daemon=True).start()
                pass_on(client, redis)

    def pass_on(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(BYTES):
                target.sendall(data)
        except OSError:
            return

    with ThreadingTCPServer(("127.0.0.1", 0), Gateway) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.usefixtures("redis")
def test_a_task_is_opened_and_claimed_over_tls(redis_url: str, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with behind_tls(urlsplit(redis_url).path, certificate) as port:
        url = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={certificate}"
        with connect(url) as redis, connect_raw(url) as raw:
            ledger = Ledger(redis)
            ledger.open(TASK, delivery="d-1", thread=THREAD)
            enqueue(raw, TASK.id)
            assert waiting(raw) == {TASK.id}
            claimed(ledger).renew()


def test_a_server_whose_certificate_is_not_trusted_gets_nothing(redis_url: str, tmp_path: Path) -> None:
    with (
        behind_tls(urlsplit(redis_url).path, self_signed(tmp_path)) as port,
        connect(f"rediss://127.0.0.1:{port}/0", quick=True) as redis,
        pytest.raises(RedisConnectionError, match="certificate verify failed"),
    ):
        redis.ping()
