"""The base commit of a large repository, for a checkout that is kept: all of it, or what differs from an ancestor."""

from __future__ import annotations

from functools import partial

from dayhand.checkout.bundles import is_partial, make_pack, tags_in
from dayhand.checkout.git import BareGit
from dayhand.checkout.process import LISTING
from dayhand.checkout.repository import MAX_DIFFERENCE, Base, Checkout
from dayhand.environment.setup.large_checkout import BaseTree
from dayhand.sandbox import clone
from dayhand.sandbox.base import Box
from dayhand.sandbox.worktree import MAX_FILE_BYTES

MAX_ANCESTORS = 100  # along the first parents; one that is further away is checked out as a whole


def base_tree(checkout: Checkout, base: Base) -> BaseTree:
    """How the base commit gets into a box."""
    git, commit = checkout.mirror.git, base.commit

    def ancestors() -> list[str]:
        count = f"--max-count={MAX_ANCESTORS + 1}"
        return git.run("rev-list", "--first-parent", count, commit).decode().split()[1:]

    def difference(since: str) -> bytes:
        if is_partial(checkout.mirror.path) and _adds_large_files(git, since, commit):
            return b""  # the box of the ancestor may lack an object that it is expected to have
        tags = [line.split(b" ")[0].decode() for line in tags_in(git, commit).splitlines()]
        return make_pack(git, commit, since, max_bytes=MAX_DIFFERENCE, tags=tags)

    def advance(box: Box, since: str, difference: bytes) -> None:
        clone.move(box, difference, commit=commit, since=since)
        clone.replace_refs(box, commit, tags_in(git, commit))
        base.external.put_files(box)

    content = f"{base.branch}\n{base.external.identity}"
    fill = partial(checkout.fill, commit=commit, base=base)
    return BaseTree(commit, content, fill, ancestors, difference, advance)


def _adds_large_files(git: BareGit, since: str, commit: str) -> bool:
    out = git.run("diff-tree", "-r", "--raw", "--no-abbrev", "--no-renames", since, commit, limits=LISTING)
    blobs = b"".join(line.split(b" ")[3] + b"\n" for line in out.splitlines())
    sizes = git.run("cat-file", "--batch-check=%(objectsize)", stdin=blobs, limits=LISTING)
    return any(line.isdigit() and int(line) >= MAX_FILE_BYTES for line in sizes.splitlines())
