"""One open bubblewrap box: its folders, and a bubblewrap for each command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from platform import machine

from dayhand.box_paths import ENVIRONMENT, WORKSPACE
from dayhand.errors import SandboxError
from dayhand.sandbox import seccomp
from dayhand.sandbox.base import CommandLimits, Reason, Snapshot
from dayhand.sandbox.bubblewrap import mounts as box_mounts
from dayhand.sandbox.bubblewrap.disk_watch import DiskWatch
from dayhand.sandbox.bubblewrap.process import (
    Launch,
    Process,
    inside,
    settled,
)
from dayhand.sandbox.bubblewrap.store import Lock, Store, StoredState
from dayhand.sandbox.command import Ended, Order
from dayhand.sandbox.command_runner import ERRORS, Commands
from dayhand.sandbox.egress.gateway import Gateway
from dayhand.sandbox.limits import Capacity, ControlGroup
from dayhand.sandbox.meter import Meter

COPY_SECONDS = 600.0
ORIGIN = "/tmp/origin"  # noqa: S108 - in the box: where a kept state is copied from


@dataclass(frozen=True, slots=True)
class Ready:
    """What was found out about this machine, once."""

    bwrap: Path
    layers: bool  # whether a workspace can be a layer over a kept one
    fixed: tuple[str, ...]
    capacity: Capacity


class BubblewrapBox(Commands):
    """One open box. Two commands at once would be two mounts of one upper layer, which are undefined."""

    def __init__(
        self, store: Store, ready: Ready, folder: Path, *, uid: int | None, group: ControlGroup | None
    ) -> None:
        super().__init__()
        self.folder = folder
        self.uid = uid
        self.locks: tuple[Lock, ...] = ()
        self._store = store
        self._ready = ready
        self._group = group
        self._mounts: list[str] = []
        self._layered = False
        self._killed = 0  # how often the kernel has killed in here because the memory was used up
        size = ready.capacity
        self._disk = DiskWatch(folder, most=size.disk, max_files=size.files, floor=size.floor)

    @property
    def grouped(self) -> bool:
        """Whether a control group holds it."""
        return self._group is not None

    def start_empty(self) -> None:
        for name in ("workspace", "env"):
            self._store.make(self.folder / name, self.uid)
        self._mounts = box_mounts.folders(self.folder / "workspace", self.folder / "env", env_writable=True)

    def stand_on(self, state: StoredState, *, writable: bool) -> None:
        """Begin as a kept state: by a layer where that works, else by a copy that the box itself makes.

        With ``writable`` its environment is to grow, so both are copied.
        """
        if not writable and self._ready.layers:
            self.lay_over(state.folder)
            return
        self.start_empty()
        self._copy(state.folder / "workspace", WORKSPACE)
        if writable:
            self._copy(state.folder / "env", ENVIRONMENT)
        else:
            self._mounts = box_mounts.folders(
                self.folder / "workspace", state.folder / "env", env_writable=False
            )

    def lay_over(self, lower: Path) -> None:
        for name in ("upper", "work"):
            self._store.make(self.folder / name, self.uid)
        self._mounts = box_mounts.overlay(
            lower / "workspace", self.folder / "upper", self.folder / "work", env=lower / "env"
        )
        self._layered = True

    def save(self, key: str) -> Snapshot:
        with self._turn:
            self._check_open()
            if self._layered:
                raise SandboxError("A box over a snapshot cannot be saved.", advice="Open it with an Egress.")
            self._closed = True
        self._store.keep(self.folder.name, self.folder / "workspace", self.folder / "env", key=key)
        for lock in self.locks:  # others may begin from here while this box is being left
            lock.take(shared=True)
        return Snapshot(key)

    def close(self) -> None:
        with self._turn:
            self._closed = True
            self._disk.stop()

    def _carry_out(
        self, order: Order, out: Meter, err: Meter | None, *, gate: Gateway | None, mounts: Sequence[str] = ()
    ) -> Ended:
        if gate:
            order, mounts = replace(order, command=gate.wrap(order.words())), gate.mounts()
        limits = self._ready.capacity.shell(grouped=self._group is not None)
        arguments = [*self._ready.fixed, *self._mounts, *mounts, *box_mounts.closing()]
        launch = Launch(
            self._ready.bwrap,
            [*arguments, *box_mounts.environment(settled(order.env or {}))],
            inside(order.command, order.cwd, limits),
            self.uid,
            seccomp.program(seccomp.MACHINES[machine()]),
            self._group,
        )
        with Process(launch, apart=err is not None) as process:
            watch = lambda: Reason.HALTED if order.is_halted() else self._disk()  # noqa: E731
            ended = process.pump(out, err, stdin=order.stdin, seconds=order.seconds, watch=watch)
        return self._judge(ended, (err or out))

    def _judge(self, ended: Ended, said: Meter) -> Ended:
        """Tell hunger for memory, which is the command's own, from a box that broke."""
        before, self._killed = self._killed, self._group.kills() if self._group else 0
        if self._killed > before and ended.reason in (Reason.EXIT, Reason.LOST):
            return Ended(ended.code, Reason.OOM, ended.seconds)
        if ended.reason is Reason.LOST:
            raise SandboxError(f"The box broke: {said.head.decode('utf-8', 'replace').strip()[-500:]}")
        return ended

    def _copy(self, source: Path, target: str) -> None:
        meter = Meter(ERRORS, CommandLimits().output_bytes)
        order = Order(
            ["cp", "-a", f"{ORIGIN}/.", target], "/", seconds=COPY_SECONDS, cancelled=self.cancelled
        )
        ended = self._carry_out(order, meter, None, gate=None, mounts=["--ro-bind", str(source), ORIGIN])
        if ended.code != 0:
            raise SandboxError(f"A snapshot could not be copied: {meter.head.decode('utf-8', 'replace')}")
