"""Boxes without a daemon and without root: one bubblewrap process per command.

All processes of a command die with its bubblewrap, so none has to be searched for afterwards. What persists are folders
on the host that every command of the box gets mounted, and that the host itself never looks into.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from platform import machine

from dayhand.errors import SandboxError
from dayhand.sandbox import limits, seccomp
from dayhand.sandbox.base import NO_HOSTS, CommandLimits, Egress, Snapshot
from dayhand.sandbox.bubblewrap import binaries, etc, mounts
from dayhand.sandbox.bubblewrap.box import BubblewrapBox, BwrapConfig
from dayhand.sandbox.bubblewrap.store import BoxStore, StoredSnapshot
from dayhand.sandbox.egress.gateway import open_gateway
from dayhand.sandbox.file_lock import FileLock
from dayhand.sandbox.limits import Capacity, ControlGroup

SELF_TEST_LIMITS = CommandLimits(seconds=20.0)


class BubblewrapSandbox:
    """Boxes by bubblewrap, with their folders under ``data/sandbox``. Safe to use from several threads."""

    name = "bubblewrap"

    def __init__(
        self, data: Path, *, capacity: Capacity | None = None, toolchains: tuple[str, ...] = ()
    ) -> None:
        """``toolchains`` are folders that boxes see read-only; those that not every user can read are left out."""
        self.toolchains = toolchains
        self._store = BoxStore(data / "sandbox")
        self._capacity = capacity or Capacity()
        self._config: BwrapConfig | None = None
        self._lock = threading.Lock()

    def self_test(self) -> None:
        """Open a box, run ``true`` in it, and remove what killed workers left.

        Raises ``SandboxError`` with the reason and the remedy: nothing runs without a sandbox.
        """
        self.config()
        self.sweep()

    def fingerprint(self) -> str:
        """Boxes use the programs of this machine, so it changes with those: see ``mounts.fingerprint``."""
        config = self.config()
        etc.write(self._store.data / "etc")
        return mounts.fingerprint((str(config.bwrap), *config.fixed_arguments))

    def sweep(self) -> None:
        """Remove the boxes of processes that are gone."""
        for name in self.find_boxes():
            self.remove_if_abandoned(name)
        self._store.sweep()

    def find_boxes(self) -> frozenset[str]:
        """The names of all boxes and snapshots of which anything is left: folders, locks or control groups."""
        self.config()
        return self._store.names() | limits.find_groups(self._group_prefix)

    def remove_if_abandoned(self, name: str) -> None:
        """Remove a box with its control group and processes, unless its owner lives: then its lock is held."""
        with self._store.abandoned(name) as is_abandoned:
            if is_abandoned:
                limits.remove_group(f"{self._group_prefix}{name}")

    @contextmanager
    def open(
        self,
        *,
        origin: Snapshot | None = None,
        egress: Egress | None = None,
        hosts: Mapping[str, str] = NO_HOSTS,
    ) -> Iterator[BubblewrapBox]:
        """Open a box. ``/opt/env`` is read-only in a box that has an ``origin`` and no ``egress``."""
        config = self.config()
        with ExitStack() as stack:
            name = self._new_box(stack)
            snapshot = self._lock_snapshot(origin, stack) if origin else None
            uid, user_lock = self._user(snapshot, stack)
            group = self._group(name, stack)
            box = BubblewrapBox(self._store, config, self._store.box_folder(name), uid=uid, group=group)
            box.user_lock = user_lock
            if egress is not None:
                folder = self._store.make_folder(box.folder / "egress", uid)
                box.gateway = stack.enter_context(open_gateway(folder, egress, uid))
            if snapshot:
                box.start_from(snapshot, writable=egress is not None)
                box.commit = box.checked_out = origin.commit if origin and egress is None else ""
            else:
                box.start_empty()
            if hosts:
                box.add_hosts(hosts)
            try:
                yield box
            finally:
                box.close()

    def find_snapshot(self, key: str) -> Snapshot | None:
        self.config()
        return Snapshot(key) if self._store.has_snapshot(key) else None

    def delete_snapshots(self, keys: Iterable[str]) -> None:
        self.config()
        self._store.delete_snapshots(keys)

    def _new_box(self, stack: ExitStack) -> str:
        """A new box's name. Its lock is held until everything of the box is removed, when the stack is closed."""
        name, lock = self._store.new_box()
        stack.callback(lock.remove)
        stack.callback(self._store.remove, self._store.box_folder(name))
        return name

    def _lock_snapshot(self, origin: Snapshot, stack: ExitStack) -> StoredSnapshot:
        snapshot = self._store.lock_snapshot(origin.key)
        if snapshot is None:
            raise SandboxError(
                f"The snapshot {origin.key} is gone.", advice="Retry: it is then created again."
            )
        stack.callback(snapshot.release)
        return snapshot

    def _user(self, snapshot: StoredSnapshot | None, stack: ExitStack) -> tuple[int | None, FileLock | None]:
        claimed = self._store.share_uid(snapshot.uid) if snapshot else self._store.claim_uid()
        if claimed is None:
            return None, None
        uid, lock = claimed
        stack.callback(lock.release)
        return uid, lock

    def _group(self, name: str, stack: ExitStack) -> ControlGroup | None:
        group = ControlGroup.create(f"{self._group_prefix}{name}", self._capacity)
        if group:
            stack.callback(group.remove)
        return group

    @property
    def _group_prefix(self) -> str:
        """Distinguishes our groups from those of other data directories on the same machine, whose locks we do not see.

        Not by its path: in two containers, two folders may have the same.
        """
        data = self._store.data.stat()
        return f"dayhand-{hashlib.sha256(f'{data.st_dev}:{data.st_ino}'.encode()).hexdigest()[:8]}-"

    def can_create_groups(self) -> bool:
        """Whether boxes get control groups of their own here."""
        with self._trial_box(self.config()) as box:
            return box.has_group

    def config(self) -> BwrapConfig:
        """How boxes are made on this machine. Raises ``SandboxError`` if no box can be opened."""
        with self._lock:
            # A worker's disk may be cleared while it runs.
            if self._config is None or not self._store.is_prepared:
                self._config = self._prepare()
            return self._config

    def _prepare(self) -> BwrapConfig:
        if machine() not in seccomp.MACHINES:
            raise SandboxError(
                f"There is no system-call filter for {machine()} machines.",
                advice="Use an x86-64 or arm64 machine, or Docker (DAYHAND_SANDBOX=docker).",
            )
        store = self._store
        store.prepare()
        etc.write(store.data / "etc")
        return self.choose_bwrap(binaries.find_bwraps(store.data / "tools"))

    def choose_bwrap(self, programs: Iterable[Path]) -> BwrapConfig:
        """The first of the ``bwrap`` programs that opens a box and mounts overlays, else the first that opens a box.

        Without overlays, each box has its own copy of a snapshot's workspace. Raises ``SandboxError`` if none opens one.
        """
        store, problems, without_overlay = self._store, [], []
        fixed = (
            *mounts.fixed_arguments(
                store.data / "etc", binaries.find_uv(store.data / "tools"), self._capacity.scratch
            ),
            *mounts.toolchain_arguments(self.toolchains),
        )
        for bwrap in programs:
            config = BwrapConfig(bwrap, overlay=False, fixed_arguments=fixed, capacity=self._capacity)
            if self._can_overlay(config):  # then it opens a box, too
                return replace(config, overlay=True)
            if problem := self._problem(config):
                problems.append(f"{bwrap}: {problem}")
            else:
                without_overlay.append(config)
        if without_overlay:
            return without_overlay[0]
        raise SandboxError(
            f"No sandbox can be opened here. {' '.join(problems) or 'There is no bwrap on this machine.'}",
            advice=_advice(" ".join(problems)),
        )

    def _problem(self, config: BwrapConfig) -> str:
        """Run ``true`` in an empty box: what went wrong, or ""."""
        try:
            with self._trial_box(config) as box:
                box.start_empty()
                result = box.run("true", limits=SELF_TEST_LIMITS)
        except SandboxError as error:
            return str(error)
        return "" if result.passed else result.text().strip() or f"it ended with {result.code}"

    def _can_overlay(self, config: BwrapConfig) -> bool:
        """Whether this bwrap, kernel and file system can mount an overlay as an ordinary user."""
        try:
            with self._trial_box(config) as box:
                lower = box.folder / "lower"
                lower.mkdir(mode=0o711)
                for name in ("workspace", "env"):
                    self._store.make_folder(lower / name, box.uid)
                box.start_overlay((lower / "workspace",), lower / "env")
                return box.run("mkdir a && mv a b && rmdir b", limits=SELF_TEST_LIMITS).passed
        except SandboxError:
            return False

    @contextmanager
    def _trial_box(self, config: BwrapConfig) -> Iterator[BubblewrapBox]:
        with ExitStack() as stack:
            name = self._new_box(stack)
            uid, _ = self._user(None, stack)
            folder = self._store.box_folder(name)
            yield BubblewrapBox(self._store, config, folder, uid=uid, group=self._group(name, stack))


def _advice(problems: str) -> str:
    """The remedy for the reasons that are known; their wording is bubblewrap's and the kernel's."""
    if "mount proc" in problems:
        return (
            "In a container, let the sandbox mount its own /proc: add `systempaths=unconfined` to security_opt "
            "(besides `seccomp=unconfined`)."
        )
    return (
        "bubblewrap needs unprivileged user namespaces. On a host: `sysctl user.max_user_namespaces` must not be 0, "
        "`sysctl kernel.unprivileged_userns_clone` (Debian) must be 1, and on Ubuntu 24.04 install bubblewrap by apt, "
        "because AppArmor lets only /usr/bin/bwrap create them. In a container: add `seccomp=unconfined` and "
        "`systempaths=unconfined` to security_opt. Or use Docker: DAYHAND_SANDBOX=docker."
    )
