"""``dayhand bench web``: what a webhook delivery costs, beside the former web server, and beside slow clients.

Both servers answer the same signed deliveries alternately, on loopback, with a Redis of their own.
"""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from os import environ, sysconf
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from rich.console import Console
from rich.table import Table

from dayhand.bench.measure import descendants
from dayhand.child_process import die_with_parent, end, reserved_port
from dayhand.dashboard.pages import READERS
from dayhand.errors import DayhandError
from dayhand.intake.http_server import allow_files
from dayhand.intake.signature import sign
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import TaskLog
from dayhand.ledger.redis_server import connect, embedded
from dayhand.task import Ask, Task, TaskKind

ROUNDS = 5
DELIVERIES = 200  # of each server in a round
BODY_BYTES = 20_000
START_SECONDS, ANSWER_SECONDS = 60.0, 30.0
TASK = "bench"
HALF_OPEN, SLOW_BODIES, PROBES = 300, 100, 20
PROBE_PAUSE = 0.25  # between two deliveries beside slow clients, each of which then sends a byte
NOBODY = "http://127.0.0.1:9/api/v3"  # the discard port: these deliveries ask nothing of GitHub
HEAD = b"POST /webhook HTTP/1.1\r\nHost: 127.0.0.1\r\n"
SLOW_HEADS = (b"", b"POST /web", HEAD + b"X-Slow: ")


@dataclass(frozen=True, slots=True)
class WebFigures:
    """What was measured; None if gunicorn, the former server, is not installed."""

    cpu_us_per_delivery: float  # of the server's processes, user and system
    cpu_us_per_delivery_before: float | None
    slow_clients_answer_s: float  # the slowest answer to a delivery while the slow clients are connected
    peak_mb: float  # of the server's resident memory, after that
    half_open: int  # connections without a whole head
    slow_bodies: int
    live_logs: int
    refused_live_logs: int  # answered with 503
    deliveries: int


@dataclass(frozen=True, slots=True)
class Server:
    """A web server of ours that runs for the benchmark."""

    process: subprocess.Popen[str]
    port: int
    secret: str  # of its deliveries, and its dashboard's token

    def deliver(self) -> float:
        """Send one signed delivery on a new connection, as GitHub does; the seconds until its answer."""
        body = json.dumps({"zen": "x" * BODY_BYTES}).encode()
        headers = {
            "X-Hub-Signature-256": sign(body, self.secret),
            "X-GitHub-Delivery": secrets.token_hex(8),
            "X-GitHub-Event": "ping",
        }
        began = time.perf_counter()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request("POST", "/webhook", body, headers)
            status = connection.getresponse().status
        except (OSError, HTTPException) as error:
            raise DayhandError(f"A signed delivery was not answered: {error}.") from error
        finally:
            connection.close()
        if status != 202:
            raise DayhandError(f"A signed delivery was answered with {status} instead of 202.")
        return time.perf_counter() - began

    def cpu_us(self) -> float:
        """Microseconds that its processes have used, user and system."""
        ticks = 0
        for pid in (self.process.pid, *descendants([self.process.pid])):
            with suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks * 1_000_000 / sysconf("SC_CLK_TCK")

    def peak_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return round(int(line.split()[1]) / 1024, 1)

    def open_live_log(self) -> tuple[socket.socket, bool]:
        """Ask for a live log; the connection, and whether it was refused because too many are open."""
        head = f"GET /tasks/{TASK}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.secret}\r\n\r\n".encode()
        client = self.connect(head)
        client.settimeout(ANSWER_SECONDS)
        status = client.recv(4096).split(b" ", 2)[1:2]
        if status not in ([b"200"], [b"503"]):
            client.close()
            raise DayhandError(f"A live log was answered with {status}.")
        return client, status == [b"503"]

    def connect(self, first: bytes) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), ANSWER_SECONDS)
        client.sendall(first)
        return client


ROWS = (
    ("CPU per delivery, µs", "cpu_us_per_delivery"),
    ("CPU per delivery of the former server, µs", "cpu_us_per_delivery_before"),
    ("slowest answer beside slow clients, s", "slow_clients_answer_s"),
    ("  connections without a whole head", "half_open"),
    ("  bodies that drip", "slow_bodies"),
    ("  live logs", "live_logs"),
    ("  live logs refused with 503", "refused_live_logs"),
    ("  peak memory, MB", "peak_mb"),
)


def bench_web(*, as_json: bool, rounds: int = ROUNDS, deliveries: int = DELIVERIES) -> int:
    """Measure and print. Raises ``DayhandError`` if a delivery is not answered."""
    with tempfile.TemporaryDirectory(prefix="dayhand-bench-") as folder:
        figures = measure(Path(folder), rounds=rounds, deliveries=deliveries)
    if as_json:
        print(json.dumps(asdict(figures)))
        return 0
    table = Table("", "", title="Web server", show_header=False)
    for label, name in ROWS:
        value = getattr(figures, name)
        table.add_row(label, "gunicorn is not installed" if value is None else f"{value:,}")
    Console().print(table)
    return 0


def measure(data: Path, *, rounds: int, deliveries: int) -> WebFigures:
    with ExitStack() as stack:
        redis_url = stack.enter_context(embedded(data))
        _open_task(Ledger(connect(redis_url)))
        ours = stack.enter_context(_serving(data, "dayhand.cli", "web", redis_url=redis_url))
        servers = [ours]
        if find_spec("gunicorn"):
            former = _serving(data, "dayhand.bench.former_server", redis_url=redis_url)
            servers.append(stack.enter_context(former))
        used = [0.0] * len(servers)
        for _ in range(rounds):
            for number, server in enumerate(servers):
                before = server.cpu_us()
                for _ in range(deliveries):
                    server.deliver()
                used[number] += server.cpu_us() - before
        cpu = [round(one / (rounds * deliveries), 1) for one in used]
        slowest, refused = _beside_slow_clients(ours)
        return WebFigures(
            cpu_us_per_delivery=cpu[0],
            cpu_us_per_delivery_before=cpu[1] if len(cpu) > 1 else None,
            slow_clients_answer_s=round(slowest, 3),
            peak_mb=ours.peak_mb(),
            half_open=HALF_OPEN,
            slow_bodies=SLOW_BODIES,
            live_logs=READERS,
            refused_live_logs=refused,
            deliveries=rounds * deliveries,
        )


def _beside_slow_clients(server: Server) -> tuple[float, int]:
    """The slowest answer in seconds while all kinds of slow clients are connected, and the refused live logs."""
    allow_files(HALF_OPEN + SLOW_BODIES + READERS + 256)
    with ExitStack() as stack:
        logs = [server.open_live_log() for _ in range(READERS + 4)]
        for client, _ in logs:
            stack.enter_context(client)
        body = HEAD + b"Content-Length: 1000000\r\n\r\n"
        firsts = [SLOW_HEADS[number % len(SLOW_HEADS)] for number in range(HALF_OPEN)] + [body] * SLOW_BODIES
        clients = [stack.enter_context(server.connect(first)) for first in firsts]
        dripping = [client for client, first in zip(clients, firsts, strict=True) if first.startswith(HEAD)]
        times = []
        for _ in range(PROBES):
            _drip(dripping)
            times.append(server.deliver())
            time.sleep(PROBE_PAUSE)
        return max(times), sum(refused for _, refused in logs)


def _drip(clients: Sequence[socket.socket]) -> None:
    for client in clients:
        with suppress(OSError):  # the server closed it: it took too long
            client.send(b"x")


@contextmanager
def _serving(data: Path, *module: str, redis_url: str) -> Iterator[Server]:
    """Run a module of ours as a web server until the block is left."""
    with reserved_port() as port:
        process, secret = _start(data, *module, redis_url=redis_url, port=port)
        server = Server(process, port, secret)
        try:
            _wait_until_ready(server)
            yield server
        finally:
            end(process)


def _start(data: Path, *module: str, redis_url: str, port: int) -> tuple[subprocess.Popen[str], str]:
    """The process, and the secret of its webhooks."""
    secret = secrets.token_hex(20)
    ours = {name: value for name, value in environ.items() if not name.startswith(("DAYHAND_", "GITHUB_"))}
    env = {
        **ours,
        "REDIS_URL": redis_url,
        "DAYHAND_DATA": str(data),
        "DAYHAND_PORT": str(port),
        "GITHUB_API_URL": NOBODY,
        "GITHUB_APP_ID": "1",
        "GITHUB_APP_PRIVATE_KEY_PATH": str(_key(data)),
        "GITHUB_WEBHOOK_SECRET": secret,
        "DAYHAND_DASHBOARD_TOKEN": secret,
    }
    command = [sys.executable, "-m", *module]
    with (data / f"{port}.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            command,
            cwd=data,  # without a .env file
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - it makes one system call
            text=True,
            start_new_session=True,
        )
    return process, secret


def _wait_until_ready(server: Server) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and server.process.poll() is None:
        with suppress(OSError):
            server.connect(b"").close()
            server.deliver()
            return
        time.sleep(0.05)
    raise DayhandError("The web server did not start within a minute: this machine is too busy to measure.")


def _key(data: Path) -> Path:
    path = data / "key.pem"
    if not path.exists():
        path.touch(mode=0o600)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        form = serialization.PrivateFormat.PKCS8
        path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return path


def _open_task(ledger: Ledger) -> None:
    """A task that runs, so its live log stays open."""
    task = Task(
        id=TASK,
        repository="bench/bench",
        installation=1,
        number=1,
        title="Bench",
        body="",
        ask=Ask(TaskKind.FIX, "fix", "bench"),
        default_branch="main",
        created_at=time.time(),
        clone_url="",
    )
    ledger.open(task, delivery=TASK, thread=TASK)
    claim = ledger.claim(TASK, "bench")
    if claim is None:
        raise DayhandError("The benchmark's own task could not be claimed.")
    TaskLog(ledger, claim).line("say", "a live log has something to show")
