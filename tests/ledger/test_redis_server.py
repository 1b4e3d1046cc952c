"""The embedded server: private, alone on its data, gone with its owner, and complete when it comes back."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from dayhand.errors import LedgerError
from dayhand.ledger.redis_server import (
    MAX_DEATHS,
    SOCKET_BYTES,
    at_hand,
    connect,
    connect_raw,
    embedded,
    kept_server,
)
from tests.waiting import until

OWNER = """
import sys
from pathlib import Path
from dayhand.ledger.redis_server import embedded
with embedded(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def own(data: Path) -> subprocess.Popen[str]:
    """A process that owns, or joins, the server of ``data`` until it is ended."""
    return subprocess.Popen(
        [sys.executable, "-c", OWNER, str(data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with own(tmp_path) as process:
        yield process
        process.kill()


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def server_pid(client: Redis) -> int:
    return int(client.info("server")["process_id"])


def test_it_listens_on_a_private_socket_and_on_no_port(tmp_path: Path) -> None:
    with embedded(tmp_path) as url, connect(url) as client:
        socket = Path(url.removeprefix("unix://"))
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert client.config_get("port") == {"port": "0"}
        assert listening(server_pid(client)) == []


def listening(pid: int) -> list[str]:
    """The TCP sockets on which a process listens."""
    inodes = {target_of(entry)[8:-1] for entry in Path(f"/proc/{pid}/fd").iterdir()}  # "socket:[inode]"
    rows = [
        row.split()
        for table in ("tcp", "tcp6")
        for row in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]
    ]
    return [row[1] for row in rows if row[3] == "0A" and row[9] in inodes]


def target_of(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except FileNotFoundError:
        return ""


def test_the_server_holds_the_lock_itself_until_it_is_gone(tmp_path: Path) -> None:
    with embedded(tmp_path) as url, connect(url) as client:
        held = {target_of(entry) for entry in Path(f"/proc/{server_pid(client)}/fd").iterdir()}
        assert str(tmp_path / "redis" / "lock") in held


def test_it_keeps_an_append_only_file_and_never_evicts(tmp_path: Path) -> None:
    with embedded(tmp_path) as url, connect(url) as client:
        found = client.config_get("append*", "save", "maxmemory-policy")
        assert (found["appendonly"], found["appendfsync"], found["save"]) == ("yes", "everysec", "")
        assert found["maxmemory-policy"] == "noeviction"


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    with embedded(tmp_path) as url, connect(url) as client:
        client.set("kept", "yes")
    with embedded(tmp_path) as url, connect(url) as client:
        assert client.get("kept") == "yes"


def test_what_was_written_survives_a_killed_server(tmp_path: Path) -> None:
    with embedded(tmp_path) as url, connect(url) as client:
        for number in range(1000):
            client.rpush("kept", number)
        until(lambda: is_written(client))
        os.kill(server_pid(client), signal.SIGKILL)
    with embedded(tmp_path) as url, connect(url) as client:
        assert client.llen("kept") == 1000


def test_a_second_opener_joins_and_leaves_without_a_trace(tmp_path: Path) -> None:
    with embedded(tmp_path) as url, connect(url) as client:
        with embedded(tmp_path) as joined, connect(joined) as second:
            assert joined == url
            assert server_pid(second) == server_pid(client)
        assert client.ping()


def test_five_openers_at_once_share_one_server(tmp_path: Path) -> None:
    processes = [own(tmp_path) for _ in range(5)]
    try:
        urls = {url_of(process) for process in processes}
        assert len(urls) == 1
        with connect(urls.pop()) as client:
            assert client.ping()
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_it_dies_with_an_owner_that_was_killed_and_the_next_one_has_its_data(
    tmp_path: Path, owner: subprocess.Popen[str]
) -> None:
    with connect(url_of(owner), quick=True) as client:
        client.set("kept", "yes")
        until(lambda: is_written(client))
        pid = server_pid(client)
    with kept_server(tmp_path) as joined:
        assert joined.restart_if_dead() == ""
        owner.kill()
        owner.wait()
        # Who joined it goes on. The next one comes at once: the old server may still be dying.
        until(joined.restart_if_dead)
        with embedded(tmp_path) as url, connect(url) as client:
            assert server_pid(client) != pid
            assert client.get("kept") == "yes"
    until(
        lambda: (
            not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
        )
    )


def test_a_data_path_that_is_too_long_or_strange_for_a_socket_works(tmp_path: Path) -> None:
    for name in ("l" * 120, "a b%20#?"):
        with embedded(tmp_path / name) as url, connect(url) as client:
            assert client.ping()
            socket = Path(client.connection_pool.connection_kwargs["path"])
            assert len(str(socket)) <= SOCKET_BYTES
        if tmp_path not in socket.parents:
            socket.parent.rmdir()


def test_a_server_that_cannot_start_says_where_its_words_are(tmp_path: Path) -> None:
    broken = tmp_path / "redis" / "appendonlydir"
    broken.parent.mkdir()
    broken.write_text("not a folder")
    with pytest.raises(LedgerError, match="did not start") as refused, embedded(tmp_path):
        pass
    assert "server.log" in refused.value.advice
    assert (tmp_path / "redis" / "server.log").read_text(encoding="utf-8")


def test_a_set_redis_is_used_and_no_other_started(tmp_path: Path) -> None:
    with at_hand("redis://127.0.0.1:1/0", tmp_path) as url:
        assert url == "redis://127.0.0.1:1/0"
    assert list(tmp_path.iterdir()) == []


def test_a_quick_client_fails_in_time_for_a_waiting_sender(tmp_path: Path) -> None:
    began = time.monotonic()
    with connect(f"unix://{tmp_path}/nobody.sock", quick=True) as client, pytest.raises(RedisError):
        client.ping()
    assert time.monotonic() - began < 5


def test_clients_for_text_and_for_bytes(redis: Redis, redis_url: str) -> None:
    redis.set("word", "ja")
    with connect_raw(redis_url) as raw:
        assert raw.get("word") == b"ja"


def test_a_server_that_dies_is_started_again_with_what_it_had(tmp_path: Path) -> None:
    with kept_server(tmp_path) as server, connect(server.url) as client:
        client.set("a", "1")
        assert server.restart_if_dead() == ""
        kill_server(client)
        assert server.restart_if_dead() == "exit code -9"
        assert client.get("a") == "1"


def test_a_server_that_keeps_dying_is_given_up_with_a_sentence(tmp_path: Path) -> None:
    with kept_server(tmp_path) as server, connect(server.url) as client:
        for _ in range(MAX_DEATHS):
            kill_server(client)
            assert server.restart_if_dead()
        kill_server(client)
        with pytest.raises(LedgerError, match="ended 4 times within a minute") as caught:
            server.restart_if_dead()
    assert "server.log" in caught.value.advice


def is_written(client: Redis) -> bool:
    """Whether everything is in the file: while a slow disk still syncs what came before, the server waits."""
    return client.info("persistence")["aof_buffer_length"] == 0


def kill_server(client: Redis) -> None:
    until(lambda: is_written(client))
    pid = client.info("server")["process_id"]
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
