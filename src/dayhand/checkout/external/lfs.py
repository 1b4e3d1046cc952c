"""Git LFS files: found by their pointers, downloaded by the worker from the repository's own server, checked, and kept.

https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from dayhand.checkout.commit_files import CommitFiles
from dayhand.checkout.external.local_store import LocalStore
from dayhand.checkout.mirror import Mirror
from dayhand.checkout.process import LISTING
from dayhand.file_kinds import GIT_ATTRIBUTES
from dayhand.sandbox.private_folder import make_private
from dayhand.startup.records import dataclass
from dayhand.typed_json import ShapeError

MAX_BYTES = 50 * 1024 * 1024  # of one file
MAX_TOTAL_BYTES = 200 * 1024 * 1024  # of a repository; every box gets a copy
MAX_FILES = 2000
MAX_KEPT_BYTES = 10 * MAX_TOTAL_BYTES  # of all repositories, on the worker's disk
IN_USE_SECONDS = 6 * 3600.0  # longer than a task
BATCH = 100  # objects in one request
POINTER_BYTES = range(100, 1024)
TIMEOUT_SECONDS = 60.0
MEDIA_TYPE = "application/vnd.git-lfs+json"
POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-[^\n]*\n)*oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,15})\n"
)


@dataclass(frozen=True, slots=True)
class LfsFile:
    """A file whose content is on the worker's disk."""

    path: str
    mode: int
    content: Path


@dataclass(frozen=True, slots=True)
class _Pointer:
    path: str
    mode: int
    oid: str
    size: int


def uses_lfs(files: CommitFiles) -> bool:
    """Whether some ``.gitattributes`` of a commit names Git LFS."""
    attributes = (path for path in files.paths() if path.rpartition("/")[2] == GIT_ATTRIBUTES)
    return any("filter=lfs" in files.read(path) for path in attributes)


def is_pointer(blob: bytes) -> bool:
    return POINTER.fullmatch(blob) is not None


def fetch_lfs(
    mirror: Mirror, commit: str, token: str, *, local: LocalStore | None = None
) -> tuple[tuple[LfsFile, ...], dict[str, str]]:
    """The contents of a commit's LFS files, and by path a sentence about each that is not there."""
    pointers = _pointers(mirror, commit)
    folder = _folder(mirror)
    chosen, absent = _within_limits(pointers)
    wanted = {one.oid: one for one in chosen if not (folder / one.oid).exists()}
    failures = dict[str, str]()
    if wanted:
        failures = (
            _copy(folder, local, wanted.values())
            if local
            else _download(mirror, token, list(wanted.values()))
        )
    there = [one for one in chosen if one.oid not in failures]
    absent |= {one.path: _problem(one, failures[one.oid]) for one in chosen if one.oid in failures}
    for one in there:
        (folder / one.oid).touch()
    if wanted:
        delete_oldest(mirror.path.parent)
    return tuple(LfsFile(one.path, one.mode, folder / one.oid) for one in there), absent


def delete_oldest(mirrors: Path, *, max_bytes: int = MAX_KEPT_BYTES, in_use: float = IN_USE_SECONDS) -> None:
    """Delete the LFS files of all repositories that were not used for longest, beyond ``max_bytes`` in all.

    Those that were used within ``in_use`` seconds stay: a task may put them into a box.
    """
    found = []
    for path in mirrors.glob("*.lfs/*"):
        with suppress(FileNotFoundError):  # another worker deletes, too
            found.append((path.stat().st_mtime, path.stat().st_size, path))
    total = sum(size for _, size, _ in found)
    for used, size, path in sorted(found):
        if total <= max_bytes or time.time() - used < in_use:
            return
        path.unlink(missing_ok=True)
        total -= size


def _pointers(mirror: Mirror, commit: str) -> list[_Pointer]:
    """Every file of a commit whose content is a pointer."""
    listing = mirror.git.run("ls-tree", "-r", "-l", "-z", "--full-tree", commit, limits=LISTING)
    small = list[tuple[str, int, str]]()
    for line in listing.split(b"\0"):
        meta, _, path = line.partition(b"\t")
        mode, _, blob, size = (meta.split() + [b""] * 4)[:4]
        if mode.startswith(b"100") and size.isdigit() and int(size) in POINTER_BYTES:
            small.append((path.decode("utf-8", "surrogateescape"), int(mode[-3:], 8), blob.decode()))
    blobs = mirror.blobs([blob for *_, blob in small], POINTER_BYTES.stop)
    found = ((path, mode, POINTER.fullmatch(blobs[blob])) for path, mode, blob in small)
    return [_Pointer(path, mode, match[1].decode(), int(match[2])) for path, mode, match in found if match]


def _within_limits(pointers: Iterable[_Pointer]) -> tuple[list[_Pointer], dict[str, str]]:
    chosen, absent, total = list[_Pointer](), dict[str, str](), 0
    for one in sorted(pointers, key=lambda one: one.size):
        total += one.size
        if one.size > MAX_BYTES:
            absent[one.path] = _problem(one, f"it has {one.size >> 20} MB (limit: {MAX_BYTES >> 20} MB)")
        elif total > MAX_TOTAL_BYTES or len(chosen) == MAX_FILES:
            limit = f"{MAX_FILES:,} files and {MAX_TOTAL_BYTES >> 20} MB"
            absent[one.path] = _problem(one, f"the repository's LFS files together exceed {limit}")
        else:
            chosen.append(one)
    return chosen, absent


def _problem(pointer: _Pointer, reason: str) -> str:
    return f"The Git LFS file {pointer.path} is only a pointer: {reason}."


@dataclass(frozen=True, slots=True)
class _Server:
    """The LFS server of a repository, which is part of its git server; no setting of the repository names another one."""

    client: httpx2.Client
    url: str
    token: str

    def download(self, wanted: Sequence[_Pointer], folder: Path) -> dict[str, str]:
        """Download objects into ``folder``; the reasons, by id, why some are not there."""
        try:
            offers = self._offers(wanted)
        except (httpx2.HTTPError, ValueError) as error:
            return dict.fromkeys((one.oid for one in wanted), f"the server does not offer it ({error})")
        failures = dict[str, str]()
        for one in wanted:
            try:
                self._save(one, _address(offers.get(one.oid, {})), folder)
            except (httpx2.HTTPError, ValueError) as error:
                failures[one.oid] = f"it cannot be downloaded ({error})"
        return failures

    def _offers(self, wanted: Iterable[_Pointer]) -> Mapping[str, Any]:
        """What the server says about each object."""
        headers = {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}
        if self.token:
            basic = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
            headers["Authorization"] = f"Basic {basic}"
        objects = [{"oid": one.oid, "size": one.size} for one in wanted]
        request = {"operation": "download", "transfers": ["basic"], "objects": objects, "hash_algo": "sha256"}
        address = f"{self.url.removesuffix('/').removesuffix('.git')}.git/info/lfs/objects/batch"
        answer = self.client.post(address, json=request, headers=headers).raise_for_status().json()
        offered = answer.get("objects") if isinstance(answer, dict) else None
        if not isinstance(offered, list):
            raise ShapeError("it returned no list of objects")
        return {str(one.get("oid")): one for one in offered if isinstance(one, dict)}

    def _save(self, pointer: _Pointer, address: tuple[str, Mapping[str, str]], folder: Path) -> None:
        """Download one object and check it. Raises ``ValueError`` if it is not what its pointer says."""
        part, digest, size = folder / f"{secrets.token_hex(8)}.part", hashlib.sha256(), 0
        href, headers = address
        try:
            with self.client.stream("GET", href, headers=headers) as answer, part.open("xb") as target:
                answer.raise_for_status()
                for chunk in answer.iter_bytes():
                    size += len(chunk)
                    if size > pointer.size:
                        break
                    digest.update(chunk)
                    target.write(chunk)
            if size != pointer.size or digest.hexdigest() != pointer.oid:
                raise ValueError("what the server sent is not what the pointer names")
            part.rename(folder / pointer.oid)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()


def _copy(folder: Path, local: LocalStore, wanted: Iterable[_Pointer]) -> dict[str, str]:
    """Copy objects that Git LFS has downloaded on this machine; the reasons, by id, why some are not there."""
    failures = dict[str, str]()
    make_private(folder)
    for one in wanted:
        part = folder / f"{secrets.token_hex(8)}.part"
        try:
            content = local.lfs_object(one.oid).read_bytes()
        except OSError:
            failures[one.oid] = "run `git lfs pull` first"
            continue
        if hashlib.sha256(content).hexdigest() != one.oid:
            failures[one.oid] = "what Git LFS has kept here is not what the pointer names"
            continue
        part.write_bytes(content)
        part.rename(folder / one.oid)
    return failures


def _download(mirror: Mirror, token: str, wanted: Sequence[_Pointer]) -> dict[str, str]:
    folder = make_private(_folder(mirror))
    if urlsplit(mirror.url).scheme not in ("http", "https"):
        return dict.fromkeys((one.oid for one in wanted), "the repository is not on a server with Git LFS")
    failures = dict[str, str]()
    with httpx2.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client:
        server = _Server(client, mirror.url, token)
        for start in range(0, len(wanted), BATCH):
            failures |= server.download(wanted[start : start + BATCH], folder)
    return failures


def _address(offer: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
    """Where an object is, and the headers to send there. Raises ``ValueError`` with the server's reason if it has none."""
    error, actions = offer.get("error"), offer.get("actions")
    download = actions.get("download") if isinstance(actions, dict) else None
    if isinstance(download, dict) and isinstance(download.get("href"), str):
        headers = download.get("header") or {}
        return download["href"], {str(name): str(value) for name, value in headers.items()}
    reason = error.get("message") if isinstance(error, dict) else "the server does not say where it is"
    raise ShapeError(str(reason)[:200])


def _folder(mirror: Mirror) -> Path:
    return mirror.path.with_suffix(".lfs")
