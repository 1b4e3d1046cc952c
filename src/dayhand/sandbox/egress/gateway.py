"""The one way out of a set-up box: a proxy on a unix socket that connects to allowed hosts and to nothing else.

The box has no network of its own. Inside, a forwarder listens on its loopback and hands every connection on to the
socket; outside, ``proxy_process`` judges each by ``Rules``. Proxy and socket live exactly as long as the box.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from dayhand.errors import SandboxError
from dayhand.sandbox.base import Egress
from dayhand.sandbox.bubblewrap import mounts
from dayhand.task import NOT_ALLOWED, Blocked

SOCKET = "proxy.sock"
REFUSED = "refused"
LOG = "proxy.log"
INSIDE = "/run/egress"  # where the box finds the socket
PORT = 3128
START_SECONDS = 30.0

# Loopback, private, shared, link-local (cloud metadata), benchmark, multicast, reserved; and the address ranges that
# carry one of those inside them. By name and not by ``is_private``, which refuses documentation networks as well.
NEVER = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"),
    "168.63.129.16/32",  # Azure's metadata
    *("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2002::/16"),
    *("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
)

_FORWARDER = (
    Path(__file__).with_name("relay_in_bubblewrap.py").read_text()
)  # runs inside the box, before the command

# Of those, where an operator's own registry may be; never loopback, metadata or what is no host's address.
PRIVATE = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may be connected to."""

    allow: tuple[str, ...]
    ports: tuple[int, ...] = (443,)
    never: tuple[str, ...] = NEVER  # networks
    private: tuple[str, ...] = ()  # hosts that may be in a private network

    def refusal(self, host: str, port: int) -> str:
        """Why this host and port are refused; "" where they are allowed."""
        if not re.fullmatch(r"[a-z0-9.-]{1,253}", host):
            return "this is not a host name"
        if port not in self.ports:
            return f"port {port} is not allowed"
        return "" if any(_matches(host, pattern) for pattern in self.allow) else NOT_ALLOWED

    def address(self, host: str, port: int) -> tuple[str, str]:
        """Look the host up once: the address to connect to, or "" and why there is none."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            return "", f"the host has no address ({error.strerror or error})"
        addresses = sorted({str(entry[4][0]) for entry in found}, key=lambda each: (":" in each, each))
        for address in addresses:
            if not self._forbids(host, address):
                return address, ""
        return "", f"the host's address {', '.join(addresses)} is not on the public network"

    def _forbids(self, host: str, address: str) -> bool:
        parsed = ipaddress.ip_address(address.partition("%")[0])
        allowed = PRIVATE if any(_matches(host, pattern) for pattern in self.private) else ()
        return any(
            parsed in ipaddress.ip_network(network) for network in self.never if network not in allowed
        )

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> Rules:
        raw = json.loads(text)
        return cls(tuple(raw["allow"]), tuple(raw["ports"]), tuple(raw["never"]), tuple(raw["private"]))


def _matches(host: str, pattern: str) -> bool:
    """``*.example.org`` is any host under it, at any depth, but not itself."""
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) >= len(pattern)
    return host == pattern


class Gateway:
    """A running proxy, seen from the worker."""

    def __init__(self, folder: Path, egress: Egress, refused: int) -> None:
        self.folder = folder
        self._egress = egress
        self._refused = refused  # a descriptor of the list that the proxy writes
        self._read = 0
        self._asking = ""

    @contextmanager
    def asked_by(self, command: str) -> Iterator[None]:
        """Whatever is refused while the block runs, this command asked for."""
        self.collect()  # a look-up that outlasted the command before was that one's
        self._asking = command
        try:
            yield
        finally:
            self.collect()

    def mounts(self) -> list[str]:
        return ["--ro-bind", str(self.folder / SOCKET), f"{INSIDE}/{SOCKET}"]

    def wrap(self, command: Sequence[str]) -> list[str]:
        """The command with the forwarder in front of it."""
        return ["python3", "-I", "-S", "-c", _FORWARDER, str(PORT), f"{INSIDE}/{SOCKET}", *command]

    def environment(self) -> dict[str, str]:
        names = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "ALL_PROXY", "npm_config_proxy")
        here = "localhost,127.0.0.1,::1"
        variables = dict.fromkeys((*names, "npm_config_https_proxy"), f"http://127.0.0.1:{PORT}")
        return {**variables, "NO_PROXY": here, "no_proxy": here, **mounts.certificates()}

    def collect(self) -> None:
        """Add what was refused since the last time to the box's ``Egress``. A refusal is written before it is told."""
        raw = os.pread(self._refused, os.fstat(self._refused).st_size - self._read, self._read)
        whole = raw[: raw.rfind(b"\n") + 1]
        self._read += len(whole)
        for host, port, reason in map(json.loads, whole.splitlines()):
            self._egress.blocked.append(Blocked(host, port, reason, self._asking))


@contextmanager
def gate(folder: Path, egress: Egress, uid: int | None, *, rules: Rules | None = None) -> Iterator[Gateway]:
    """Run a proxy for one box; ``folder`` is its own, and holds the socket. Raises ``SandboxError``.

    The proxy runs as ``uid`` where one is given. It ends when its standard input does, so a killed worker takes it along.
    """
    rules = rules or Rules(
        tuple(host.lower() for host in egress.allow), private=tuple(host.lower() for host in egress.private)
    )
    refused = os.open(folder.parent / REFUSED, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = _start(folder, refused, uid)
        try:
            _await_ready(process, rules, folder)
            yield Gateway(folder, egress, refused)
        finally:
            _end(process)
    finally:
        os.close(refused)


def _start(folder: Path, refused: int, uid: int | None) -> subprocess.Popen[bytes]:
    # The folder is the working directory because a socket's path may have no more than 107 bytes.
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment["HOME"] = str(folder)  # proxy.py makes folders there
    words = [sys.executable, "-P", "-m", "dayhand.sandbox.egress.proxy", str(refused), str(uid or 0)]
    with (folder.parent / LOG).open("wb") as log:
        return subprocess.Popen(
            words,
            bufsize=0,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            pass_fds=(refused,),
            start_new_session=True,
        )


def _await_ready(process: subprocess.Popen[bytes], rules: Rules, folder: Path) -> None:
    if process.stdin and process.stdout:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(rules.dump().encode() + b"\n")
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if selector.select(START_SECONDS) and process.stdout.read(16) == b"ready\n":
                return
    said = (folder.parent / LOG).read_text(errors="replace").strip().splitlines()
    raise SandboxError(f"The proxy for set-up did not start: {said[-1] if said else 'it was too slow'}.")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the proxy and its workers, which are in a session of their own."""
    for stream in (process.stdin, process.stdout):
        if stream:
            stream.close()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    until = time.monotonic() + 5
    while _group_lives(process.pid) and time.monotonic() < until:
        time.sleep(0.005)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
