"""The process of one set-up box's proxy, started when the first connection arrives.

Many set-up boxes connect to nothing: what they install was downloaded before. A start takes a quarter of a second of
processor time, so until then a thread waits at the proxy's socket, which the process takes over.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

from dayhand.sandbox.egress.policy import EgressPolicy

SOCKET = "proxy.sock"
LOG = "proxy.log"
WAITING = 256  # connections that wait for the proxy: as many as a relay makes
START_SECONDS = 30.0
STOP_SECONDS = 5.0


class ProxyOnDemand:
    """A socket in ``folder``, which belongs to one box alone, and the proxy behind it, once somebody connects."""

    def __init__(self, folder: Path, policy: EgressPolicy, *, record: int, uid: int | None) -> None:
        """``record`` is a descriptor for the list of connections. The proxy runs as ``uid`` if one is given."""
        self.problem = ""  # why it did not start when it was needed
        self._folder = folder
        self._policy = policy
        self._record = record
        self._uid = uid
        self._process: subprocess.Popen[bytes] | None = None
        self._listener = _listen(folder, uid)
        self._unwanted, self._end = os.pipe()  # readable once the box is closed
        self._thread = threading.Thread(target=self._run, name="egress", daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.write(self._end, b"end")
        self._thread.join()
        if self._process:
            _end(self._process)
        for descriptor in (self._unwanted, self._end):
            os.close(descriptor)

    def _run(self) -> None:
        """Wait for a connection and start the proxy. If that fails, connections are closed, and ``problem`` says why."""
        with self._listener:
            if not self._wait_for(self._listener):
                return
            try:
                process = self._start()
            except OSError as error:
                self.problem = str(error)
                return
            if problem := self._problem(process):
                self.problem = problem
                _end(process)
            else:
                self._process = process

    def _wait_for(self, source: socket.socket | IO[bytes], seconds: float | None = None) -> bool:
        """Whether there is something to read before the box is closed and the time is over."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._unwanted, selectors.EVENT_READ)
            selector.register(source, selectors.EVENT_READ)
            return source in {key.fileobj for key, _ in selector.select(seconds)}

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        environment["HOME"] = str(self._folder)  # proxy.py creates folders there
        inherited = (self._listener.fileno(), self._record)
        command = [sys.executable, "-P", "-m", "dayhand.sandbox.egress.proxy", *map(str, inherited)]
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [*command, str(self._uid or 0)],
                bufsize=0,
                cwd=self._folder,
                env=environment,
                stdin=subprocess.PIPE,  # the proxy ends when this does, so also when the worker is killed
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=inherited,
                start_new_session=True,
            )

    def _problem(self, process: subprocess.Popen[bytes]) -> str:
        """Wait until the proxy has begun; "", or why it has not."""
        if not process.stdin or not process.stdout:
            return ""
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(self._policy.dump().encode() + b"\n")
        if self._wait_for(process.stdout, START_SECONDS) and process.stdout.read(16) == b"ready\n":
            return ""
        log = self._log.read_text(errors="replace").strip().splitlines()
        return log[-1] if log else "it took too long"

    @property
    def _log(self) -> Path:
        return self._folder.parent / LOG


def _listen(folder: Path, uid: int | None) -> socket.socket:
    """Make the socket. Its folder is opened first, because the path of a socket may have at most 107 bytes."""
    listener = socket.socket(socket.AF_UNIX)
    descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        listener.bind(f"/proc/self/fd/{descriptor}/{SOCKET}")
        listener.listen(WAITING)
        if uid is not None:
            os.chown(folder / SOCKET, uid, uid)
    except OSError:
        listener.close()
        raise
    finally:
        os.close(descriptor)
    return listener


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the proxy and its worker processes, which are in a session of their own."""
    for stream in (process.stdin, process.stdout):
        if stream:
            stream.close()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    until = time.monotonic() + STOP_SECONDS
    while _group_exists(process.pid) and time.monotonic() < until:
        time.sleep(0.005)


def _group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
