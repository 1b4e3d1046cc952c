"""An attempt to leave a box, and one to reach the network from it, each seen from outside; and what a box offers."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from dayhand.commands.doctor.codes import FaultCode
from dayhand.commands.doctor.finding import HealthFinding
from dayhand.errors import SandboxError
from dayhand.sandbox.base import CommandLimits, Sandbox
from dayhand.settings.table import Settings

# What nearly every repository needs; languages that are missing are installed for the repositories that use them.
NEEDED = ("python3", "git", "make", "cc")
LANGUAGES = ("node", "go", "cargo", "ruby", "java", "php", "dotnet")
SECONDS = 60.0
# It runs inside the box. Each attempt is caught by itself, so that one obstacle does not hide the next opening.
PROBE = """
import glob, json, os, shutil, socket, sys
plan = json.loads(sys.argv[1])
found = {"read": [], "seen": [], "connected": [], "programs": []}
for path in plan["files"]:
    try:
        if plan["canary"] in open(path).read(): found["read"].append(path)
    except OSError: pass
    try: open(path, "a").write("written from a box")
    except OSError: pass
me = str(os.getpid())
for path in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
    if path.split("/")[2] == me: continue
    try:
        if plan["process"] in open(path, errors="replace").read(): found["seen"].append(path)
    except OSError: pass
for host, port in plan["addresses"]:
    try: socket.create_connection((host, port), 2).close()
    except OSError: continue
    found["connected"].append(host + ":" + str(port))
for name in plan["sockets"]:
    try:
        with socket.socket(socket.AF_UNIX) as client: client.connect(name)
    except OSError: continue
    found["connected"].append("the socket " + name.lstrip(chr(0)))
found["programs"] = [name for name in plan["programs"] if shutil.which(name)]
print(json.dumps(found))
"""


@dataclass(slots=True)
class Bait:
    """What this machine puts out for a box that should reach none of it."""

    file: Path
    canary: str
    process: str
    addresses: list[tuple[str, int]]
    socket_names: list[str]
    visitors: list[str] = field(default_factory=list)  # connections that arrived

    @property
    def changed(self) -> bool:
        return self.file.read_text(encoding="utf-8") != self.canary


def try_box(sandbox: Sandbox, settings: Settings) -> Iterator[HealthFinding]:
    """Open a box, try to get out of it, and list its programs."""
    try:
        with put_out(settings) as bait, sandbox.open() as box:
            plan = {
                "canary": bait.canary,
                "process": bait.process,
                "files": [str(bait.file), f"/proc/1/root{bait.file}"],
                "addresses": bait.addresses,
                "sockets": bait.socket_names,
                "programs": [*NEEDED, *LANGUAGES],
            }
            limits = CommandLimits(seconds=SECONDS)
            result = box.run(["python3", "-c", PROBE, json.dumps(plan)], limits=limits)
            visited = bait.changed, list(bait.visitors)
    except SandboxError as error:
        yield HealthFinding(str(error), FaultCode.NO_SANDBOX, error.advice)
        return
    found = _parse(result.text())
    if found is None:
        yield HealthFinding(
            "no escape could be tried, because boxes have no python3 that works",
            FaultCode.NO_TOOLCHAIN,
            "Install python3 on this machine, or put it into the sandbox's image.",
        )
        return
    yield from judge(found, changed=visited[0], visitors=visited[1])


def judge(found: dict[str, list[str]], *, changed: bool, visitors: list[str]) -> Iterator[HealthFinding]:
    """What the box reached, by its own account and by what was seen outside."""
    cure = "Stop the workers, and report this with the output of `dayhand doctor --json`: docs/security.md says where."
    escapes = [
        *(f"it read {path}" for path in found["read"]),
        *(f"it saw a process of this machine ({path})" for path in found["seen"][:1]),
        *(["it wrote to a file of this machine"] if changed else []),
    ]
    if escapes:
        yield HealthFinding(f"a box got out: {'; '.join(escapes)}", FaultCode.BOX_ESCAPED, cure)
    else:
        yield HealthFinding("a box could not read or write this machine's files, nor see its processes")
    reached = found["connected"] or visitors
    if reached:
        yield HealthFinding(f"a box reached {', '.join(reached)}", FaultCode.BOX_ONLINE, cure)
    else:
        yield HealthFinding("a box could not reach this machine's ports and sockets, nor GitHub")
    missing = [name for name in NEEDED if name not in found["programs"]]
    if missing:
        yield HealthFinding(
            f"boxes have no {', '.join(missing)}",
            FaultCode.NO_TOOLCHAIN,
            "Install them on this machine (on Debian: git make gcc python3), or put them into the sandbox's image.",
        )
    yield HealthFinding(
        f"boxes have {', '.join(found['programs'])}; other toolchains are installed for the repositories that need them"
    )


@contextmanager
def put_out(settings: Settings) -> Iterator[Bait]:
    """A file that everybody may read and write, a process with a name, ports and a socket, while the block runs."""
    canary = secrets.token_hex(16)
    with ExitStack() as stack:
        file = Path(stack.enter_context(tempfile.NamedTemporaryFile(prefix="dayhand-doctor-")).name)
        file.write_text(canary, encoding="utf-8")
        file.chmod(0o666)
        name = f"dayhand-doctor-{secrets.token_hex(8)}"
        process = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()", name],
            stdin=subprocess.PIPE,
            env={"DAYHAND_DOCTOR": name},
        )
        stack.callback(_end, process)
        bait = Bait(file, canary, name, addresses=[_github(settings)], socket_names=[])
        with suppress(OSError):
            listener = stack.enter_context(socket.create_server(("0.0.0.0", 0)))  # noqa: S104 - seconds, and nothing is read
            port = listener.getsockname()[1]
            bait.addresses += [(host, port) for host in _own_addresses()]
            stack.callback(_count(listener, bait))
        if sys.platform == "linux":
            abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
            abstract.bind(f"\0{name}")  # it has no file: only a network namespace keeps it out of reach
            abstract.listen()
            bait.socket_names.append(f"\0{name}")
            stack.callback(_count(abstract, bait))
        yield bait


def _count(listener: socket.socket, bait: Bait) -> Callable[[], None]:
    """Count who connects; returns a function that ends it, to call before the socket is closed.

    Closing alone would not wake the thread, which would later accept what its descriptor's next owner listens for.
    """

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                client.close()
                bait.visitors.append("a port or socket of this machine")

    def end() -> None:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join()

    thread = threading.Thread(target=accept, name="doctor-bait", daemon=True)
    thread.start()
    return end


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def _github(settings: Settings) -> tuple[str, int]:
    parts = urlsplit(settings.api_url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _own_addresses() -> list[str]:
    """127.0.0.1, and the address that this machine uses towards others, if it has one."""
    addresses = ["127.0.0.1"]
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # it sends nothing: the kernel only chooses an address
        addresses.append(probe.getsockname()[0])
    return list(dict.fromkeys(addresses))


def _parse(text: str) -> dict[str, list[str]] | None:
    """The probe's account; None without one. It comes from a box, so it is read strictly."""
    try:
        found = json.loads(text)
        return {
            name: [str(each) for each in found[name]] for name in ("read", "seen", "connected", "programs")
        }
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
