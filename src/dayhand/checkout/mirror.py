"""A bare mirror of one repository: commits arrive by fetch or as one strictly checked pack, and leave as bundles."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dayhand.checkout.bundles import is_partial, lock_file, make_bundle, missing_blobs, use_bundle
from dayhand.checkout.git import BareGit, remove_if_damaged
from dayhand.checkout.incoming.pack_scan import check_size
from dayhand.checkout.incoming.quarantine import object_folders, quarantine, release
from dayhand.checkout.process import HISTORY, LISTING, READ
from dayhand.checkout.server import GitServer, Recovery, check_branch_name
from dayhand.checkout.tree_diff import ChangedPath, changed_paths
from dayhand.sandbox.private_folder import make_private
from dayhand.sandbox.worktree import DELETED
from dayhand.startup.records import dataclass

READ_BYTES = 1024 * 1024
MAX_BETWEEN = 250  # commits that are looked at one by one
TAGS_FOLDER = "refs/tags/"
TAGS = f"{TAGS_FOLDER}*"
MAX_KEPT, MAX_KEPT_BYTES = 256, 64 * 1024  # blobs, and bytes of each
PATCH_BYTES = 1024 * 1024
WHOLE = "whole"  # a folder in the mirror: an empty file for each commit of which no file is left out
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


@dataclass(frozen=True, slots=True)
class _Commit:
    tree: str
    parents: tuple[str, ...]
    message: str  # a line with the author's name, and the rest


class Mirror:
    """The bare repository under ``path`` that mirrors ``url``.

    What never changes (a commit, a small file, how two trees differ) is read from git once: a program takes 5 ms.
    """

    def __init__(
        self, path: Path, url: str, *, env: Mapping[str, str] | None = None, recovery: Recovery | None = None
    ) -> None:
        """``env`` is for every git command: where its objects are, if not under ``path`` alone."""
        self.path = path
        self.git = BareGit(path, env, is_copy=not env)  # env: what a sandbox made, in quarantine
        self.server = GitServer(self.git, url, recovery or Recovery())
        self._kept: dict[str, bytes] = {}
        self._commits: dict[str, _Commit] = {}
        self._changed: dict[tuple[str, str], tuple[ChangedPath, ...]] = {}
        self._bundles: dict[str, Path] = {}  # with the tags of the last fetch

    @property
    def url(self) -> str:
        """Where the repository is now; a renamed one is found again."""
        return self.server.url

    def fetch(self, branches: tuple[str, ...], token: str) -> dict[str, str]:
        """Fetch branches and all tags, and return the commit of each branch that exists on the server.

        Raises ``CheckoutError`` if the server refuses or cannot be reached.
        """
        with self.locked():
            is_new = self._make()
            remote = self.server.refs((*_branch_refs(branches), TAGS), token)
            folders = (*_branch_refs(branches), TAGS.removesuffix("/*"))
            local = {} if is_new else self._local_refs(folders)
            changed = {ref for ref, sha in remote.items() if local.get(ref) != sha}
            refs = [f"+{ref}:{ref}" for ref in changed if not ref.startswith(TAGS_FOLDER)]
            if changed.difference(_branch_refs(branches)) or local.keys() - remote.keys():
                refs.append(f"+{TAGS}:{TAGS}")  # a tag that was deleted on the server goes here, too
            if refs:
                self.server.fetch(refs, token, prune=True)
                self._bundles.clear()
        named = zip(branches, _branch_refs(branches), strict=True)
        return {name: remote[ref] for name, ref in named if ref in remote}

    def head(self, branch: str, token: str) -> str:
        """Where a branch of the server stands now; "" if there is none. Nothing is fetched."""
        (ref,) = _branch_refs((branch,))
        return self.server.refs((ref,), token).get(ref, "")

    def fetch_commit(self, commit: str, token: str) -> None:
        """Fetch one commit with its history, if it is not here. Asks the server in any case whether it may be read.

        Raises ``CheckoutError``.
        """
        with self.locked():
            self._make()
            self.server.refs(("HEAD",), token)
            if not self.has(commit):
                self.server.fetch([commit], token)
        self.complete(commit, token)

    def complete(self, commit: str, token: str) -> None:
        """Fetch the large files of a commit that were left out of the history. Raises ``CheckoutError``."""
        known = self.path / WHOLE / commit
        if known.exists() or not is_partial(self.path):
            return
        with self.locked():
            if blobs := missing_blobs(self.git, self.path, f"{commit}^{{tree}}"):
                self.server.fetch_blobs(blobs, token)
            known.parent.mkdir(exist_ok=True)
            known.touch()

    def _make(self) -> bool:
        """Make the repository if there is none; whether there was none."""
        remove_if_damaged(self.git)
        make_private(self.path)
        if is_new := not (self.path / "HEAD").exists():
            self.git.run("init", "-q", "--bare", str(self.path))
        return is_new

    def _local_refs(self, patterns: tuple[str, ...]) -> dict[str, str]:
        """What the mirror has. Only a fetch moves these refs, so their commits are complete."""
        out = self.git.run("for-each-ref", "--format=%(objectname)\t%(refname)", *patterns, limits=LISTING)
        pairs = (line.split("\t", 1) for line in out.decode("utf-8", "surrogateescape").splitlines())
        return {ref: sha for sha, ref in pairs}

    def push(self, sha: str, branch: str, token: str, *, instead_of: str | None = None) -> None:
        """Push a commit to a branch of the server, never by force.

        ``instead_of`` is our own commit that this one replaces, "" for a new branch. Raises ``BranchMoved`` if the
        branch has moved since, ``CheckoutError`` if the server declines.
        """
        check_branch_name(branch)
        self.server.push(sha, branch, token, instead_of=instead_of)

    def add_file(self, path: str, text: str) -> Entry:
        blob = self.git.run("hash-object", "-w", "--stdin", stdin=text.encode()).decode().strip()
        return Entry(path, "100644", blob, len(text))

    def with_entries(self, commit: str, entries: Iterable[Entry]) -> str:
        """The tree of a commit with these changes; none may be below a file, or in place of a folder, that stays."""
        ordered = sorted(entries, key=lambda entry: entry.mode != DELETED)  # so that nothing is in the way
        lines = "".join(f"{entry.mode} {entry.blob}\t{entry.path}\0" for entry in ordered)
        with tempfile.TemporaryDirectory() as folder:
            env = {"GIT_INDEX_FILE": f"{folder}/index"}
            self.git.run("read-tree", commit, env=env, limits=LISTING)
            stdin = lines.encode("utf-8", "surrogateescape")
            self.git.run("update-index", "-z", "--index-info", stdin=stdin, env=env, limits=LISTING)
            return self.git.run("write-tree", env=env, limits=LISTING).decode().strip()

    def message(self, commit: str) -> str:
        """The name of a commit's author as a line, and its message."""
        return self._commit(commit).message

    def parents(self, commit: str) -> tuple[str, ...]:
        return self._commit(commit).parents

    def bundle(self, commit: str) -> Path:
        """A file with ``commit`` and its history, under the ref that ``bundle_ref`` names, and the tags in that history."""
        known = self._bundles.get(commit)
        if known is None or not use_bundle(known):
            known = self._bundles[commit] = make_bundle(self.git, self.path, commit)
        return known

    def has(self, commit: str) -> bool:
        """Unlike other commands, this one does not try to fetch what is missing."""
        command = ("rev-list", "--no-walk", "--missing=print", commit, "--")
        return self.git.attempt(*command)[1].decode().strip() == commit

    def contains(self, ancestor: str, descendant: str) -> bool:
        command = ("merge-base", "--is-ancestor", ancestor, descendant)
        return ancestor == descendant or self.git.attempt(*command, limits=HISTORY)[0] == 0

    def commits_between(self, base: str, head: str) -> tuple[str, ...] | None:
        """The commits in the history of ``head`` that are not in that of ``base``; None if they are too many."""
        listed = (
            self.git.run("rev-list", f"--max-count={MAX_BETWEEN + 1}", head, f"^{base}", "--")
            .decode()
            .split()
        )
        return None if len(listed) > MAX_BETWEEN else tuple(listed)

    def merge_base(self, one: str, two: str) -> str:
        """The last common commit of two commits; "" if there is none."""
        return self.git.attempt("merge-base", one, two, limits=HISTORY)[1].decode().strip()

    def tree(self, commit: str) -> str:
        return self._commit(commit).tree

    def _commit(self, commit: str) -> _Commit:
        if commit not in self._commits:
            out = self.git.run("show", "-s", "--format=%T%n%P%n%an%n%B", f"{commit}^{{commit}}")
            tree, parents, message = out.decode("utf-8", "replace").split("\n", 2)
            self._commits[commit] = _Commit(tree, tuple(parents.split()), message.strip())
        return self._commits[commit]

    @contextmanager
    def receive(self, pack: bytes) -> Iterator[Mirror]:
        """The same as ``inspect``, but at the end of the block the objects enter this mirror, unless it raises."""
        with quarantine(self.path) as folder:
            yield self._unpack(pack, folder)
            release(folder, self.path)

    @contextmanager
    def inspect(self, pack: bytes) -> Iterator[Mirror]:
        """Unpack a pack from a sandbox in quarantine, and yield a mirror that has its objects for the block to check.

        They are removed at the end of the block. Raises ``CheckoutError`` for bad paths, broken objects and decompression
        bombs.
        """
        with quarantine(self.path) as folder:
            yield self._unpack(pack, folder)

    def _unpack(self, pack: bytes, folder: Path) -> Mirror:
        check_size(pack)
        checked = Mirror(self.path, self.url, env=object_folders(self.path, folder))
        checked._commits = dict(self._commits)  # what is here is seen there, and not the other way round
        if pack:
            options = ("--stdin", "--fix-thin", "--strict", "--threads=1", f"--max-input-size={PACK_BYTES}")
            checked.git.run("index-pack", *options, stdin=pack)
        return checked

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
        commit = out.decode().strip()
        self._commits[commit] = _Commit(tree, (parent,), f"{author.name}\n{message}".strip())
        return commit

    def entries(self, base: str, tree: str) -> tuple[Entry, ...]:
        """Every path in which ``tree`` differs from ``base``, both ids of trees.

        Raises ``CheckoutError`` if there are too many, or one is too deep: the limits are in ``tree_diff``.
        """
        changed = self.changed_paths(base, tree)
        sizes = self._sizes([path.blob for path in changed])
        return tuple(
            Entry(found.path.decode("utf-8", "surrogateescape"), found.mode, found.blob, size)
            for found, size in zip(changed, sizes, strict=True)
        )

    def changed_paths(self, base: str, tree: str) -> tuple[ChangedPath, ...]:
        """The same without the sizes."""
        if (base, tree) not in self._changed:
            self._changed[base, tree] = changed_paths(self.git, base, tree)
        return self._changed[base, tree]

    def blob(self, blob: str, max_bytes: int = READ_BYTES) -> bytes:
        """The bytes of a blob; none if it is larger than ``max_bytes``. Small ones are kept: many parts read the same files."""
        if blob not in self._kept:
            ended = self.git.collect("cat-file", "blob", blob, limits=READ.with_output(max_bytes))
            if ended.cut or (ended.status and self._sizes([blob])[0] > max_bytes):
                return b""  # where git stored a huge file as a difference, it may have run out of memory
            ended.check("cat-file", READ)
            if len(ended.out) > MAX_KEPT_BYTES or len(self._kept) == MAX_KEPT:
                return ended.out
            self._kept[blob] = ended.out
        content = self._kept[blob]
        return content if len(content) <= max_bytes else b""

    def blobs(self, blobs: Iterable[str], max_bytes: int) -> dict[str, bytes]:
        """The bytes of many blobs, each of at most ``max_bytes``."""
        wanted = list(dict.fromkeys(blobs))
        limits = READ.with_output(len(wanted) * (max_bytes + 100) + 1)
        out = self.git.run(
            "cat-file", "--batch", stdin="".join(f"{one}\n" for one in wanted).encode(), limits=limits
        )
        found, position = dict[str, bytes](), 0
        for one in wanted:
            end = out.index(b"\n", position)
            size = int(out[position:end].rpartition(b" ")[2])
            found[one] = out[end + 1 : end + 1 + size]
            position = end + size + 2
        return found

    def blob_at(self, commit: str, path: str, max_bytes: int) -> bytes:
        """The first ``max_bytes`` bytes of a file in a commit; none if there is no such file."""
        limits = READ.with_output(max_bytes)
        return self.git.collect("cat-file", "blob", f"{commit}:{path}", limits=limits).out

    def patch(self, base: str, tree: str) -> str:
        """The unified diff for people, which ``git apply`` reads too; cut off at one megabyte."""
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
        lock = self.path.with_suffix(".lock")
        with lock_file(lock):
            os.utime(lock)  # a mirror that no task locks for long is deleted
            yield

    def _sizes(self, blobs: list[str]) -> list[int]:
        """The sizes in bytes; 0 without a blob (a deletion, a submodule)."""
        if not blobs:
            return []
        out = self.git.run("cat-file", "--batch-check=%(objectsize)", stdin="\n".join(blobs).encode() + b"\n")
        return [int(line) if line.isdigit() else 0 for line in out.decode().splitlines()]


def _branch_refs(branches: Iterable[str]) -> tuple[str, ...]:
    for name in branches:
        check_branch_name(name)
    return tuple(f"refs/heads/{name}" for name in branches)
