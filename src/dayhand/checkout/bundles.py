"""Bundles of a mirror: files from which a box clones one commit, its history and the tags in it."""

from __future__ import annotations

import fcntl
import glob
import hashlib
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dayhand.checkout.git import BareGit
from dayhand.checkout.process import HISTORY, LISTING
from dayhand.sandbox.private_folder import make_private

BUNDLES_LOCK = "lock"
BUNDLE_SECONDS = 24 * 3600  # after the last use
SHA_CHARS = 40
KEPT_BYTES = 16 * 1024 * 1024  # of a pack in Redis


def bundle_ref(commit: str) -> str:
    return f"refs/dayhand/bundles/{commit}"


def make_bundle(git: BareGit, mirror: Path, commit: str) -> Path:
    """The bundle of a commit, made if there is none with the tags of today."""
    folder = make_private(mirror.parent / "bundles")
    tags = tags_in(git, commit)
    key = hashlib.sha256(tags).hexdigest()[:16]
    target = folder / f"{mirror.stem}-{commit}-{key}.bundle"
    if not _use(target):
        git.run("update-ref", bundle_ref(commit), commit)
        part = target.with_suffix(f".{secrets.token_hex(8)}.part")
        names = [bundle_ref(commit).encode(), *(line[SHA_CHARS + 1 :] for line in tags.splitlines())]
        refs = b"".join(name + b"\n" for name in names)
        git.run("bundle", "create", "-q", str(part), "--stdin", stdin=refs, limits=HISTORY)
        part.rename(target)
        _delete_old(folder, mirror.stem)
    return target


def tags_in(git: BareGit, commit: str) -> bytes:
    """The tags in the history of a commit: lines with the id of the object and the name of the ref."""
    merged = f"--merged={commit}"
    return git.run("for-each-ref", "--format=%(objectname) %(refname)", merged, "refs/tags", limits=LISTING)


@contextmanager
def lock_file(path: Path) -> Iterator[None]:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _use(target: Path) -> bool:
    """Mark a bundle as used, so that other tasks do not delete it; False if there is none."""
    try:
        with lock_file(target.parent / BUNDLES_LOCK):
            os.utime(target)
    except FileNotFoundError:
        return False
    return True


def _delete_old(folder: Path, name: str) -> None:
    """Delete a mirror's bundles that were not used for a day, and incomplete ones: each contains the whole history."""
    for old in folder.glob(f"{glob.escape(name)}-*"):
        # Another task deletes them too, or uses one: its time may not change between the look and the deletion.
        with lock_file(folder / BUNDLES_LOCK), suppress(FileNotFoundError):
            if time.time() - old.stat().st_mtime > BUNDLE_SECONDS:
                old.unlink()


def packed_bytes(mirror: Path) -> int:
    """The size of a mirror's packs."""
    return sum(pack.stat().st_size for pack in (mirror / "objects" / "pack").glob("*.pack"))


def make_pack(
    git: BareGit, head: str, base: str, *, max_bytes: int = KEPT_BYTES, tags: Iterable[str] = ()
) -> bytes:
    """A pack with what ``head`` and the ``tags`` have and ``base`` does not; empty if it is larger than ``max_bytes``."""
    limits = HISTORY.with_output(max_bytes)
    revisions = "".join(f"{one}\n" for one in (head, *tags, f"^{base}")).encode()
    ended = git.collect("pack-objects", "--revs", "--thin", "--stdout", "-q", stdin=revisions, limits=limits)
    return b"" if ended.cut or ended.status else ended.out
