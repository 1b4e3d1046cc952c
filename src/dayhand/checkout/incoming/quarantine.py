"""Where a pack from a sandbox is unpacked and checked before its objects enter the mirror, as git's own server does.

    <mirror>/incoming/<id>/       an object folder: git reads it together with the mirror's
    <mirror>/incoming/<id>.lock   held by the process that checks it; without it, the next pack's process removes the folder

A refused pack leaves nothing. See https://git-scm.com/docs/git-receive-pack#_quarantine_environment.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from dayhand.sandbox.file_lock import FileLock
from dayhand.sandbox.private_folder import make_private

PARTS = (".pack", ".rev", ".idx")  # in this order: git sees a pack by its index


@contextmanager
def quarantine(mirror: Path) -> Iterator[Path]:
    """Make a folder for one pack's objects, and remove it at the end."""
    incoming = make_private(mirror / "incoming")
    name = secrets.token_hex(8)
    with _exclusive(incoming):
        _remove_abandoned(incoming)
        lock = FileLock(incoming / f"{name}.lock")
        lock.acquire()
        folder = incoming / name
        (folder / "pack").mkdir(parents=True)
    try:
        yield folder
    finally:
        _remove(folder, lock)


def object_folders(mirror: Path, folder: Path) -> Mapping[str, str]:
    """The environment in which git writes objects to ``folder`` and reads them from there and from the mirror."""
    quoted = (
        str(mirror / "objects").replace("\\", "\\\\").replace('"', '\\"')
    )  # a colon would begin another path
    return {"GIT_OBJECT_DIRECTORY": str(folder), "GIT_ALTERNATE_OBJECT_DIRECTORIES": f'"{quoted}"'}


def release(folder: Path, mirror: Path) -> None:
    """Move the pack from quarantine into the mirror. One that is there already is replaced by the same bytes."""
    target = mirror / "objects" / "pack"
    target.mkdir(exist_ok=True)
    for part in PARTS:
        for path in (folder / "pack").glob(f"pack-*{part}"):
            path.rename(target / path.name)


def _remove_abandoned(incoming: Path) -> None:
    """Remove the folders of processes that were killed. Others are made, and locked, only under the same lock."""
    for path in incoming.glob("*.lock"):
        lock = FileLock(path)
        if lock.acquire():
            _remove(path.with_suffix(""), lock)
        lock.release()


def _remove(folder: Path, lock: FileLock) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(FileNotFoundError):
        lock.path.unlink()
    lock.release()


@contextmanager
def _exclusive(incoming: Path) -> Iterator[None]:
    descriptor = os.open(incoming, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
