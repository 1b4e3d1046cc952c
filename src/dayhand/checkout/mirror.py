"""A bare mirror of one repository: commits arrive by fetch or as one strictly checked pack, and leave as bundles."""

from __future__ import annotations

import fcntl
import glob
import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dayhand.checkout.git import BareGit, with_token
from dayhand.checkout.pack_scan import check_size
from dayhand.checkout.process import HISTORY, LISTING, READ
from dayhand.checkout.quarantine import object_folders, quarantine, release
from dayhand.checkout.tree_diff import changed_paths
from dayhand.errors import CheckoutError
from dayhand.sandbox.private_folder import make_private

READ_BYTES = 1024 * 1024
BUNDLES_LOCK = "lock"
BUNDLE_SECONDS = 24 * 3600  # after the last use
PATCH_BYTES = 1024 * 1024
PACK_BYTES = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Author:
    """The name and email address of a commit's author."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


@dataclass(frozen=True, slots=True)
class Entry:
    """One changed path between two trees, with its size."""

    path: str
    mode: str  # in the new tree; "000000" if deleted
    blob: str
    size: int  # bytes; 0 if deleted


class Mirror:
    """The bare repository under ``path`` that mirrors ``url``."""

    def __init__(self, path: Path, url: str, *, env: Mapping[str, str] | None = None) -> None:
        """``env`` is for every git command: where its objects are, if not under ``path`` alone."""
        self.path = path
        self.url = url
        self.git = BareGit(path, env)

    def fetch(self, branches: tuple[str, ...], token: str) -> dict[str, str]:
        """Fetch branches, and return the commit of each that exists on the server.

        Raises ``CheckoutError`` if the server refuses or cannot be reached.
        """
        with self.locked():
            make_private(self.path)
            if not (self.path / "HEAD").exists():
                self.git.run("init", "-q", "--bare", str(self.path))
            remote = self.remote_branches(branches, token)
            local = self._local_branches(remote)
            refs = [
                f"+refs/heads/{name}:refs/heads/{name}"
                for name, sha in remote.items()
                if local.get(name) != sha
            ]
            if refs:
                self.git.run(
                    "fetch",
                    "-q",
                    "--no-tags",
                    self.url,
                    *refs,
                    env=with_token(self.url, token),
                    limits=HISTORY,
                )
        return remote

    def _local_branches(self, names: Iterable[str]) -> dict[str, str]:
        """The commits of branches in the mirror. Only a fetch moves them, so their commits are complete."""
        wanted = [f"refs/heads/{name}" for name in names]
        if not wanted:
            return {}
        out = self.git.run("for-each-ref", "--format=%(objectname)\t%(refname)", *wanted)
        pairs = (line.split("\t", 1) for line in out.decode().splitlines())
        return {ref.removeprefix("refs/heads/"): sha for sha, ref in pairs}

    def remote_branches(self, branches: tuple[str, ...], token: str) -> dict[str, str]:
        """Ask the server which of these branches exist, and for their commits."""
        for name in branches:
            self._check_branch_name(name)
        wanted = [f"refs/heads/{name}" for name in branches]
        out = self.git.run("ls-remote", self.url, *wanted, env=with_token(self.url, token))
        pairs = (line.split("\t", 1) for line in out.decode().splitlines())
        found = {ref.removeprefix("refs/heads/"): sha for sha, ref in pairs}
        return {name: found[name] for name in branches if name in found}

    def push(self, sha: str, branch: str, token: str, *, instead_of: str | None = None) -> None:
        """Push a commit to a branch of the server, never by force. Raises ``CheckoutError``.

        ``instead_of`` is our own commit that this one replaces, "" for a new branch; the push fails if the branch has
        moved since.
        """
        self._check_branch_name(branch)
        lease = () if instead_of is None else (f"--force-with-lease=refs/heads/{branch}:{instead_of}",)
        refs = f"{sha}:refs/heads/{branch}"
        self.git.run("push", "-q", *lease, self.url, refs, env=with_token(self.url, token), limits=HISTORY)

    def with_file(self, commit: str, path: str, text: str) -> str:
        """The tree of a commit with one file replaced or added."""
        blob = self.git.run("hash-object", "-w", "--stdin", stdin=text.encode()).decode().strip()
        with tempfile.TemporaryDirectory() as folder:
            env = {"GIT_INDEX_FILE": f"{folder}/index"}
            self.git.run("read-tree", commit, env=env)
            self.git.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=env)
            return self.git.run("write-tree", env=env).decode().strip()

    def message(self, commit: str) -> str:
        return self.git.run("show", "-s", "--format=%an%n%B", commit).decode("utf-8", "replace").strip()

    def parents(self, commit: str) -> tuple[str, ...]:
        return tuple(self.git.run("show", "-s", "--format=%P", commit).decode().split())

    def bundle(self, commit: str) -> Path:
        """A file with ``commit`` and its history, under the ref that ``bundle_ref`` names."""
        folder = make_private(self.path.parent / "bundles")
        target = folder / f"{self.path.stem}-{commit}.bundle"
        if not self._use_bundle(target):
            self._make_bundle(commit, target)
            self._delete_old_bundles(folder)
        return target

    def _use_bundle(self, target: Path) -> bool:
        """Mark a bundle as used, so that other tasks do not delete it; False if there is none."""
        try:
            with _lock_file(target.parent / BUNDLES_LOCK):
                os.utime(target)
        except FileNotFoundError:
            return False
        return True

    def _make_bundle(self, commit: str, target: Path) -> None:
        self.git.run("update-ref", bundle_ref(commit), commit)
        part = target.with_suffix(f".{secrets.token_hex(8)}.part")
        self.git.run("bundle", "create", "-q", str(part), bundle_ref(commit), limits=HISTORY)
        part.rename(target)

    def _delete_old_bundles(self, folder: Path) -> None:
        """Delete bundles that were not used for a day, and incomplete ones: each contains the whole history."""
        for old in folder.glob(f"{glob.escape(self.path.stem)}-*"):
            # Another task deletes them too, or uses one: its time may not change between the look and the deletion.
            with _lock_file(folder / BUNDLES_LOCK), suppress(FileNotFoundError):
                if time.time() - old.stat().st_mtime > BUNDLE_SECONDS:
                    old.unlink()

    def has(self, commit: str) -> bool:
        status, _, _ = self.git.attempt("cat-file", "-e", f"{commit}^{{commit}}")
        return status == 0

    def contains(self, ancestor: str, descendant: str) -> bool:
        status, _, _ = self.git.attempt("merge-base", "--is-ancestor", ancestor, descendant, limits=HISTORY)
        return status == 0

    def merge_base(self, one: str, two: str) -> str:
        """The last common commit of two commits; "" if there is none."""
        _, out, _ = self.git.attempt("merge-base", one, two, limits=HISTORY)
        return out.decode().strip()

    def tree(self, commit: str) -> str:
        return self.git.run("rev-parse", "--verify", f"{commit}^{{tree}}").decode().strip()

    @contextmanager
    def receive(self, pack: bytes) -> Iterator[Mirror]:
        """Unpack a pack from a sandbox in quarantine, and yield a mirror that has its objects for the block to check.

        They enter this mirror at the end of the block. If it raises, they are removed.
        Raises ``CheckoutError`` for bad paths, broken objects and decompression bombs.
        """
        check_size(pack)
        with quarantine(self.path) as folder:
            checked = Mirror(self.path, self.url, env=object_folders(self.path, folder))
            if pack:
                checked.git.run(
                    "index-pack",
                    "--stdin",
                    "--fix-thin",
                    "--strict",
                    "--threads=1",
                    f"--max-input-size={PACK_BYTES}",
                    stdin=pack,
                )
            yield checked
            release(folder, self.path)

    def take_pack(self, pack: bytes) -> None:
        """Store one pack without a check of the trees in it. Raises as ``receive`` does."""
        with self.receive(pack):
            pass

    def commit(self, tree: str, parent: str, message: str, *, author: Author, when: float) -> str:
        """Make a commit. The same arguments give the same commit, so a repeated step pushes nothing new."""
        stamp = f"@{int(when)} +0000"
        env = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_AUTHOR_DATE": stamp,
            "GIT_COMMITTER_NAME": author.name,
            "GIT_COMMITTER_EMAIL": author.email,
            "GIT_COMMITTER_DATE": stamp,
        }
        out = self.git.run("commit-tree", tree, "-p", parent, stdin=message.encode(), env=env)
        return out.decode().strip()

    def entries(self, base: str, tree: str) -> tuple[Entry, ...]:
        """Every path in which ``tree`` differs from ``base``, both ids of trees.

        Raises ``CheckoutError`` if there are too many, or one is too deep: the limits are in ``tree_diff``.
        """
        changed = changed_paths(self.git, base, tree)
        sizes = self._sizes([path.blob for path in changed])
        return tuple(
            Entry(found.path.decode("utf-8", "surrogateescape"), found.mode, found.blob, size)
            for found, size in zip(changed, sizes, strict=True)
        )

    def blob(self, blob: str, max_bytes: int = READ_BYTES) -> bytes:
        """The bytes of a blob; none if it is larger than ``max_bytes``."""
        if self._sizes([blob])[0] > max_bytes:
            return b""
        return self.git.run("cat-file", "blob", blob, limits=READ.with_output(max_bytes))

    def blob_at(self, commit: str, path: str, max_bytes: int) -> bytes:
        """The first ``max_bytes`` bytes of a file in a commit; none if there is no such file."""
        limits = READ.with_output(max_bytes)
        return self.git.collect("cat-file", "blob", f"{commit}:{path}", limits=limits).out

    def patch(self, base: str, tree: str) -> str:
        """The unified diff for people, cut off at one megabyte."""
        options = ("-r", "-p", "-M", "--no-ext-diff", "--no-textconv", "--no-color")
        limits = READ.with_output(PATCH_BYTES)
        ended = self.git.collect("diff-tree", *options, base, tree, limits=limits)
        if not ended.cut:
            ended.check("diff-tree", limits)
        return ended.out.decode("utf-8", "replace") + ("\n… cut at a megabyte …\n" if ended.cut else "")

    def lines(self, base: str, tree: str) -> dict[str, int]:
        """The number of lines added and removed in each changed file; a moved file counts under its new name."""
        parts = self.git.run("diff-tree", "-r", "-z", "-M", "--numstat", base, tree).split(b"\0")
        found, rest = dict[str, int](), iter(parts[:-1])
        for part in rest:
            added, removed, path = part.split(b"\t", 2)
            if not path:  # moved: the old and the new name follow
                next(rest)
                path = next(rest)
            count = 0 if added == b"-" else int(added) + int(removed)  # "-" for a binary file
            found[path.decode("utf-8", "surrogateescape")] = count
        return found

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of this mirror, so that concurrent tasks on one repository fetch one after another."""
        make_private(self.path.parent)
        with _lock_file(self.path.with_suffix(".lock")):
            yield

    def _sizes(self, blobs: list[str]) -> list[int]:
        """The sizes in bytes; 0 without a blob (a deletion, a submodule)."""
        if not blobs:
            return []
        out = self.git.run("cat-file", "--batch-check=%(objectsize)", stdin="\n".join(blobs).encode() + b"\n")
        return [int(line) if line.isdigit() else 0 for line in out.decode().splitlines()]

    def _check_branch_name(self, name: str) -> None:
        """Refuse names that git could read as something else than a name, because they become arguments."""
        if not re.fullmatch(r"[\w.+@#][\w./+@#-]{0,230}", name, re.ASCII) or ".." in name or "@{" in name:
            raise CheckoutError(
                f"The branch name “{name[:80]}” contains characters that Dayhand does not accept.",
                advice="Rename the branch: use only letters, digits, dots, dashes and slashes.",
            )


@dataclass(frozen=True, slots=True)
class CommitFiles:
    """The files of one commit, read as data from the mirror."""

    mirror: Mirror
    commit: str
    listing: Mapping[str, str]  # path -> blob, of regular files
    others: tuple[str, ...] = ()  # symbolic links and submodules, which have no content of their own

    @property
    def tracked(self) -> tuple[str, ...]:
        """The paths of everything that the commit contains."""
        return (*self.listing, *self.others)

    def paths(self) -> tuple[str, ...]:
        return tuple(self.listing)

    def read(self, path: str) -> str:
        blob = self.listing.get(path)
        return self.mirror.blob(blob).decode("utf-8", "replace") if blob else ""


def read_files(mirror: Mirror, commit: str) -> CommitFiles:
    """List a commit's files."""
    raw = mirror.git.run("ls-tree", "-r", "-z", "--full-tree", commit, limits=LISTING)
    listing, others = dict[str, str](), list[str]()
    for line in raw.split(b"\0"):
        meta, tab, name = line.partition(b"\t")
        path = name.decode("utf-8", "surrogateescape")
        if tab and meta.startswith(b"100"):
            listing[path] = meta.split(b" ")[2].decode()
        elif tab:
            others.append(path)
    return CommitFiles(mirror, commit, listing, tuple(others))


@contextmanager
def _lock_file(path: Path) -> Iterator[None]:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def bundle_ref(commit: str) -> str:
    return f"refs/dayhand/bundles/{commit}"
