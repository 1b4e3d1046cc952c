"""One open bubblewrap box: its folders, and one bubblewrap process for each command."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from platform import machine

from dayhand.box_paths import ENVIRONMENT, WORKSPACE
from dayhand.errors import SandboxError
from dayhand.sandbox import seccomp
from dayhand.sandbox.base import CommandLimits, Reason, Snapshot
from dayhand.sandbox.bubblewrap import etc, layer_changes, mounts
from dayhand.sandbox.bubblewrap.disk_watch import DiskWatch
from dayhand.sandbox.bubblewrap.memory_watch import MemoryWatch
from dayhand.sandbox.bubblewrap.process import LaunchSpec, Process, with_limits
from dayhand.sandbox.bubblewrap.store import BoxStore, StoredSnapshot
from dayhand.sandbox.command import MAX_ERROR_BYTES, CommandRunner, ExitStatus, SandboxCommand
from dayhand.sandbox.egress import relay_in_bubblewrap
from dayhand.sandbox.egress.gateway import PORT, Gateway
from dayhand.sandbox.file_lock import FileLock
from dayhand.sandbox.limits import Capacity, ControlGroup
from dayhand.sandbox.output import OutputCapture
from dayhand.startup.records import dataclass

COPY_SECONDS = 600.0
MAX_CHANGED = 16 << 20  # bytes of changed paths
LAYER_CHANGES = Path(layer_changes.__file__).read_text(encoding="utf-8")
RELAY = Path(relay_in_bubblewrap.__file__).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class BwrapConfig:
    """How boxes are made on this machine, found out once."""

    bwrap: Path
    overlay: bool  # whether a workspace can be a layer over a saved one
    fixed_arguments: tuple[str, ...]
    capacity: Capacity


class BubblewrapBox(CommandRunner):
    """One open box. It runs one command at a time: two mounts of the same upper layer are undefined."""

    def __init__(
        self,
        store: BoxStore,
        config: BwrapConfig,
        folder: Path,
        *,
        uid: int | None,
        group: ControlGroup | None,
    ) -> None:
        super().__init__(config.capacity.memory)
        self.folder = folder
        self.uid = uid
        self.user_lock: FileLock | None = None
        self._store = store
        self._config = config
        self._group = group
        self._mounts: list[str] = []
        self._writable: tuple[Path, ...] = ()  # the folders on the host that its user owns, and may have shut
        self._workspace = folder / "workspace"
        self._over: StoredSnapshot | None = None
        self._oom_kills = 0
        self._disk = DiskWatch(folder, config.capacity, bwrap=config.bwrap)

    @property
    def has_group(self) -> bool:
        """Whether it has a control group."""
        return self._group is not None

    def start_empty(self) -> None:
        self._writable = (self.folder / "workspace", self.folder / "env")
        for folder in self._writable:
            self._store.make_folder(folder, self.uid)
        self._mounts = mounts.folder_arguments(*self._writable, env_writable=True)

    def start_from(self, snapshot: StoredSnapshot, *, writable: bool) -> None:
        """Start from a snapshot: as a layer over it if this machine can do that, else as a copy that the box makes.

        ``writable``: its environment will be changed, so both of its folders are copied.
        """
        self._over = None if writable else snapshot
        if not writable and self._config.overlay:
            self.start_overlay(snapshot.workspaces, snapshot.env)
            return
        self.start_empty()
        layered = self._config.overlay and len(snapshot.workspaces) > 1  # without overlays, a layer is a copy
        self._copy(
            mounts.origin_arguments(*(snapshot.workspaces if layered else snapshot.workspaces[-1:])),
            WORKSPACE,
        )
        if writable:
            self._copy(mounts.origin_arguments(snapshot.env), ENVIRONMENT)
        else:
            self._mounts = mounts.folder_arguments(
                self.folder / "workspace", snapshot.env, env_writable=False
            )

    def start_overlay(self, workspaces: tuple[Path, ...], env: Path) -> None:
        """Start as a layer over ``workspaces``, the lowest first, with ``env`` read-only."""
        for name in ("upper", "work"):
            self._store.make_folder(self.folder / name, self.uid)
        self._workspace = self.folder / "upper"
        self._writable = (self._workspace,)
        self._mounts = mounts.overlay_arguments(workspaces, self._workspace, self.folder / "work", env=env)

    def add_hosts(self, hosts: Mapping[str, str]) -> None:
        """Let commands resolve these names. The file is the host's, so they cannot change it."""
        path = self.folder / "hosts"
        lines = "".join(f"{address}\t{name}\n" for name, address in hosts.items())
        path.write_text(f"{etc.HOSTS}{lines}")
        path.chmod(0o644)
        self._mounts += ["--ro-bind", str(path), "/etc/hosts"]

    def save(self, key: str) -> Snapshot:
        with self._lock:
            self._check_open()
            self._closed = True
        saved = self._store.save(self._workspace, self._over or self.folder / "env", key=key)
        if saved and self.user_lock:  # other boxes may start from the snapshot while this one is being closed
            self.user_lock.release()
        return Snapshot(key)

    def changed_paths(self) -> bytes | None:
        if not self.commit or self._workspace not in self._writable or not self._config.overlay:
            return None
        out, err = OutputCapture(MAX_CHANGED, MAX_CHANGED), OutputCapture(MAX_ERROR_BYTES, MAX_CHANGED)
        words = ["python3", "-I", "-S", "-c", LAYER_CHANGES, mounts.LAYER]
        command = SandboxCommand(words, "/", seconds=COPY_SECONDS, cancelled=self.cancelled)
        with self._lock:
            self._check_open()
            layer = mounts.layer_arguments(self._workspace)
            status = self._execute(command, out, err, gateway=None, extra_mounts=layer)
        return out.head if (status.code, status.reason) == (0, Reason.EXIT) else None

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._disk.stop()

    def _execute(
        self,
        command: SandboxCommand,
        out: OutputCapture,
        err: OutputCapture | None,
        *,
        gateway: Gateway | None,
        extra_mounts: Sequence[str] = (),
    ) -> ExitStatus:
        if gateway:
            relay = ["python3", "-I", "-S", "-c", RELAY, str(PORT), mounts.EGRESS_SOCKET]
            command = replace(command, command=[*relay, *command.argv()])
            extra_mounts = mounts.egress_socket_arguments(gateway.folder)
        limits = self._config.capacity.ulimit_script(has_group=self.has_group)
        arguments = [*self._config.fixed_arguments, *self._mounts, *extra_mounts, *mounts.closing_arguments()]
        spec = LaunchSpec(
            self._config.bwrap,
            [*arguments, *mounts.environment_arguments(command.checked_env())],
            with_limits(command.command, command.cwd, limits),
            self.uid,
            seccomp.program(seccomp.MACHINES[machine()]),
            self._group,
        )
        for folder in self._writable:
            _open_to_owner(folder)
        with ExitStack() as stack:
            process = stack.enter_context(Process(spec, separate_stderr=err is not None))
            memory: MemoryWatch | None = None
            if self._group is None and process.first is not None:
                memory = MemoryWatch(process.first, self._config.capacity)
                stack.callback(memory.stop)

            def watch() -> Reason | None:
                if command.is_cancelled():
                    return Reason.CANCELLED
                return self._disk() or (memory() if memory else None)

            status = process.communicate(out, err, stdin=command.stdin, seconds=command.seconds, watch=watch)
        return self._checked(status, err or out)

    def _checked(self, status: ExitStatus, errors: OutputCapture) -> ExitStatus:
        """Tell a command that ran out of memory from a box that broke. Raises ``SandboxError`` for the latter."""
        before, self._oom_kills = self._oom_kills, self._group.oom_kills() if self._group else 0
        if self._oom_kills > before and status.reason in (Reason.EXIT, Reason.LOST):
            return ExitStatus(status.code, Reason.OOM, status.seconds)
        if status.reason is Reason.LOST:
            raise SandboxError(f"The box broke: {errors.head.decode('utf-8', 'replace').strip()[-500:]}")
        return status

    def _copy(self, origin: list[str], target: str) -> None:
        output = OutputCapture(MAX_ERROR_BYTES, CommandLimits().output_bytes)
        command = SandboxCommand(
            ["cp", "-a", f"{mounts.ORIGIN}/.", target], "/", seconds=COPY_SECONDS, cancelled=self.cancelled
        )
        status = self._execute(command, output, None, gateway=None, extra_mounts=origin)
        if status.code != 0:
            raise SandboxError(f"A snapshot could not be copied: {output.head.decode('utf-8', 'replace')}")


def _open_to_owner(folder: Path) -> None:
    """Give a box's user the right to its own folder back, which a command may have taken away."""
    mode = folder.stat().st_mode
    if mode & stat.S_IRWXU != stat.S_IRWXU:
        folder.chmod(stat.S_IMODE(mode) | stat.S_IRWXU)
