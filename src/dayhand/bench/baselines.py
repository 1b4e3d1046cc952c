"""The baselines of the sandbox benchmark: how each backend runs a command without Dayhand."""

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

# The namespaces and mounts that a sandbox needs at least, without the options that Dayhand adds.
MINIMAL_OPTIONS = (
    "--unshare-all", "--die-with-parent", "--new-session", "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin",
    "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev",
    "--tmpfs", "/var",
)  # fmt: skip
TRUE_PROGRAM = "/usr/bin/true"


@dataclass(frozen=True, slots=True)
class BoxMemory:
    """Proportional memory (PSS) in MB of many open boxes."""

    boxes_mb: (
        float  # the boxes themselves: two bwrap processes each, or a shim and the container's first processes
    )
    commands_mb: float  # the sleeping commands in them, in addition


class Baseline(Protocol):
    """One backend without Dayhand, and Dayhand's sandbox that uses it."""

    @property
    def sandbox(self) -> Sandbox:
        """Dayhand's sandbox."""

    def minimal(self) -> None:
        """Run ``true`` with as little isolation as still counts as a sandbox."""

    def command(self) -> None:
        """Run ``true`` with the backend's own command-line tool."""

    def start(self) -> None:
        """Create the backend's own box, run ``true`` in it and remove it."""

    def memory(self) -> BoxMemory | None:
        """The memory of all open boxes; None if the kernel does not report it."""


class BubblewrapBaseline:
    """bwrap creates a box for each command, so ``command`` and ``start`` are the same."""

    def __init__(self, sandbox: BubblewrapSandbox, bwrap: Path, options: tuple[str, ...]) -> None:
        self.sandbox = sandbox
        self._bwrap = str(bwrap)
        self._options = options

    def minimal(self) -> None:
        _run([self._bwrap, *MINIMAL_OPTIONS, "--", TRUE_PROGRAM])

    def command(self) -> None:
        """Run bwrap with the options of Dayhand's boxes, but without shell, limits, seccomp filter, streams or own user."""
        _run([self._bwrap, *self._options, "--", TRUE_PROGRAM])

    def start(self) -> None:
        self.command()

    def memory(self) -> BoxMemory | None:
        bwraps = [pid for pid, name in descendants([os.getpid()]).items() if name == "bwrap"]
        return _memory(bwraps, descendants(bwraps).keys() - set(bwraps))


class DockerBaseline:
    """``docker exec`` in a running container, and ``docker run``; ``minimal`` calls the engine's API directly."""

    def __init__(self, sandbox: DockerSandbox, container: Container) -> None:
        self.sandbox = sandbox
        self._container = container

    def minimal(self) -> None:
        self._container.exec_run([TRUE_PROGRAM])

    def command(self) -> None:
        _run(["docker", "exec", str(self._container.id), TRUE_PROGRAM])

    def start(self) -> None:
        _run(["docker", "run", "--rm", "--entrypoint", TRUE_PROGRAM, self.sandbox.image])

    def memory(self) -> BoxMemory | None:
        """Works for an engine on this machine: its shims are found by their containers' ids."""
        client = self.sandbox.engine().client
        with engine_errors():
            found = client.containers.list(filters={"label": f"{OWNER}={self.sandbox.owner}"})
            firsts = {str(one.id): int(one.attrs["State"]["Pid"]) for one in found}
        shims = {}
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                arguments = entry.read_bytes().decode("utf-8", "replace").split("\0")
                if (
                    "-id" in arguments[:-1]
                    and (container_id := arguments[arguments.index("-id") + 1]) in firsts
                ):
                    shims[container_id] = int(entry.parent.name)
        if shims.keys() != firsts.keys():
            return None  # the engine runs on another machine
        keeping = {*shims.values(), *firsts.values(), *descendants(firsts.values())}
        return _memory(keeping, descendants(shims.values()).keys() - keeping)


@contextmanager
def bubblewrap_baseline(data: Path, _: Settings) -> Iterator[Baseline]:
    """Raises ``SandboxError`` if no box can be opened."""
    sandbox = BubblewrapSandbox(data)
    sandbox.self_test()
    kept = data / "sandbox"
    workspace, env = data / "bare" / "workspace", data / "bare" / "env"
    for folder in (workspace, env):
        folder.mkdir(parents=True)
    fixed = mounts.fixed_arguments(kept / "etc", find_uv(kept / "tools"), Capacity().scratch)
    options = (
        *fixed,
        *mounts.folder_arguments(workspace, env, env_writable=True),
        *mounts.closing_arguments(),
        *mounts.environment_arguments({}),
    )
    yield BubblewrapBaseline(sandbox, next(iter(find_bwraps(kept / "tools"))), options)


@contextmanager
def docker_baseline(data: Path, settings: Settings) -> Iterator[Baseline]:
    """Raises ``SandboxError`` if no engine answers or it does not have the image."""
    sandbox = DockerSandbox(data, image=settings.sandbox_image, runtime=settings.sandbox_runtime)
    sandbox.self_test()
    client = sandbox.engine().client
    with engine_errors():
        container = client.containers.run(
            sandbox.image, ["3600"], entrypoint="/bin/sleep", detach=True, auto_remove=True
        )
    try:
        yield DockerBaseline(sandbox, container)
    finally:
        container.remove(force=True)


BACKENDS = {"bubblewrap": bubblewrap_baseline, "docker": docker_baseline}


def _run(arguments: list[str]) -> None:
    try:
        subprocess.run(arguments, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SandboxError(f"The baseline command failed: {error}.") from error


def _memory(boxes: Iterable[int], commands: Iterable[int]) -> BoxMemory | None:
    sizes_by_group = [
        [size for pid in pids if (size := pss_mb(pid)) is not None] for pids in (boxes, commands)
    ]
    if not all(sizes_by_group):
        return None
    return BoxMemory(*(round(sum(sizes), 1) for sizes in sizes_by_group))
