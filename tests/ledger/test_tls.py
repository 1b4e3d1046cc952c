"""A Redis behind TLS, as hosted ones are: ``rediss://``."""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from dayhand.ledger.ledger import Ledger
from dayhand.ledger.queue import enqueue, waiting
from dayhand.ledger.redis_server import connect, connect_raw
from tests.ledger.conftest import TASK, THREAD, claimed
from tests.ledger.tls_gateway import behind_tls
from tests.sandbox.egress.tls_server import self_signed


def dial(redis_url: str) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.connect(urlsplit(redis_url).path)
    return server


@pytest.mark.usefixtures("redis")
def test_a_task_is_opened_and_claimed_over_tls(redis_url: str, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with behind_tls(partial(dial, redis_url), certificate) as port:
        url = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={certificate}"
        with connect(url) as redis, connect_raw(url) as raw:
            ledger = Ledger(redis)
            ledger.open(TASK, delivery="d-1", thread=THREAD)
            enqueue(raw, TASK.id)
            assert waiting(raw) == {TASK.id}
            claimed(ledger).renew()


def test_a_server_whose_certificate_is_not_trusted_gets_nothing(redis_url: str, tmp_path: Path) -> None:
    with (
        behind_tls(partial(dial, redis_url), self_signed(tmp_path)) as port,
        connect(f"rediss://127.0.0.1:{port}/0", quick=True) as redis,
        pytest.raises(RedisConnectionError, match="certificate verify failed"),
    ):
        redis.ping()
