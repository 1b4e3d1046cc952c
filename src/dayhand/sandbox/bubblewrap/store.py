"""The folders of the boxes and snapshots, their owners and locks, and the removal of what a killed worker left.

    locks/<id>      held by the process that opened the box; shared by the boxes that are open over a snapshot
    boxes/<id>/     an open box: workspace/ and env/, or the upper layers over a snapshot
    states/<id>/    a snapshot: workspace/ and env/, never written again
    snapshots/<key> a link to a snapshot's folder: made once, so the first writer wins
    slots/<uid>     held by the boxes that run as this user, if the worker is root

The host makes, renames and removes these folders; it never looks into a workspace or an env.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dayhand.errors import SandboxError
from dayhand.sandbox.bubblewrap.orphans import kill_orphaned_boxes
from dayhand.sandbox.file_lock import FileLock

FIRST_UID, UIDS = 200_000, 10_000
MAX_SNAPSHOTS = 60  # beyond that, the least recently used are deleted
LOCK_SECONDS = 10.0
FOLDERS = ("locks", "boxes", "states", "snapshots", "slots", "etc", "tools", "trash")


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """A snapshot's folder and its lock, held shared so that it is not removed while a box is open over it."""

    folder: Path
    lock: FileLock

    @property
    def uid(self) -> int:
        return (self.folder / "workspace").stat().st_uid


class BoxStore:
    """All folders under one data directory."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.is_root = os.geteuid() == 0

    @property
    def is_prepared(self) -> bool:
        return all((self.data / name).is_dir() for name in FOLDERS)

    def prepare(self) -> None:
        """Make the folders. If the worker is root, the boxes' own users can pass through them, not list them."""
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
                    advice=f"Run `chmod o+x {folder}`, or set DAYHAND_DATA to a folder that other users can pass through, "
                    "such as /var/lib/dayhand.",
                )

    def new_box(self) -> tuple[str, FileLock]:
        """Name a box and take its lock, before its folder exists and can be found."""
        name = secrets.token_hex(8)
        try:
            lock = FileLock(self.data / "locks" / name)
            if not lock.acquire():
                raise SandboxError(f"The new box {name} is already locked.")
            (self.data / "boxes" / name).mkdir(mode=0o711 if self.is_root else 0o700)
        except OSError as error:
            raise SandboxError(
                f"No folder for a new box can be made in {self.data}: {error.strerror}.",
                advice="Check whether the disk is full, and whether the folder belongs to the worker's user.",
            ) from error
        return name, lock

    def box_folder(self, name: str) -> Path:
        return self.data / "boxes" / name

    def make_folder(self, folder: Path, uid: int | None) -> Path:
        """Make one of a box's folders for the user that the box runs as."""
        folder.mkdir(mode=0o700)
        try:
            if uid is not None:
                os.chown(folder, uid, uid)
        except OSError as error:
            raise SandboxError(
                f"Root cannot change the owner of files here ({error.strerror}), so no box can be opened.",
                advice="Run the worker as an ordinary user.",
            ) from error
        return folder

    def claim_uid(self) -> tuple[int, FileLock] | None:
        """A user for an empty box: one that no other box runs as and that owns no snapshot."""
        if not self.is_root:
            return None
        owners = self._owners()
        for uid in range(FIRST_UID, FIRST_UID + UIDS):
            if uid in owners:
                continue
            lock = FileLock(self.data / "slots" / str(uid))
            # Checked again: its box may have been saved just before we had the lock.
            if lock.acquire() and uid not in self._owners():
                return uid, lock
            lock.release()
        raise SandboxError(
            f"All {UIDS} users for boxes are in use.",
            advice="Run fewer tasks at once, or delete old snapshots.",
        )

    def share_uid(self, uid: int) -> tuple[int, FileLock] | None:
        """The user that owns a snapshot, for a box over it; boxes over the same snapshot share their user."""
        if not self.is_root:
            return None
        lock = FileLock(self.data / "slots" / str(uid))
        if not lock.acquire(shared=True):
            lock.release()
            raise SandboxError(f"The user {uid} of this snapshot is in use by another box.")
        return uid, lock

    def _owners(self) -> frozenset[int]:
        owners = set()
        for folder in (self.data / "states").iterdir():
            with contextlib.suppress(FileNotFoundError):
                owners.add((folder / "workspace").stat().st_uid)
        return frozenset(owners)

    def save(self, name: str, workspace: Path, env: Path, *, key: str) -> None:
        """Make a box's folders the snapshot ``key``. If there is one already, it stays and this one is dropped."""
        link = self._link(key)
        snapshot = self.data / "states" / name
        snapshot.mkdir(mode=0o711 if self.is_root else 0o700)
        for folder, target in ((workspace, "workspace"), (env, "env")):
            folder.chmod(0o700)  # a folder can be moved only by a user who may write in it
            folder.rename(snapshot / target)
        try:
            link.symlink_to(Path("..") / "states" / name)
        except FileExistsError:
            self.remove(snapshot)
        self._delete_oldest()

    def lock_snapshot(self, key: str) -> StoredSnapshot | None:
        """The snapshot ``key``, locked against removal; None if there is none."""
        until = time.monotonic() + LOCK_SECONDS
        while (name := self._target(key)) is not None:
            lock = FileLock(self.data / "locks" / name)
            if lock.acquire(shared=True) and self._target(key) == name:
                with contextlib.suppress(FileNotFoundError):
                    os.utime(self._link(key), follow_symlinks=False)
                return StoredSnapshot(self.data / "states" / name, lock)
            lock.release()  # it is being saved or removed at this moment
            if time.monotonic() > until:
                raise SandboxError(f"The snapshot {key} stays locked by another process.")
            time.sleep(0.005)
        return None

    def has_snapshot(self, key: str) -> bool:
        return self._target(key) is not None

    def delete_snapshots(self, keys: Iterable[str]) -> None:
        """Unlink snapshots. One that open boxes use is removed by the first sweep after they are closed."""
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
            raise SandboxError(f"“{key[:60]}” cannot name a snapshot: use only letters, digits and dashes.")
        return self.data / "snapshots" / key

    def sweep(self) -> frozenset[str]:
        """Remove the boxes of processes that are gone, and unlinked snapshots; returns the names of open boxes."""
        self._delete_oldest()
        for folder in list((self.data / "states").iterdir()):
            if not self._is_linked(folder.name):
                self._remove_if_free("states", folder.name)
        for folder in list((self.data / "boxes").iterdir()):
            self._remove_if_free("boxes", folder.name)
        for folder in list((self.data / "trash").iterdir()):
            self._delete(folder)
        return frozenset(folder.name for folder in (self.data / "boxes").iterdir())

    def _delete_oldest(self) -> None:
        used: list[tuple[int, str]] = []
        for link in (self.data / "snapshots").iterdir():
            with contextlib.suppress(FileNotFoundError):
                used.append((link.lstat().st_mtime_ns, link.name))
        self.delete_snapshots(name for _, name in sorted(used)[:-MAX_SNAPSHOTS])

    def _remove_if_free(self, kind: str, name: str) -> None:
        lock = FileLock(self.data / "locks" / name)
        try:
            if lock.acquire() and not (kind == "states" and self._is_linked(name)):
                if kind == "boxes":
                    kill_orphaned_boxes(self.box_folder(name))
                self.remove(self.data / kind / name)
                lock.path.unlink(missing_ok=True)
        finally:
            lock.release()

    def _is_linked(self, name: str) -> bool:
        return any(self._target(link.name) == name for link in (self.data / "snapshots").iterdir())

    def remove(self, folder: Path) -> None:
        """Remove a folder that is no longer used, whatever sandboxed code left in it."""
        trash = self.data / "trash" / secrets.token_hex(8)
        try:
            folder.rename(trash)
        except FileNotFoundError:
            return
        self._delete(trash)

    def _delete(self, folder: Path) -> None:
        """Use ``rm``, which handles trees of any depth. An ordinary user may first need the permission to enter them."""
        if _run_quietly("rm", "-rf", "--", str(folder)):
            return
        _run_quietly("chmod", "-R", "u+rwx", "--", str(folder))
        _run_quietly("rm", "-rf", "--", str(folder))


def _run_quietly(*command: str) -> bool:
    process = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    return process.returncode == 0
