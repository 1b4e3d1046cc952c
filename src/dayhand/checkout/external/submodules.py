"""Submodules: which repositories a trusted commit names, fetched through mirrors of their own.

A box has no network, so the worker fetches them. It reads only repositories on the same server, with a token that the
person who asked could use as well, or none; every other one is named with the reason.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import field, replace
from pathlib import Path
from urllib.parse import urlsplit

from dayhand.checkout.commit_files import read_files
from dayhand.checkout.external.lfs import LfsFile, fetch_lfs, uses_lfs
from dayhand.checkout.external.local_store import LocalStore
from dayhand.checkout.mirror import Mirror
from dayhand.checkout.process import LISTING
from dayhand.errors import CheckoutError
from dayhand.file_kinds import SUBMODULES
from dayhand.startup.records import dataclass

MAX_DEPTH = 3
MAX_COUNT = 32
SUBMODULE = b"160000"  # git's mode
_FULL_NAME = re.compile(r"/*([\w.-]+/[\w.-]+?)(?:\.git)?/*")
_SCP = re.compile(r"(?:[\w.-]+@)?([\w.-]+):(?!//)(.+)")  # git@github.com:owner/name.git

# Opens the mirror of a repository on the same server by its full name, with a token that may read it, or "".
Neighbours = Callable[[str], AbstractContextManager[tuple[Mirror, str]]]


@dataclass(frozen=True, slots=True)
class Submodule:
    """One submodule's commit, in its mirror."""

    path: str  # from the top of the repository that the task is about
    mirror: Mirror
    commit: str


@dataclass(frozen=True, slots=True)
class Link:
    """One submodule as a commit names it; ``url`` is "" if it names none."""

    path: str
    commit: str
    url: str


@dataclass(slots=True)
class SubmoduleSearch:
    """Fetches the submodules of one commit, and those in them."""

    neighbours: Neighbours | None  # None: this repository is on no server
    local: LocalStore | None = None  # of a repository on this machine
    found: list[Submodule] = field(default_factory=list)
    lfs: list[LfsFile] = field(default_factory=list)  # of the submodules
    absent: dict[str, str] = field(default_factory=dict)  # by path, a sentence: what is not there, and why

    def search(self, mirror: Mirror, commit: str, trusted: str) -> None:
        """Fetch what ``commit`` has at the paths where the commit ``trusted`` ("": none) has the same."""
        links = _links(mirror, commit)
        allowed = links if trusted == commit else _links(mirror, trusted) if trusted and links else {}
        urls = _urls(mirror, trusted) if allowed else {}
        for path, target in links.items():
            if allowed.get(path) == target:
                self._fetch(Link(path, target, urls.get(path, "")), mirror.url, depth=1)
            else:
                self._miss(
                    path, "only the default branch decides which commits of which repositories are fetched"
                )

    def _fetch(self, link: Link, parent_url: str, *, depth: int) -> None:
        name = resolve(link.url, parent_url)
        if depth > MAX_DEPTH or len(self.found) >= MAX_COUNT:
            self._miss(link.path, f"at most {MAX_COUNT} are fetched, nested at most {MAX_DEPTH} deep")
        elif self.local:
            self._fetch_local(self.local, link, depth)
        elif not link.url:
            self._miss(link.path, f"{SUBMODULES} has no URL for it")
        elif not name or self.neighbours is None:
            self._miss(link.path, f"{_shown(link.url)} is not on the server of this repository")
        else:
            with self.neighbours(name) as (mirror, token):
                try:
                    mirror.fetch_commit(link.commit, token)
                except CheckoutError as error:
                    self._miss(
                        link.path, f"{name} cannot be read by the App and the person who asked: {error}"
                    )
                    return
                self.found.append(Submodule(link.path, mirror, link.commit))
                self._fetch_lfs(link, mirror, token)
            self._fetch_nested(link, mirror, depth)

    def _fetch_local(self, local: LocalStore, link: Link, depth: int) -> None:
        """Fetch from where ``git submodule update`` put it."""
        mirror = local.submodule(link.path)
        try:
            if mirror:
                mirror.fetch_commit(link.commit, "")
        except CheckoutError:
            mirror = None
        if mirror is None:
            self._miss(link.path, "run `git submodule update --init --recursive` first")
            return
        self.found.append(Submodule(link.path, mirror, link.commit))
        self._fetch_lfs(link, mirror, "", local=replace(local, git_dir=Path(mirror.url)))
        self._fetch_nested(link, mirror, depth)

    def _fetch_nested(self, link: Link, mirror: Mirror, depth: int) -> None:
        links = _links(mirror, link.commit)
        urls = _urls(mirror, link.commit) if links else {}
        for path, target in links.items():
            nested = Link(f"{link.path}/{path}", target, urls.get(path, ""))
            self._fetch(nested, mirror.url, depth=depth + 1)

    def _fetch_lfs(self, link: Link, mirror: Mirror, token: str, *, local: LocalStore | None = None) -> None:
        if uses_lfs(read_files(mirror, link.commit)):
            files, absent = fetch_lfs(mirror, link.commit, token, local=local)
            self.lfs += [replace(one, path=f"{link.path}/{one.path}") for one in files]
            for path, problem in absent.items():
                self.absent[f"{link.path}/{path}"] = f"In the submodule {link.path}: {problem}"

    def _miss(self, path: str, reason: str) -> None:
        self.absent[path] = f"The submodule {path} is not there: {reason.rstrip('.')}."


def resolve(url: str, clone_url: str) -> str:
    """The full name of the repository that a submodule's URL names, if it is on the server of ``clone_url``; else "".

    >>> resolve("../lib.git", "https://github.com/ada/shop.git"), resolve("git@github.com:bob/x", "https://github.com/ada/shop")
    ('ada/lib', 'bob/x')
    """
    server = urlsplit(clone_url)
    if server.scheme not in ("http", "https"):
        return ""
    if url.startswith(("./", "../")):
        path = posixpath.normpath(posixpath.join(server.path, url))
    elif scp := _SCP.fullmatch(url):
        path = scp[2] if scp[1].lower() == server.hostname else ""
    else:
        try:
            parts = urlsplit(url)
            same = parts.hostname == server.hostname and (
                parts.scheme in ("ssh", "git+ssh")
                or (parts.scheme in ("http", "https") and parts.port == server.port)
            )
        except ValueError:
            same = False
        path = parts.path if same else ""
    match = _FULL_NAME.fullmatch(path)
    return match[1] if match and ".." not in match[1] else ""


def _links(mirror: Mirror, commit: str) -> dict[str, str]:
    """The commits of the submodules, by path."""
    out = mirror.git.run("ls-tree", "-r", "-z", "--full-tree", commit, limits=LISTING)
    return dict(_parse_links(out))


def _parse_links(listing: bytes) -> Iterator[tuple[str, str]]:
    for line in listing.split(b"\0"):
        meta, _, path = line.partition(b"\t")
        if meta.startswith(SUBMODULE):
            yield path.decode("utf-8", "surrogateescape"), meta.split(b" ")[2].decode()


def _urls(mirror: Mirror, commit: str) -> dict[str, str]:
    """The URLs that ``.gitmodules`` of a commit names, by path."""
    blob = f"{commit}:{SUBMODULES}"
    status, out, _ = mirror.git.attempt("config", f"--blob={blob}", "-z", "--list")
    values = dict[str, dict[str, str]]()
    for entry in out.decode("utf-8", "surrogateescape").split("\0") if status == 0 else ():
        key, _, value = entry.partition("\n")
        section, _, option = key.rpartition(".")
        values.setdefault(section, {})[option] = value
    return {one["path"].strip("/"): one.get("url", "") for one in values.values() if "path" in one}


def _shown(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)[:200]
