"""Boxes without a daemon and without rights: one bubblewrap process per command.

All of a command's processes die with its bubblewrap, so there is nothing to hunt for afterwards. What persists are
folders of the host's that every command of the box gets mounted, and that the host itself never looks into.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from platform import machine

from dayhand.errors import SandboxError
from dayhand.sandbox import limits, seccomp
from dayhand.sandbox.base import CommandLimits, Egress, Snapshot
from dayhand.sandbox.bubblewrap import binaries, mounts
from dayhand.sandbox.bubblewrap.box import BubblewrapBox, Ready
from dayhand.sandbox.bubblewrap.store import Lock, Store, StoredState
from dayhand.sandbox.egress.gateway import gate
from dayhand.sandbox.limits import Capacity, ControlGroup

PROBE = CommandLimits(seconds=20.0)


class Bubblewrap:
    """Boxes by bubblewrap, with their folders under ``data/sandbox``. Safe to use from several threads."""

    name = "bubblewrap"

    def __init__(self, data: Path, *, capacity: Capacity | None = None) -> None:
        self._store = Store(data / "sandbox")
        self._capacity = capacity or Capacity()
        self._ready: Ready | None = None
        self._lock = threading.Lock()

    def probe(self) -> None:
        """Open a box and run ``true`` in it, and clear away what killed workers left.

        Raises ``SandboxError`` with the reason and the remedy: there is no way to work without a sandbox.
        """
        self._prepared()
        self.sweep()

    def stamp(self) -> str:
        """The programs and the system's name are this machine's own: what ``view.stamp`` sees of them."""
        ready = self._prepared()
        return mounts.stamp((str(ready.bwrap), *ready.fixed))

    def sweep(self) -> None:
        """Remove the boxes of processes that are gone."""
        self._prepared()
        limits.sweep(self._group_prefix, self._store.sweep())

    @contextmanager
    def open(
        self, *, origin: Snapshot | None = None, egress: Egress | None = None
    ) -> Iterator[BubblewrapBox]:
        """Open a box. ``/opt/env`` can be written in it unless it only stands on ``origin``."""
        ready = self._prepared()
        with ExitStack() as stack:
            name, lock = self._store.new_box()
            stack.callback(lock.release)
            stack.callback(self._forget_lock, name, lock)
            stack.callback(self._store.remove, self._store.box(name))
            state = self._state(origin, stack) if origin else None
            uid, locks = self._user(state, stack)
            group = self._group(name, stack)
            box = BubblewrapBox(self._store, ready, self._store.box(name), uid=uid, group=group)
            box.locks = (lock, *locks)
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

    def _state(self, origin: Snapshot, stack: ExitStack) -> StoredState:
        state = self._store.state(origin.key)
        if state is None:
            raise SandboxError(f"The snapshot {origin.key} is gone.", advice="Retry: it is then made anew.")
        stack.callback(state.lock.release)
        return state

    def _user(self, state: StoredState | None, stack: ExitStack) -> tuple[int | None, tuple[Lock, ...]]:
        claimed = self._store.share_uid(state.uid) if state else self._store.claim_uid()
        if claimed is None:
            return None, ()
        uid, lock = claimed
        stack.callback(lock.release)
        return uid, (lock,)

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

    def ready(self) -> Ready:
        """What was found out about this machine. Raises ``SandboxError`` where no box can be opened."""
        return self._prepared()

    def can_group(self) -> bool:
        """Whether boxes get control groups of their own here."""
        with self._trial(self._prepared()) as box:
            return box.grouped

    def _prepared(self) -> Ready:
        with self._lock:
            # A worker's disk may be cleared while it runs.
            if self._ready is None or not self._store.is_there:
                self._ready = self._prepare()
            return self._ready

    def _prepare(self) -> Ready:
        if machine() not in seccomp.MACHINES:
            raise SandboxError(
                f"There is no system-call filter for {machine()} machines.",
                advice="Use an x86-64 or arm64 machine, or Docker (DAYHAND_SANDBOX=docker).",
            )
        store = self._store
        store.prepare()
        for name, text in mounts.ETC.items():
            path = store.data / "etc" / name
            if not path.is_file() or path.read_text() != text:
                half = path.with_name(secrets.token_hex(8))  # another worker's box may be reading it
                half.write_text(text)
                half.chmod(0o644)
                half.rename(path)
        uv = binaries.uv_program(store.data / "tools")
        fixed = tuple(mounts.fixed(store.data / "etc", uv, self._capacity.scratch))
        said = []
        for bwrap in binaries.bubblewraps(store.data / "tools"):
            ready = Ready(bwrap, layers=False, fixed=fixed, capacity=self._capacity)
            problem = self._try(ready)
            if not problem:
                return replace(ready, layers=self._can_layer(ready))
            said.append(f"{bwrap}: {problem}")
        raise SandboxError(
            f"No sandbox can be opened here. {' '.join(said) or 'There is no bwrap on this machine.'}",
            advice=_advice(" ".join(said)),
        )

    def _try(self, ready: Ready) -> str:
        """Run ``true`` in an empty box; what went wrong, or ""."""
        try:
            with self._trial(ready) as box:
                box.start_empty()
                result = box.run("true", limits=PROBE)
        except SandboxError as error:
            return str(error)
        return "" if result.passed else result.text().strip() or f"it ended with {result.code}"

    def _can_layer(self, ready: Ready) -> bool:
        """Whether this bwrap, kernel and file system can lay a workspace over another as an ordinary user."""
        try:
            with self._trial(ready) as box:
                lower = box.folder / "lower"
                lower.mkdir(mode=0o711)
                for name in ("workspace", "env"):
                    self._store.make(lower / name, box.uid)
                box.lay_over(lower)
                return box.run("mkdir a && mv a b && rmdir b", limits=PROBE).passed
        except SandboxError:
            return False

    @contextmanager
    def _trial(self, ready: Ready) -> Iterator[BubblewrapBox]:
        with ExitStack() as stack:
            name, lock = self._store.new_box()
            stack.callback(lock.release)
            stack.callback(self._forget_lock, name, lock)
            stack.callback(self._store.remove, self._store.box(name))
            uid, _ = self._user(None, stack)
            yield BubblewrapBox(
                self._store, ready, self._store.box(name), uid=uid, group=self._group(name, stack)
            )


def _advice(said: str) -> str:
    """What to do about the reasons that are known; the sentences are bubblewrap's and the kernel's."""
    if "mount proc" in said:
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
