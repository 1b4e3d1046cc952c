"""Several machines on one Redis with a standby: what was claimed is gone on with after the primary died."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from dayhand.ledger.ledger import Ledger
from dayhand.ledger.queue import enqueue, waiting
from dayhand.ledger.redis_server import connect, connect_raw, find_server
from dayhand.ledger.sentinels import SENTINEL
from dayhand.task import State
from tests.tasks import make_task
from tests.waiting import until

TASK = make_task()


# An address of this process's own, so that nothing else listens on its ports.
HOST = f"127.77.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
FIRST, SECOND, SENTINELS = 6379, 6380, 26379


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
        return bool(Redis(HOST, port).ping())
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
        url = f"{SENTINEL}{HOST}:{SENTINELS}/main"
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
