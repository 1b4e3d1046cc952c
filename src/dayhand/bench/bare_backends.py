"""What a box is measured beside: each backend's own way to run a command, without us."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from docker.models.containers import Container

from dayhand.bench.measure import descendants, pss_mb
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Sandbox
from dayhand.sandbox.bubblewrap import mounts
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.sandbox.bubblewrap.binaries import find_bwraps, find_uv
from dayhand.sandbox.docker.backend import DockerSandbox
from dayhand.sandbox.docker.engine import engine_errors
from dayhand.sandbox.docker.labels import OWNER
from dayhand.sandbox.limits import Capacity
from dayhand.settings.table import Settings

# The namespaces and mounts without which a bwrap is no sandbox; nothing of what we add to it.
LEAST = (
    "--unshare-all", "--die-with-parent", "--new-session", "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin",
    "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev",
    "--tmpfs", "/var",
)  # fmt: skip
TRUE = "/usr/bin/true"


@dataclass(frozen=True, slots=True)
class BoxMemory:
    """Proportional memory (PSS) in MB of many open boxes."""

    boxes_mb: float  # what keeps the boxes: two bwraps each, or a shim and the container's first processes
    commands_mb: float  # the commands that sleep in them, which come on top


class Bare(Protocol):
    """One backend without us, and the sandbox of ours that stands on it."""

    @property
    def sandbox(self) -> Sandbox:
        """Ours."""

    def least(self) -> None:
        """The least that can be called a sandboxed command."""

    def command(self) -> None:
        """The backend's own command."""

    def start(self) -> None:
        """The backend's own box, made for one command and taken away."""

    def memory(self) -> BoxMemory | None:
        """That of all open boxes; None where the kernel does not tell it."""


class BareBubblewrap:
    """bwrap makes a box for each command, so a command and a start are the same to it."""

    def __init__(self, sandbox: BubblewrapSandbox, bwrap: Path, ours: tuple[str, ...]) -> None:
        self.sandbox = sandbox
        self._bwrap = str(bwrap)
        self._ours = ours

    def least(self) -> None:
        _must([self._bwrap, *LEAST, "--", TRUE])

    def command(self) -> None:
        """With the arguments of our boxes: no shell, no limits, no filter, no streams, and our own user."""
        _must([self._bwrap, *self._ours, "--", TRUE])

    def start(self) -> None:
        self.command()

    def memory(self) -> BoxMemory | None:
        bwraps = [pid for pid, name in descendants([os.getpid()]).items() if name == "bwrap"]
        return _memory(bwraps, descendants(bwraps).keys() - set(bwraps))


class BareDocker:
    """``docker exec`` in a container that runs, and ``docker run``; the least is the engine's API without the client."""

    def __init__(self, sandbox: DockerSandbox, container: Container) -> None:
        self.sandbox = sandbox
        self._container = container

    def least(self) -> None:
        self._container.exec_run([TRUE])

    def command(self) -> None:
        _must(["docker", "exec", str(self._container.id), TRUE])

    def start(self) -> None:
        _must(["docker", "run", "--rm", "--entrypoint", TRUE, self.sandbox.image])

    def memory(self) -> BoxMemory | None:
        """Of an engine on this machine: its shims are found by the containers that they are started for."""
        client = self.sandbox.engine().client
        with engine_errors():
            found = client.containers.list(filters={"label": f"{OWNER}={self.sandbox.owner}"})
            firsts = {str(one.id): int(one.attrs["State"]["Pid"]) for one in found}
        shims = {}
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = entry.read_bytes().decode("utf-8", "replace").split("\0")
                if "-id" in words[:-1] and (one := words[words.index("-id") + 1]) in firsts:
                    shims[one] = int(entry.parent.name)
        if shims.keys() != firsts.keys():
            return None  # another machine's
        keeping = {*shims.values(), *firsts.values(), *descendants(firsts.values())}
        return _memory(keeping, descendants(shims.values()).keys() - keeping)


@contextmanager
def bare_bubblewrap(data: Path, _: Settings) -> Iterator[Bare]:
    """Raises ``SandboxError`` where no box can be opened."""
    sandbox = BubblewrapSandbox(data)
    sandbox.self_test()
    kept = data / "sandbox"
    workspace, env = data / "bare" / "workspace", data / "bare" / "env"
    for folder in (workspace, env):
        folder.mkdir(parents=True)
    fixed = mounts.fixed(kept / "etc", find_uv(kept / "tools"), Capacity().scratch)
    ours = (
        *fixed,
        *mounts.folders(workspace, env, env_writable=True),
        *mounts.closing(),
        *mounts.environment({}),
    )
    yield BareBubblewrap(sandbox, next(iter(find_bwraps(kept / "tools"))), ours)


@contextmanager
def bare_docker(data: Path, settings: Settings) -> Iterator[Bare]:
    """Raises ``SandboxError`` where no engine answers, or it has no image."""
    sandbox = DockerSandbox(data, image=settings.sandbox_image, runtime=settings.sandbox_runtime)
    sandbox.self_test()
    client = sandbox.engine().client
    with engine_errors():
        container = client.containers.run(
            sandbox.image, ["3600"], entrypoint="/bin/sleep", detach=True, auto_remove=True
        )
    try:
        yield BareDocker(sandbox, container)
    finally:
        container.remove(force=True)


BACKENDS = {"bubblewrap": bare_bubblewrap, "docker": bare_docker}


def _must(words: list[str]) -> None:
    try:
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SandboxError(f"The bare backend does not run: {error}.") from error


def _memory(boxes: Iterable[int], commands: Iterable[int]) -> BoxMemory | None:
    told = [[size for pid in pids if (size := pss_mb(pid)) is not None] for pids in (boxes, commands)]
    if not all(told):
        return None
    return BoxMemory(*(round(sum(sizes), 1) for sizes in told))
