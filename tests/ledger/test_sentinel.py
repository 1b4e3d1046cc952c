"""Several machines on one Redis with a standby: what was claimed is gone on with after the primary died."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.retry import Retry

from dayhand.ledger import sentinels
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.queue import enqueue, waiting
from dayhand.ledger.redis_server import connect, connect_raw, find_server
from dayhand.ledger.sentinels import connect_to_primary
from dayhand.task import State
from tests.ledger.tls_gateway import behind_tls
from tests.sandbox.egress.tls_server import self_signed
from tests.tasks import make_task
from tests.waiting import PATIENCE, until

TASK = make_task()


# An address of this process's own, so that nothing else listens on its ports.
HOST = f"127.77.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
FIRST, SECOND, SENTINELS = 6379, 6380, 26379
# With a password and TLS: each one's port that speaks TLS, and that of the server behind it.
GUARDED, GUARDED_SENTINELS = (16379, 16380), (36379, 36380)


@contextmanager
def server(folder: Path, port: int, *lines: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Valkey on loopback that answers."""
    folder.mkdir()
    (folder / "conf").write_text("\n".join((f"port {port}", f"bind {HOST}", f"dir {folder}", *lines)))
    words = [find_server(), str(folder / "conf"), *(["--sentinel"] if "sentinel" in lines[0] else [])]
    with (folder / "log").open("wb") as log, subprocess.Popen(words, stdout=log) as process:
        try:
            until(lambda: answers(port))
            yield process
        finally:
            process.kill()


def answers(port: int) -> bool:
    try:
        return bool(Redis(HOST, port, retry=Retry(NoBackoff(), 0)).ping())
    except AuthenticationError:
        return True
    except RedisError:
        return False


def replicas() -> list[dict[bytes, bytes]]:
    """What the sentinel knows of them."""
    found: list[dict[bytes, bytes]] = Redis(HOST, SENTINELS).execute_command("sentinel", "replicas", "main")
    return found


def test_a_task_goes_on_after_the_sentinels_chose_another_primary(tmp_path: Path) -> None:
    with ExitStack() as stack:
        primary = stack.enter_context(
            server(tmp_path / "1", FIRST, "appendonly yes", "repl-diskless-sync-delay 0")
        )
        stack.enter_context(
            server(tmp_path / "2", SECOND, f"replicaof {HOST} {FIRST}", f"replica-announce-ip {HOST}")
        )
        until(lambda: Redis(HOST, SECOND).info("replication")["master_link_status"] == "up")
        watch = (
            f"sentinel monitor main {HOST} {FIRST} 1",
            "sentinel down-after-milliseconds main 600000",  # however slow the machine is
            "sentinel failover-timeout main 1000",
        )
        stack.enter_context(server(tmp_path / "3", SENTINELS, *watch))
        until(lambda: any(b"ok" in one.values() for one in replicas()))
        url = f"redis+sentinel://{HOST}:{SENTINELS}/main"
        ledger, raw = Ledger(stack.enter_context(connect(url))), stack.enter_context(connect_raw(url))
        ledger.open(TASK, delivery="d-1", thread="acme/shop#7:fix")
        enqueue(raw, TASK.id)
        claim = ledger.claim(TASK.id, "w")
        assert claim
        until(lambda: ledger.redis.wait(1, 1000) == 1)
        primary.kill()
        Redis(HOST, SENTINELS).execute_command("sentinel", "set", "main", "down-after-milliseconds", "1000")
        claim.renew()  # it waits until there is another primary
        assert waiting(raw) == {TASK.id}
        ledger.finish(claim, State.FAILED)
        assert ledger.record(TASK.id).state is State.FAILED


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sentinels may take their time, however slow the machine is."""
    monkeypatch.setattr(sentinels, "SENTINEL_SECONDS", PATIENCE)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The certificate of a Redis and its sentinel, each with a password of its own, at ports that speak TLS."""
    tmp_path = tmp_path_factory.mktemp("guarded")
    with ExitStack() as stack:
        certificate = self_signed(tmp_path, HOST)
        for front, back in (GUARDED, GUARDED_SENTINELS):
            dial = partial(socket.create_connection, (HOST, back))
            stack.enter_context(behind_tls(dial, certificate, at=(HOST, front)))
        stack.enter_context(server(tmp_path / "1", GUARDED[1], "requirepass of-redis"))
        watch = (
            f"sentinel monitor main {HOST} {GUARDED[0]} 1",
            "sentinel auth-pass main of-redis",
            "sentinel down-after-milliseconds main 600000",
            "requirepass of-sentinel",
        )
        stack.enter_context(server(tmp_path / "2", GUARDED_SENTINELS[1], *watch))
        yield certificate


def test_sentinels_may_have_a_password_and_tls(guarded: Path) -> None:
    options = f"sentinel_password=of%2Dsentinel&ssl_ca_certs={guarded}"
    url = f"rediss+sentinel://:of-redis@{HOST}:{GUARDED_SENTINELS[0]}/main?{options}"
    with connect(url) as redis, connect_raw(url) as raw:
        ledger = Ledger(redis)
        ledger.open(TASK, delivery="d-1", thread="acme/shop#7:fix")
        enqueue(raw, TASK.id)
        assert waiting(raw) == {TASK.id}


@pytest.mark.parametrize(
    ("login", "path", "options", "expected"),
    [
        (
            ":of-redis",
            "main",
            "ssl_ca_certs={ca}",
            "main” ({at}: it has a password: append ?sentinel_password=",
        ),
        (
            ":of-redis",
            "main",
            "sentinel_password=x&ssl_ca_certs={ca}",
            "main” ({at}: invalid username-password",
        ),
        (":of-redis", "main", "sentinel_password=of-sentinel", "certificate verify failed"),
        (
            ":of-redis",
            "other",
            "sentinel_password=of-sentinel&ssl_ca_certs={ca}",
            "no sentinel names a primary for “other” ({at}: it knows no primary of that name)",
        ),
        (":x", "main", "sentinel_password=of-sentinel&ssl_ca_certs={ca}", "invalid username-password"),
    ],
)
def test_what_is_wrong_is_said(guarded: Path, login: str, path: str, options: str, expected: str) -> None:
    at = f"{HOST}:{GUARDED_SENTINELS[0]}"
    url = f"rediss+sentinel://{login}@{at}/{path}?{options.format(ca=guarded)}"
    once = {"retry": Retry(NoBackoff(), 0)}
    with (
        connect_to_primary(url, once) as redis,
        pytest.raises(RedisError, match=re.escape(expected.format(at=at))),
    ):
        redis.ping()


def test_a_sentinel_that_does_not_answer_is_asked_once(guarded: Path) -> None:
    asked: list[socket.socket] = []

    def hang_up() -> None:
        with contextlib.suppress(OSError):
            while True:
                asked.append(dead.accept()[0])
                asked[-1].close()

    with socket.create_server((HOST, 0)) as dead:
        threading.Thread(target=hang_up, daemon=True).start()
        others = f"{HOST}:{dead.getsockname()[1]},{HOST}:{GUARDED_SENTINELS[0]}"
        url = (
            f"rediss+sentinel://:of-redis@{others}/main?sentinel_password=of-sentinel&ssl_ca_certs={guarded}"
        )
        with connect(url) as redis:
            redis.ping()
        until(lambda: asked)
        dead.shutdown(socket.SHUT_RDWR)
    assert len(asked) == 1
