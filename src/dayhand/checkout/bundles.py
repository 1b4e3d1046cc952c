"""Bundles of a mirror: files from which a box clones one commit, its history and the tags in it."""

from __future__ import annotations

import fcntl
import glob
import hashlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dayhand.checkout.git import BareGit
from dayhand.checkout.process import HISTORY, LISTING, Ended
from dayhand.sandbox.private_folder import make_private

BUNDLES_LOCK = "lock"
BUNDLE_SECONDS = 24 * 3600  # after the last use
SHA_CHARS = 40
KEPT_BYTES = 16 * 1024 * 1024  # of a pack in Redis
PLACEHOLDER = b"This version of the file is too large: it is not in this copy of the repository.\n"


def bundle_ref(commit: str) -> str:
    return f"refs/dayhand/bundles/{commit}"


def make_bundle(git: BareGit, mirror: Path, commit: str) -> Path:
    """The bundle of a commit, made if there is none with the tags of today."""
    folder = make_private(mirror.parent / "bundles")
    tags = tags_in(git, commit)
    key = hashlib.sha256(tags).hexdigest()[:16]
    target = folder / f"{mirror.stem}-{commit}-{key}.bundle"
    if not use_bundle(target):
        part = target.with_suffix(f".{secrets.token_hex(8)}.part")
        refs = [f"{commit} {bundle_ref(commit)}".encode(), *tags.splitlines()]
        ended = _write_bundle(git, part, refs)
        if ended.status and (missing := missing_blobs(git, mirror, *map(_object, refs))):
            placeholder = git.run("hash-object", "-w", "--stdin", stdin=PLACEHOLDER).strip()
            refs += [placeholder + f" refs/replace/{one}".encode() for one in missing]
            ended = _write_bundle(git, part, refs, "--missing=allow-promisor")
        ended.check("pack-objects", HISTORY)
        part.rename(target)
        _delete_old(folder, mirror.stem)
    return target


def is_partial(mirror: Path) -> bool:
    """Whether a fetch may have left out files."""
    return any((mirror / "objects" / "pack").glob("*.promisor"))


def missing_blobs(git: BareGit, mirror: Path, *revisions: str) -> tuple[str, ...]:
    """The files that are left out of a mirror: those of these revisions, which git-rev-list(1) reads."""
    if not is_partial(mirror):
        return ()
    options = ("--objects", "--quiet", "--missing=print")
    out = git.run("rev-list", *options, "--stdin", stdin="\n".join((*revisions, "")).encode(), limits=HISTORY)
    return tuple(sorted(line[1:] for line in out.decode().splitlines() if line.startswith("?")))


def _write_bundle(git: BareGit, target: Path, refs: Iterable[bytes], *options: str) -> Ended:
    """Write what gitformat-bundle(5) says. `git bundle` starts the same program, and insists on what is left out."""
    refs = list(refs)
    wanted = "".join(f"{one}\n" for one in dict.fromkeys(map(_object, refs))).encode()
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        command = ("pack-objects", "--revs", "--delta-base-offset", "-q", *options, f"{folder}/made")
        ended = git.collect(*command, stdin=wanted, limits=HISTORY)
        for pack in Path(folder).glob("made-*.pack"):
            target.touch(0o600)
            with target.open("wb") as bundle, pack.open("rb") as source:
                bundle.writelines([b"# v2 git bundle\n", *(line + b"\n" for line in refs), b"\n"])
                shutil.copyfileobj(source, bundle)
    return ended


def _object(ref: bytes) -> str:
    return ref[:SHA_CHARS].decode()


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


def use_bundle(target: Path) -> bool:
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
