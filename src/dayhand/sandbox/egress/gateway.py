"""The only network access of a set-up box: a proxy on a unix socket that connects to allowed hosts alone.

The box has no network of its own. Inside it, a relay listens on the loopback and passes every connection to the socket;
outside, the proxy (``proxy.py``) judges each by an ``EgressPolicy``. Proxy and socket live exactly as long as the box.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dayhand.errors import SandboxError
from dayhand.sandbox import guest
from dayhand.sandbox.base import Egress
from dayhand.sandbox.egress.policy import EgressPolicy
from dayhand.task import Blocked
from dayhand.typed_json import parse

SOCKET = "proxy.sock"
REFUSED = "refused"
LOG = "proxy.log"
PORT = 3128  # of the relay, on the box's loopback
START_SECONDS = 30.0
STOP_SECONDS = 5.0


class Gateway:
    """A running proxy, seen from the worker."""

    def __init__(self, folder: Path, egress: Egress, record: int) -> None:
        self.folder = folder
        self._egress = egress
        self._record = record  # a descriptor of the list of connections that the proxy writes
        self._read = 0
        self._command = ""

    @contextmanager
    def attribute_to(self, command: str) -> Iterator[None]:
        """Record that connections refused while the block runs were requested by this command."""
        self.collect()  # a look-up that outlasted the previous command belongs to that one
        self._command = command
        try:
            yield
        finally:
            self.collect()

    def environment(self) -> dict[str, str]:
        """The variables that make the box's programs use the proxy and trust this machine's authorities."""
        names = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "ALL_PROXY", "npm_config_proxy")
        local = "localhost,127.0.0.1,::1"
        variables = dict.fromkeys((*names, "npm_config_https_proxy"), f"http://127.0.0.1:{PORT}")
        return {**variables, "NO_PROXY": local, "no_proxy": local, **guest.certificate_variables()}

    def collect(self) -> None:
        """Add new connections and refusals to the box's ``Egress``. The proxy records each before it answers."""
        raw = os.pread(self._record, os.fstat(self._record).st_size - self._read, self._read)
        complete = raw[: raw.rfind(b"\n") + 1]
        self._read += len(complete)
        for line in complete.splitlines():
            host, port, reason = parse(tuple[str, int, str], line)
            if reason:
                self._egress.blocked.append(Blocked(host, port, reason, self._command))
            else:
                self._egress.reached.append(host)


@contextmanager
def open_gateway(
    folder: Path, egress: Egress, uid: int | None, *, policy: EgressPolicy | None = None
) -> Iterator[Gateway]:
    """Run a proxy for one box. ``folder`` belongs to it alone and holds its socket. Raises ``SandboxError``.

    The proxy runs as ``uid`` if one is given. It ends when its standard input does, so also when the worker is killed.
    """
    policy = policy or EgressPolicy(
        tuple(host.lower() for host in egress.allow), private=tuple(host.lower() for host in egress.private)
    )
    refused = os.open(folder.parent / REFUSED, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = _start(folder, refused, uid)
        try:
            _await_ready(process, policy, folder)
            yield Gateway(folder, egress, refused)
        finally:
            _end(process)
    finally:
        os.close(refused)


def _start(folder: Path, refused: int, uid: int | None) -> subprocess.Popen[bytes]:
    # The socket is named relative to the working directory because its path may have at most 107 bytes.
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment["HOME"] = str(folder)  # proxy.py creates folders there
    command = [sys.executable, "-P", "-m", "dayhand.sandbox.egress.proxy", str(refused), str(uid or 0)]
    with (folder.parent / LOG).open("wb") as log:
        return subprocess.Popen(
            command,
            bufsize=0,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            pass_fds=(refused,),
            start_new_session=True,
        )


def _await_ready(process: subprocess.Popen[bytes], policy: EgressPolicy, folder: Path) -> None:
    if process.stdin and process.stdout:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(policy.dump().encode() + b"\n")
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if selector.select(START_SECONDS) and process.stdout.read(16) == b"ready\n":
                return
    log = (folder.parent / LOG).read_text(errors="replace").strip().splitlines()
    raise SandboxError(f"The proxy for set-up did not start: {log[-1] if log else 'it took too long'}.")


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
