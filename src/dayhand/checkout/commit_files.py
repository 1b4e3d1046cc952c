"""The files of one commit, read as data from the mirror."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from dayhand.checkout.mirror import Mirror
from dayhand.checkout.process import LISTING
from dayhand.sandbox.worktree import DELETED
from dayhand.startup.records import dataclass

LINK, SUBMODULE = "120000", "160000"  # modes of git


@dataclass(frozen=True, slots=True)
class CommitFiles:
    """The files of one commit, read as data from the mirror."""

    mirror: Mirror
    commit: str
    listing: Mapping[str, str]  # path -> blob, of regular files
    links: Mapping[str, str] = field(default_factory=dict)  # the same of symbolic links
    submodules: tuple[str, ...] = ()

    @property
    def tracked(self) -> tuple[str, ...]:
        return (*self.listing, *self.links, *self.submodules)

    def paths(self) -> tuple[str, ...]:
        return tuple(self.listing)

    def at(self, commit: str) -> CommitFiles:
        """The files of another commit: what differs is read, within the limits of a change. Raises ``CheckoutError``."""
        mirror = self.mirror
        listing, links, submodules = dict(self.listing), dict(self.links), dict.fromkeys(self.submodules)
        for one in mirror.changed_paths(mirror.tree(self.commit), mirror.tree(commit)):
            path = one.path.decode("utf-8", "surrogateescape")
            if one.mode != LINK:
                links.pop(path, None)
            if one.mode in (DELETED, LINK, SUBMODULE):
                listing.pop(path, None)
            if one.mode != SUBMODULE:
                submodules.pop(path, None)
            if one.mode == LINK:
                links[path] = one.blob
            elif one.mode == SUBMODULE:
                submodules[path] = None
            elif one.mode != DELETED:
                listing[path] = one.blob
        if listing.keys() - self.listing.keys():
            listing = dict(sorted(listing.items()))
        return CommitFiles(mirror, commit, listing, links, tuple(submodules))

    def read(self, path: str) -> str:
        return self._text(self.listing.get(path, ""))

    def target(self, link: str) -> str:
        return self._text(self.links.get(link, ""))

    def _text(self, blob: str) -> str:
        return self.mirror.blob(blob).decode("utf-8", "replace") if blob else ""


def read_files(mirror: Mirror, commit: str) -> CommitFiles:
    raw = mirror.git.run("ls-tree", "-r", "-z", "--full-tree", commit, limits=LISTING)
    listing, links, submodules = dict[str, str](), dict[str, str](), list[str]()
    for line in raw.split(b"\0"):
        meta, tab, name = line.partition(b"\t")
        path = name.decode("utf-8", "surrogateescape")
        if tab and meta.startswith(b"160000"):
            submodules.append(path)
        elif tab:
            (links if meta.startswith(b"120000") else listing)[path] = meta.split(b" ")[2].decode()
    return CommitFiles(mirror, commit, listing, links, tuple(submodules))
