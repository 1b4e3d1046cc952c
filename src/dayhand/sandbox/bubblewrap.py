"""Boxes without a daemon and without rights: one bubblewrap process per command.

All of a command's processes die with its bubblewrap, so there is nothing to hunt for afterwards. What persists are
folders of the host's that every command of the box gets mounted, and that the host itself never looks into.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from platform import machine
from typing import IO

from dayhand.errors import SandboxError
from dayhand.sandbox import limits, programs, seccomp, view
from dayhand.sandbox.base import WORKSPACE, Egress, Limits, Reason, Result, Snapshot
from dayhand.sandbox.egress import Gate, gate
from dayhand.sandbox.limits import Capacity, ControlGroup
from dayhand.sandbox.meter import Meter
from dayhand.sandbox.spawn import Ended, Launch, Process, settled
from dayhand.sandbox.store import Lock, State, Store

PROBE = Limits(seconds=20.0)
COPY = Limits(seconds=600.0)
ORIGIN = "/tmp/origin"  # noqa: S108 - in the box: where a kept state is copied from


@dataclass(frozen=True, slots=True)
class _Ready:
    """What was found out about this machine, once."""

    bwrap: Path
    layers: bool  # whether a workspace can be a layer over a kept one
    fixed: tuple[str, ...]


class Bubblewrap:
    """Boxes by bubblewrap, with their folders under ``data/sandbox``. Safe to use from several threads."""

    name = "bubblewrap"

    def __init__(self, data: Path, *, capacity: Capacity | None = None) -> None:
        self._store = Store(data / "sandbox")
        self._capacity = capacity or Capacity()
        self._ready: _Ready | None = None
        self._lock = threading.Lock()

    def probe(self) -> None:
        """Open a box and run ``true`` in it, and clear away what killed workers left.

        Raises ``SandboxError`` with the reason and the remedy: there is no way to work without a sandbox.
        """
        self._prepared()
        self.sweep()

    def sweep(self) -> None:
        """Remove the boxes of processes that are gone."""
        self._prepared()
        limits.sweep(self._group_prefix, self._store.sweep())

    @contextmanager
    def open(self, *, origin: Snapshot | None = None, egress: Egress | None = None) -> Iterator[_Box]:
        """Open a box. ``/opt/env`` can be written in it unless it only stands on ``origin``."""
        ready = self._prepared()
        with ExitStack() as stack:
            name, lock = self._store.new_box()
            stack.callback(lock.release)
            stack.callback(self._forget_lock, name, lock)
            stack.callback(self._store.remove, self._store.box(name))
            state = self._state(origin, stack) if origin else None
            uid = self._user(state, stack)
            group = self._group(name, stack)
            box = _Box(self, ready, self._store.box(name), uid, group)
            if egress is not None:
                folder = self._store.make(box.folder / "egress", uid)
                box.gate = stack.enter_context(gate(folder, egress, uid))
            if state:
                box.stand_on(state, writable=egress is not None)
            else:
                box.start_empty()
            try:
                yield box
            finally:
                box.close()

    def find(self, key: str) -> Snapshot | None:
        self._prepared()
        return Snapshot(key) if self._store.has(key) else None

    def drop(self, keys: Iterable[str]) -> None:
        self._prepared()
        self._store.forget(keys)

    @property
    def store(self) -> Store:
        return self._store

    @property
    def capacity(self) -> Capacity:
        return self._capacity

    def _state(self, origin: Snapshot, stack: ExitStack) -> State:
        state = self._store.state(origin.key)
        if state is None:
            raise SandboxError(f"The snapshot {origin.key} is gone.", advice="Retry: it is then made anew.")
        stack.callback(state.lock.release)
        return state

    def _user(self, state: State | None, stack: ExitStack) -> int | None:
        claimed = self._store.share_uid(state.uid) if state else self._store.claim_uid()
        if claimed is None:
            return None
        uid, lock = claimed
        stack.callback(lock.release)
        return uid

    def _group(self, name: str, stack: ExitStack) -> ControlGroup | None:
        if not self._store.is_root:
            return None
        group = ControlGroup.create(f"{self._group_prefix}{name}", self._capacity)
        if group:
            stack.callback(group.remove)
        return group

    @property
    def _group_prefix(self) -> str:
        """Tells our groups from those of other data directories on the same machine."""
        return f"dayhand-{hashlib.sha256(str(self._store.data.resolve()).encode()).hexdigest()[:8]}-"

    def _forget_lock(self, name: str, lock: Lock) -> None:
        if not (self._store.data / "states" / name).exists():
            lock.path.unlink(missing_ok=True)

    def _prepared(self) -> _Ready:
        with self._lock:
            if self._ready is None:
                self._ready = self._prepare()
            return self._ready

    def _prepare(self) -> _Ready:
        if machine() not in seccomp.MACHINES:
            raise SandboxError(
                f"There is no system-call filter for {machine()} machines.",
                advice="Use an x86-64 or arm64 machine, or Docker (DAYHAND_SANDBOX=docker).",
            )
        store = self._store
        store.prepare()
        for name, text in view.ETC.items():
            path = store.data / "etc" / name
            if not path.is_file() or path.read_text() != text:
                path.write_text(text)
                path.chmod(0o644)
        tools = programs.uv_folder(store.data / "tools")
        fixed = tuple(view.fixed(store.data / "etc", tools, self._capacity.scratch))
        said = []
        for bwrap in programs.bubblewraps(store.data / "tools"):
            problem = self._try(_Ready(bwrap, layers=False, fixed=fixed))
            if not problem:
                return _Ready(bwrap, layers=self._can_layer(bwrap, fixed), fixed=fixed)
            said.append(f"{bwrap}: {problem}")
        raise SandboxError(
            f"No sandbox can be opened here. {' '.join(said) or 'There is no bwrap on this machine.'}",
            advice=_advice(" ".join(said)),
        )

    def _try(self, ready: _Ready) -> str:
        """Run ``true`` in an empty box; what went wrong, or ""."""
        try:
            with self._trial(ready) as box:
                box.start_empty()
                result = box.run("true", limits=PROBE)
        except SandboxError as error:
            return str(error)
        return "" if result.passed else result.text().strip() or f"it ended with {result.code}"

    def _can_layer(self, bwrap: Path, fixed: tuple[str, ...]) -> bool:
        """Whether this bwrap, kernel and file system can lay a workspace over another as an ordinary user."""
        try:
            with self._trial(_Ready(bwrap, layers=True, fixed=fixed)) as box:
                lower = box.folder / "lower"
                lower.mkdir(mode=0o711)
                for name in ("workspace", "env"):
                    self._store.make(lower / name, box.uid)
                box.lay_over(lower)
                return box.run("mkdir a && mv a b && rmdir b", limits=PROBE).passed
        except SandboxError:
            return False

    @contextmanager
    def _trial(self, ready: _Ready) -> Iterator[_Box]:
        with ExitStack() as stack:
            name, lock = self._store.new_box()
            stack.callback(lock.release)
            stack.callback(self._forget_lock, name, lock)
            stack.callback(self._store.remove, self._store.box(name))
            uid = self._user(None, stack)
            yield _Box(self, ready, self._store.box(name), uid, self._group(name, stack))


class _Box:
    """One open box: its folders, and a bubblewrap for each command."""

    def __init__(
        self, sandbox: Bubblewrap, ready: _Ready, folder: Path, uid: int | None, group: ControlGroup | None
    ) -> None:
        self.folder = folder
        self.uid = uid
        self.gate: Gate | None = None
        self._sandbox = sandbox
        self._ready = ready
        self._group = group
        self._mounts: list[str] = []
        self._layered = False
        self._closed = False
        self._turn = threading.Lock()  # two mounts of one upper layer would be undefined

    def start_empty(self) -> None:
        for name in ("workspace", "env"):
            self._sandbox.store.make(self.folder / name, self.uid)
        self._mounts = view.folders(self.folder / "workspace", self.folder / "env", env_writable=True)

    def stand_on(self, state: State, *, writable: bool) -> None:
        """Begin as a kept state: by a layer where that works, else by a copy that the box itself makes.

        With ``writable`` its environment is to grow, so both are copied.
        """
        if not writable and self._ready.layers:
            self.lay_over(state.folder)
            return
        self.start_empty()
        self._copy(state.folder / "workspace", "/workspace")
        if writable:
            self._copy(state.folder / "env", "/opt/env")
        else:
            self._mounts = view.folders(self.folder / "workspace", state.folder / "env", env_writable=False)

    def lay_over(self, lower: Path) -> None:
        for name in ("upper", "work"):
            self._sandbox.store.make(self.folder / name, self.uid)
        self._mounts = view.overlay(
            lower / "workspace", self.folder / "upper", self.folder / "work", lower / "env"
        )
        self._layered = True

    def run(
        self,
        command: str | Sequence[str],
        *,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
        stdin: bytes | IO[bytes] | None = None,
        limits: Limits | None = None,
        on_output: Callable[[bytes], None] | None = None,
    ) -> Result:
        limits = limits or Limits()
        meter = Meter(limits.keep_bytes, on_output)
        words = ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)
        mounts: list[str] = []
        if self.gate:
            words, mounts = self.gate.wrap(words), self.gate.mounts()
            env = {**self.gate.environment(), **(env or {})}
        ended = self._execute(words, cwd, env, stdin, limits=limits, out=meter, err=None, mounts=mounts)
        if self.gate:
            self.gate.collect()
        return Result(ended.code, meter.head, meter.tail, meter.size, ended.reason, ended.seconds)

    def pour(
        self, command: Sequence[str], *, stdin: bytes | None = None, most: int, seconds: float = 60
    ) -> bytes:
        out, err = Meter(most), Meter(4096)
        limits = Limits(seconds=seconds, output_bytes=most)
        ended = self._execute(command, WORKSPACE, None, stdin, limits=limits, out=out, err=err)
        if ended.reason is Reason.FLOOD:
            raise SandboxError(f"{command[0]} gave more than the {most} bytes that may leave the box.")
        if ended.code != 0 or ended.reason is not Reason.EXIT:
            said = Result(ended.code, err.head, err.tail, err.size, ended.reason, ended.seconds).text()
            raise SandboxError(
                f"{command[0]} failed in the box ({ended.reason} {ended.code}): {said.strip()}"
            )
        return out.head

    def save(self, key: str) -> Snapshot:
        with self._turn:
            self._check_open()
            if self._layered:
                raise SandboxError("A box over a snapshot cannot be saved.", advice="Open it with an Egress.")
            self._closed = True
        self._sandbox.store.keep(self.folder.name, self.folder / "workspace", self.folder / "env", key)
        return Snapshot(key)

    def close(self) -> None:
        with self._turn:
            self._closed = True

    def _execute(
        self,
        command: Sequence[str],
        cwd: str,
        env: Mapping[str, str] | None,
        stdin: bytes | IO[bytes] | None,
        *,
        limits: Limits,
        out: Meter,
        err: Meter | None,
        mounts: Sequence[str] = (),
    ) -> Ended:
        with self._turn:
            self._check_open()
            words = [*self._ready.fixed, *self._mounts, *mounts, *view.closing()]
            launch = Launch(
                self._ready.bwrap,
                [*words, *view.environment(settled(env or {}))],
                command,
                cwd,
                self.uid,
                seccomp.program(seccomp.MACHINES[machine()]),
                self._sandbox.capacity,
                self._group,
            )
            killed = self._group.kills() if self._group else 0
            with Process(launch, apart=err is not None) as process:
                ended = process.pump(
                    out,
                    err,
                    stdin=stdin,
                    seconds=limits.seconds,
                    most=limits.output_bytes,
                    watch=lambda: None,
                )
            return self._judge(ended, killed, (err or out))

    def _judge(self, ended: Ended, killed: int, said: Meter) -> Ended:
        """Tell hunger for memory, which is the command's own, from a box that broke."""
        if self._group and ended.reason in (Reason.EXIT, Reason.LOST) and self._group.kills() > killed:
            return Ended(ended.code, Reason.OOM, ended.seconds)
        if ended.reason is Reason.LOST:
            raise SandboxError(f"The box broke: {said.head.decode('utf-8', 'replace').strip()[-500:]}")
        return ended

    def _check_open(self) -> None:
        if self._closed:
            raise SandboxError("This box is closed: nothing can run in it any more.")

    def _copy(self, source: Path, target: str) -> None:
        meter = Meter(4096)
        ended = self._execute(
            ["cp", "-a", f"{ORIGIN}/.", target],
            "/",
            None,
            None,
            limits=COPY,
            out=meter,
            err=None,
            mounts=["--ro-bind", str(source), ORIGIN],
        )
        if ended.code != 0:
            raise SandboxError(f"A snapshot could not be copied: {meter.head.decode('utf-8', 'replace')}")


def _advice(said: str) -> str:
    """What to do about the reasons that are known; the sentences are bubblewrap's and the kernel's."""
    if "/proc" in said:
        return (
            "In a container, let the sandbox mount its own /proc: add `systempaths=unconfined` to security_opt "
            "(beside `seccomp=unconfined`)."
        )
    return (
        "bubblewrap needs unprivileged user namespaces. On a host: `sysctl user.max_user_namespaces` must not be 0, "
        "`sysctl kernel.unprivileged_userns_clone` (Debian) must be 1, and on Ubuntu 24.04 install bubblewrap by apt, "
        "for AppArmor lets only /usr/bin/bwrap make them. In a container: add `seccomp=unconfined` and "
        "`systempaths=unconfined` to security_opt. Or use Docker: DAYHAND_SANDBOX=docker."
    )
