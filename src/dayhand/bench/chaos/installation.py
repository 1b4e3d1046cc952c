"""An installation under a supervisor, as systemd would run it: what dies is started again."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

from dayhand.bench.measure import children, descendants
from dayhand.child_process import PROCESSES, reserved_port, running
from dayhand.hub.permissions import EVENTS, PERMISSIONS
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.redis_server import EmbeddedServer, connect, kept_server
from dayhand.localhub.server import LocalHub
from dayhand.localhub.state.models import App
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.scripted_model.name import SCRIPTED_MODEL

OWNER, LABEL = "ada", "codex"
BUILD_LOCKS = f"dayhand-building-{os.geteuid()}"  # stays: whoever installs a package takes a lock in it
REDIS_PROGRAMS = ("valkey", "redis")


@dataclass(frozen=True, slots=True)
class Supervised:
    """One process of the installation, with what ends it."""

    process: Popen[str]
    stack: ExitStack


@dataclass(slots=True)
class Installation:
    """What an operator runs, with a local GitHub. Use it from one thread: its processes end with that."""

    data: Path
    hub: LocalHub
    app: App
    server: EmbeddedServer
    redis: TextRedis  # fails fast
    env: dict[str, str]
    names: Sequence[str] = PROCESSES  # the commands that run
    processes: dict[str, Supervised] = field(default_factory=dict)

    def supervise(self) -> None:
        """Start again what has died."""
        self.server.restart_if_dead()
        for name in self.names:
            known = self.processes.get(name)
            if known is None or known.process.poll() is not None:
                self._start(name)

    def _start(self, name: str) -> None:
        if name in self.processes:
            self.processes.pop(name).stack.close()
        with ExitStack() as stack:
            log = stack.enter_context((self.data / f"{name}.log").open("a", encoding="utf-8"))
            process = stack.enter_context(running([name], env=self.env, output=log))
            self.processes[name] = Supervised(process, stack.pop_all())

    def stop(self) -> None:
        for one in self.processes.values():
            one.stack.close()
        self.processes.clear()

    def pids(self, kind: str) -> list[int]:
        """The processes of a kind: a command of ours, "worker", "job", "dispatcher" or "redis"."""
        match kind:
            case "worker" | "job":  # a worker runs its jobs in threads
                return self._children_of("work")
            case "dispatcher":
                return self._children_of("dispatch")
            case "redis":
                names = descendants([os.getpid()]).items()
                return [pid for pid, name in names if name.startswith(REDIS_PROGRAMS)]
            case _:
                known = self.processes.get(kind)
                return [known.process.pid] if known else []

    def _children_of(self, name: str) -> list[int]:
        return [child for pid in self.pids(name) for child in children(pid)]

    def leftovers(self) -> list[str]:
        """What nobody owns: processes that lost their parent, boxes with their control groups, temporary folders."""
        ours = {one.process.pid for one in self.processes.values()} | set(self.pids("redis"))
        orphans = [(pid, _command(pid)) for pid in children(os.getpid()) if pid not in ours]
        found = [f"process {pid}: {command}" for pid, command in orphans if command]  # a zombie has none
        sandbox = self.data / "sandbox"
        kept = {link.readlink().name for link in (sandbox / "snapshots").glob("*")}
        found += [f"box {name}" for name in sorted(BubblewrapSandbox(self.data).find_boxes() - kept)]
        folders = (sandbox / "trash", self.data / "tmp", self.data / "replies")
        found += [str(path) for folder in folders for path in folder.glob("*") if path.name != BUILD_LOCKS]
        return found + [str(path) for path in self.data.glob("mirrors/*/incoming/*") if path.is_dir()]


@contextmanager
def installed(
    data: Path, repositories: Sequence[str], files: dict[str, str], *, model_url: str, **settings: str
) -> Iterator[Installation]:
    """An installation on new repositories, each of which holds ``files``. Its processes are not started yet."""
    with ExitStack() as stack:
        server = stack.enter_context(kept_server(data))
        hub = stack.enter_context(LocalHub(data / "github"))
        port, secret = stack.enter_context(reserved_port()), secrets.token_hex(20)
        hub.actions.add_user(OWNER, "Ada")
        app = hub.actions.add_app(
            "dayhand",
            permissions=PERMISSIONS,
            events=EVENTS,
            webhook_url=f"http://127.0.0.1:{port}/webhook",
            secret=secret,
            owner=OWNER,
        )
        for name in repositories:
            repo = hub.actions.add_repository(f"{OWNER}/{name}", files)
            hub.actions.install(app, OWNER, [repo.full_name], silent=True)
        key = data / "app.pem"
        key.touch(mode=0o600)
        key.write_text(app.private_key, encoding="utf-8")
        (data / "tmp").mkdir()
        env = {
            "GITHUB_API_URL": hub.api_url,
            "GITHUB_APP_ID": str(app.id),
            "GITHUB_APP_PRIVATE_KEY": "",  # overrides a .env file
            "GITHUB_APP_PRIVATE_KEY_PATH": str(key),
            "GITHUB_WEBHOOK_SECRET": secret,
            "OPENAI_BASE_URL": model_url,
            "OPENAI_API_KEY": "scripted",
            "REDIS_URL": server.url,
            "TMPDIR": str(data / "tmp"),
            "DAYHAND_MODEL": SCRIPTED_MODEL,
            "DAYHAND_DATA": str(data),
            "DAYHAND_URL": f"http://127.0.0.1:{port}",
            "DAYHAND_HOST": "127.0.0.1",
            "DAYHAND_PORT": str(port),
            "DAYHAND_LABEL": LABEL,
            "DAYHAND_HANDLES": "bot",
            "DAYHAND_SANDBOX": "bubblewrap",
            "DAYHAND_DASHBOARD_TOKEN": secret,
            **settings,
        }
        redis = connect(server.url, quick=True)
        installation = Installation(data, hub, app, server, redis, env)
        stack.callback(installation.stop)
        yield installation


def _command(pid: int) -> str:
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        return words.decode("utf-8", "replace").strip()
    return ""
