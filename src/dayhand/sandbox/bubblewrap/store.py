"""The folders of the boxes and snapshots, their owners and locks, and the removal of what a killed worker left.

    locks/<id>      held by the process that opened the box, from before its folder and control group exist until they are
                    gone; of a snapshot, held by the process that saves or removes it, shared by the boxes that are over it
    boxes/<id>/     an open box: workspace/ and env/, or the upper layers over a snapshot
    states/<id>/    a snapshot: workspace/ and env/, never written again; a layer has the link over, to the snapshot that it
                    is over, in the place of env/
    snapshots/<key> a link to a snapshot's folder: made once, so the first writer wins
    slots/<uid>     held by the boxes that run as this user, if the worker is root
    index.lock      held while links are read and changed together

The host makes, renames and removes these folders; it never looks into a workspace or an env. Several workers do so at
once, so nothing is removed because of what was seen: the one who removes it has its lock.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dayhand.errors import SandboxError
from dayhand.sandbox.bubblewrap.orphans import kill_orphaned_boxes
from dayhand.sandbox.file_lock import FileLock
from dayhand.startup.records import dataclass

FIRST_UID, UIDS = 200_000, 10_000
MAX_SNAPSHOTS = 60  # beyond that, the least recently used are deleted
LOCK_SECONDS = 10.0
PAUSE_SECONDS = 0.005
OVER = "over"
FOLDERS = ("locks", "boxes", "states", "snapshots", "slots", "etc", "tools", "trash")


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """A snapshot and its lock, held shared so that it is not removed while a box is open over it."""

    folder: Path
    lock: FileLock
    over: StoredSnapshot | None = None

    @property
    def uid(self) -> int:
        return (self.folder / "workspace").stat().st_uid

    @property
    def workspaces(self) -> tuple[Path, ...]:
        """Its layers, the lowest first."""
        return (*(self.over.workspaces if self.over else ()), self.folder / "workspace")

    @property
    def env(self) -> Path:
        return self.over.env if self.over else self.folder / "env"

    def release(self) -> None:
        self.lock.release()
        if self.over:
            self.over.release()


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
        try:
            name, lock = self._new_lock()
            try:
                (self.data / "boxes" / name).mkdir(mode=0o711 if self.is_root else 0o700)
            except OSError:
                lock.remove()
                raise
        except OSError as error:
            raise SandboxError(
                f"No folder for a new box can be made in {self.data}: {error.strerror}.",
                advice="Check whether the disk is full, and whether the folder belongs to the worker's user.",
            ) from error
        return name, lock

    def _new_lock(self) -> tuple[str, FileLock]:
        """A new name and its lock. A sweep may see the file before it is locked, and take it: then another name is used."""
        while True:
            name = secrets.token_hex(8)
            lock = FileLock(self.data / "locks" / name)
            if lock.acquire():
                return name, lock
            lock.release()

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
        lock, until = FileLock(self.data / "slots" / str(uid)), time.monotonic() + LOCK_SECONDS
        while not lock.acquire(shared=True):  # another worker looks whether the user is free
            if time.monotonic() > until:
                lock.release()
                raise SandboxError(f"The user {uid} of this snapshot is in use by another box.")
            time.sleep(PAUSE_SECONDS)
        return uid, lock

    def _owners(self) -> frozenset[int]:
        owners = set()
        for folder in (self.data / "states").iterdir():
            with contextlib.suppress(FileNotFoundError):
                owners.add((folder / "workspace").stat().st_uid)
        return frozenset(owners)

    def save(self, workspace: Path, below: Path | StoredSnapshot, *, key: str) -> bool:
        """Make a box's workspace the snapshot ``key``, with its environment or as a layer over a snapshot.

        If there is one already, it stays, this one is dropped: False. So is a layer over one that was deleted.
        """
        link = self._link(key)
        name, lock = self._new_lock()
        snapshot = self.data / "states" / name
        try:
            snapshot.mkdir(mode=0o711 if self.is_root else 0o700)
            _move(workspace, snapshot / "workspace")
            if isinstance(below, Path):
                _move(below, snapshot / "env")
            else:
                (snapshot / OVER).symlink_to(Path("..") / below.folder.name)
            with self._index(), contextlib.suppress(FileExistsError):
                if isinstance(below, Path) or self._is_linked(below.folder.name):
                    link.symlink_to(Path("..") / "states" / name)
            saved = self._target(key) == name
        finally:
            lock.release()
        if saved:
            self._delete_oldest()
        else:
            self.remove_if_abandoned(name)
        return saved

    def lock_snapshot(self, key: str) -> StoredSnapshot | None:
        """The snapshot ``key``, locked against removal; None if there is none."""
        until = time.monotonic() + LOCK_SECONDS
        while (name := self._target(key)) is not None:
            if snapshot := self._try_lock(name):
                if self._use(key) == name:
                    return snapshot
                snapshot.release()
            if time.monotonic() > until:
                raise SandboxError(f"The snapshot {key} stays locked by another process.")
            time.sleep(PAUSE_SECONDS)
        return None

    def _try_lock(self, name: str) -> StoredSnapshot | None:
        """Lock a snapshot and those below it; None if a sweep looks at one of them, or it is being removed."""
        lock = FileLock(self.data / "locks" / name)
        if lock.acquire(shared=True):
            over = self._over(name)
            below = self._try_lock(over) if over else None
            if below or not over:
                return StoredSnapshot(self.data / "states" / name, lock, below)
        lock.release()
        return None

    def _over(self, name: str) -> str:
        """The name of the snapshot that this one is a layer over; "" for one that is no layer."""
        with contextlib.suppress(FileNotFoundError):
            return (self.data / "states" / name / OVER).readlink().name
        return ""

    def has_snapshot(self, key: str) -> bool:
        """Whether there is one. It counts as used, so that another worker does not delete it before it is opened."""
        return self._use(key) is not None

    def _use(self, key: str) -> str | None:
        """The name of a snapshot that is from now on the most recently used one."""
        with self._index():
            name = self._target(key)
            if name is not None:
                os.utime(self._link(key), follow_symlinks=False)
            return name

    def delete_snapshots(self, keys: Iterable[str]) -> None:
        """Unlink snapshots, and the layers over them; what open boxes use is removed by the first sweep after they are closed."""
        with self._index():
            names = [name for key in keys for name in self._unlink(key)]
        for name in names:
            self.remove_if_abandoned(name)

    def _unlink(self, key: str) -> list[str]:
        """Unlink a snapshot and the layers over it; their names, the lowest last."""
        name = self._target(key)
        self._link(key).unlink(missing_ok=True)
        links = [link.name for link in (self.data / "snapshots").iterdir()] if name else []
        layers = [each for each in links if name == self._over(self._target(each) or "")]
        return [below for each in layers for below in self._unlink(each)] + ([name] if name else [])

    @contextmanager
    def _index(self) -> Iterator[None]:
        """Hold the lock of the links: the link that is unlinked or touched is the one that was read."""
        lock = FileLock(self.data / "index.lock")
        try:
            lock.wait()
            yield
        finally:
            lock.release()

    def _target(self, key: str) -> str | None:
        try:
            return self._link(key).readlink().name
        except FileNotFoundError:
            return None

    def _link(self, key: str) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9-]{1,120}", key):
            raise SandboxError(f"“{key[:60]}” cannot name a snapshot: use only letters, digits and dashes.")
        return self.data / "snapshots" / key

    def names(self) -> frozenset[str]:
        """The names of all boxes and snapshots that there are, in use or not."""
        folders = (self.data / kind for kind in ("boxes", "states", "locks"))
        return frozenset(entry.name for folder in folders for entry in folder.iterdir())

    def remove_if_abandoned(self, name: str) -> None:
        """Remove a box whose process is gone, or a snapshot that nobody can find or uses."""
        with self.abandoned(name):
            pass

    @contextmanager
    def abandoned(self, name: str) -> Iterator[bool]:
        """Whether nobody owns this box or snapshot: then nobody else can while the block runs, and it is removed after it."""
        lock = FileLock(self.data / "locks" / name)
        try:
            if not lock.acquire() or self._is_linked(name):
                yield False
                return
            yield True
            kill_orphaned_boxes(self.box_folder(name))
            for kind in ("boxes", "states"):
                self.remove(self.data / kind / name)
            lock.remove()
        finally:
            lock.release()

    def sweep(self) -> None:
        """Delete the snapshots that are too many, and what was being removed when a worker was killed."""
        self._delete_oldest()
        for folder in list((self.data / "trash").iterdir()):
            self._delete(folder)

    def _delete_oldest(self) -> None:
        with self._index():
            links = [(link.lstat().st_mtime_ns, link.name) for link in (self.data / "snapshots").iterdir()]
            names = [name for _, key in sorted(links)[:-MAX_SNAPSHOTS] for name in self._unlink(key)]
        for name in names:
            self.remove_if_abandoned(name)

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


def _move(folder: Path, target: Path) -> None:
    folder.chmod(0o700)  # a folder can be moved only by a user who may write in it
    folder.rename(target)


def _run_quietly(*command: str) -> bool:
    process = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    return process.returncode == 0
