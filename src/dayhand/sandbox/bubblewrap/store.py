"""The folders behind the boxes: who owns which, what is kept, and what a killed worker left.

    locks/<id>      held by the process whose box it is; shared by the boxes that read a kept state
    boxes/<id>/     an open box: workspace/ and env/, or the upper layers over a kept state
    states/<id>/    a kept state: workspace/ and env/, never written again
    snapshots/<key> a link to a state: made once, so the first writer wins
    slots/<uid>     held by the boxes that run as this user, where the worker is root

The host makes, renames and removes these folders; it never looks into a workspace or an env.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dayhand.errors import SandboxError
from dayhand.sandbox.bubblewrap.orphans import end_boxes_of

FIRST_UID, SLOTS = 200_000, 10_000
KEPT = 60  # snapshots; beyond that, those that were not used for the longest time are forgotten
LOCK_SECONDS = 10.0
FOLDERS = ("locks", "boxes", "states", "snapshots", "slots", "etc", "tools", "trash")


class Lock:
    """An advisory lock on a file, held until it is released or its process ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self, *, shared: bool = False) -> bool:
        try:
            fcntl.flock(self._fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


@dataclass(frozen=True, slots=True)
class StoredState:
    """A kept state and its lock, held shared so that it is not removed while a box stands on it."""

    folder: Path
    lock: Lock

    @property
    def uid(self) -> int:
        return (self.folder / "workspace").stat().st_uid


class Store:
    """All folders under one data directory."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.is_root = os.geteuid() == 0

    @property
    def is_there(self) -> bool:
        return all((self.data / name).is_dir() for name in FOLDERS)

    def prepare(self) -> None:
        """Make the folders. As root they can be passed through, not listed, by the boxes' own users."""
        mode = 0o711 if self.is_root else 0o700
        for name in FOLDERS:
            folder = self.data / name
            folder.mkdir(parents=True, exist_ok=True)
            if self.is_root:
                folder.chmod(mode)
        if self.is_root:
            self._check_passable()

    def _check_passable(self) -> None:
        for folder in (self.data, *self.data.resolve().parents):
            if not folder.stat().st_mode & 0o001:
                raise SandboxError(
                    f"The sandbox's own users cannot pass through {folder}, so no box can be opened in {self.data}.",
                    advice=f"Run `chmod o+x {folder}`, or set DAYHAND_DATA to a folder that others may pass through, "
                    "such as /var/lib/dayhand.",
                )

    def new_box(self) -> tuple[str, Lock]:
        """Name a box and hold its lock before there is anything to find."""
        name = secrets.token_hex(8)
        try:
            lock = Lock(self.data / "locks" / name)
            if not lock.take():
                raise SandboxError(f"The new box {name} is locked already.")
            (self.data / "boxes" / name).mkdir(mode=0o711 if self.is_root else 0o700)
        except OSError as error:
            raise SandboxError(
                f"No folder for a new box can be made in {self.data}: {error.strerror}.",
                advice="See whether the disk is full, and whether the folder belongs to the worker's user.",
            ) from error
        return name, lock

    def box(self, name: str) -> Path:
        return self.data / "boxes" / name

    def make(self, folder: Path, uid: int | None) -> Path:
        """Make one of a box's folders for the user that the box runs as."""
        folder.mkdir(mode=0o700)
        try:
            if uid is not None:
                os.chown(folder, uid, uid)
        except OSError as error:
            raise SandboxError(
                f"This root may not give files to other users ({error.strerror}), so no box can be opened.",
                advice="Run the worker as an ordinary user.",
            ) from error
        return folder

    def claim_uid(self) -> tuple[int, Lock] | None:
        """A user for a box with nothing in it: one that no box runs as and that owns no kept state."""
        if not self.is_root:
            return None
        owners = self._owners()
        for uid in range(FIRST_UID, FIRST_UID + SLOTS):
            if uid in owners:
                continue
            lock = Lock(self.data / "slots" / str(uid))
            if (
                lock.take() and uid not in self._owners()
            ):  # it may have been saved just before we had the lock
                return uid, lock
            lock.release()
        raise SandboxError(
            f"All {SLOTS} users for boxes are taken.",
            advice="Run fewer tasks at once, or forget old snapshots.",
        )

    def share_uid(self, uid: int) -> tuple[int, Lock] | None:
        """The user that owns a kept state, for a box over it; boxes over the same state share their user."""
        if not self.is_root:
            return None
        lock = Lock(self.data / "slots" / str(uid))
        if not lock.take(shared=True):
            lock.release()
            raise SandboxError(f"The user {uid} of this snapshot is taken by another box.")
        return uid, lock

    def _owners(self) -> frozenset[int]:
        owners = set()
        for state in (self.data / "states").iterdir():
            with contextlib.suppress(FileNotFoundError):
                owners.add((state / "workspace").stat().st_uid)
        return frozenset(owners)

    def keep(self, name: str, workspace: Path, env: Path, *, key: str) -> None:
        """Make a box's folders the state behind ``key``; where there is one already, ours is dropped."""
        link = self._link(key)
        state = self.data / "states" / name
        state.mkdir(mode=0o711 if self.is_root else 0o700)
        for folder, kept in ((workspace, "workspace"), (env, "env")):
            folder.chmod(0o700)  # moving a folder takes the right to write in it
            folder.rename(state / kept)
        try:
            link.symlink_to(Path("..") / "states" / name)
        except FileExistsError:
            self.remove(state)
        self._trim()

    def state(self, key: str) -> StoredState | None:
        """The state behind a key, held; None where there is none."""
        until = time.monotonic() + LOCK_SECONDS
        while (name := self._target(key)) is not None:
            lock = Lock(self.data / "locks" / name)
            if lock.take(shared=True) and self._target(key) == name:
                with contextlib.suppress(FileNotFoundError):
                    os.utime(self._link(key), follow_symlinks=False)
                return StoredState(self.data / "states" / name, lock)
            lock.release()  # it is being kept or removed at this moment
            if time.monotonic() > until:
                raise SandboxError(f"The snapshot {key} stays locked by another process.")
            time.sleep(0.005)
        return None

    def has(self, key: str) -> bool:
        return self._target(key) is not None

    def forget(self, keys: Iterable[str]) -> None:
        """Unlink snapshots; a state on which boxes stand is removed by the first sweep after they are closed."""
        for key in keys:
            name = self._target(key)
            self._link(key).unlink(missing_ok=True)
            if name:
                self._remove_if_free("states", name)

    def _target(self, key: str) -> str | None:
        try:
            return self._link(key).readlink().name
        except FileNotFoundError:
            return None

    def _link(self, key: str) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9-]{1,120}", key):
            raise SandboxError(f"“{key[:60]}” cannot name a snapshot: only letters, digits and dashes can.")
        return self.data / "snapshots" / key

    def sweep(self) -> frozenset[str]:
        """Remove boxes and states that nobody holds any more; give the names of the boxes that are still open."""
        self._trim()
        for state in list((self.data / "states").iterdir()):
            if not self._is_linked(state.name):
                self._remove_if_free("states", state.name)
        for folder in list((self.data / "boxes").iterdir()):
            self._remove_if_free("boxes", folder.name)
        for folder in list((self.data / "trash").iterdir()):
            self._delete(folder)
        return frozenset(folder.name for folder in (self.data / "boxes").iterdir())

    def _trim(self) -> None:
        used: list[tuple[int, str]] = []
        for link in (self.data / "snapshots").iterdir():
            with contextlib.suppress(FileNotFoundError):
                used.append((link.lstat().st_mtime_ns, link.name))
        self.forget(name for _, name in sorted(used)[:-KEPT])

    def _remove_if_free(self, kind: str, name: str) -> None:
        lock = Lock(self.data / "locks" / name)
        try:
            if lock.take() and not (kind == "states" and self._is_linked(name)):
                if kind == "boxes":
                    end_boxes_of(self.box(name))
                self.remove(self.data / kind / name)
                lock.path.unlink(missing_ok=True)
        finally:
            lock.release()

    def _is_linked(self, name: str) -> bool:
        return any(self._target(link.name) == name for link in (self.data / "snapshots").iterdir())

    def remove(self, folder: Path) -> None:
        """Remove a dead folder, whatever sandboxed code left in it."""
        trash = self.data / "trash" / secrets.token_hex(8)
        try:
            folder.rename(trash)
        except FileNotFoundError:
            return
        self._delete(trash)

    def _delete(self, folder: Path) -> None:
        """By ``rm``, which stands trees of any depth; an ordinary user may first have to allow themself in."""
        if _quietly("rm", "-rf", "--", str(folder)):
            return
        _quietly("chmod", "-R", "u+rwx", "--", str(folder))
        _quietly("rm", "-rf", "--", str(folder))


def _quietly(*command: str) -> bool:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    return done.returncode == 0
