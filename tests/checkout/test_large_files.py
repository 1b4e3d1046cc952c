"""Versions of large files that only the history has are not fetched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from dayhand.bench.environment import NullLog
from dayhand.checkout.base_tree import base_tree
from dayhand.checkout.bundles import PLACEHOLDER
from dayhand.checkout.commit_files import read_files
from dayhand.checkout.mirror import Mirror
from dayhand.checkout.repository import Base, Checkout
from dayhand.environment.base import Source
from dayhand.environment.declared.dayhand_toml import RepoConfig
from dayhand.environment.setup.large_checkout import with_base_tree
from dayhand.errors import CheckoutError
from dayhand.sandbox import worktree
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.sandbox.worktree import MAX_FILE_BYTES
from tests.checkout.conftest import git
from tests.checkout.test_exact import NO_SET_UP, sandbox  # noqa: F401 - a fixture

LARGE = [bytes([number]) * MAX_FILE_BYTES for number in range(4)]


@dataclass(frozen=True)
class History:
    """A repository whose main branch has the third version of a large file; the commit after it, the first again and another."""

    origin: Path
    commits: list[str]
    blobs: list[str]
    mirror: Mirror


@pytest.fixture
def history(tmp_path: Path) -> History:
    origin = tmp_path / "origin.git"
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(origin))
    blobs, commits = list[str](), list[str]()
    for number, content in enumerate(LARGE):
        blobs.append(git(origin, "hash-object", "-w", "--stdin", stdin=content))
        small = git(origin, "hash-object", "-w", "--stdin", stdin=b"%d\n" % number)
        lines = f"100644 {blobs[number % 3]}\tlarge.bin\n100644 {small}\tsmall\n"
        if number == 3:
            lines += f"100644 {blobs[3]}\tother.bin\n"
        git(origin, "update-index", "--add", "--index-info", stdin=lines.encode())
        parents = ["-p", commits[-1]] if commits else []
        commits.append(git(origin, "commit-tree", git(origin, "write-tree"), *parents, "-m", f"{number}"))
    git(origin, "update-ref", "refs/heads/main", commits[2])
    git(origin, "tag", "v1", commits[0])
    git(origin, "config", "uploadpack.allowFilter", "true")
    return History(origin, commits, blobs, Mirror(tmp_path / "mirrors" / "a.git", origin.as_uri()))


def present(history: History) -> list[int]:
    """Which versions of the file the mirror has."""
    stdin = "".join(f"{blob}\n" for blob in history.blobs).encode()
    out = history.mirror.git.run("cat-file", "--batch-all-objects", "--batch-check", stdin=stdin).decode()
    return [number for number, blob in enumerate(history.blobs) if f"{blob} blob" in out]


def checkout_of(history: History, commit: str) -> tuple[Checkout, Base]:
    mirror = history.mirror
    checkout = Checkout(mirror, None, token=str, author=None, co_author=None)  # type: ignore[arg-type]
    source = Source("ada/shop", mirror.tree(commit), trusted=True)
    return checkout, Base(commit, "main", read_files(mirror, commit), source, RepoConfig())


def test_a_box_has_its_large_files_and_a_note_in_place_of_old_versions(
    sandbox: BubblewrapSandbox,  # noqa: F811
    history: History,
) -> None:
    mirror = history.mirror
    head = mirror.fetch(("main",), "")["main"]
    assert present(history) == []
    with pytest.raises(CheckoutError):
        mirror.git.run("cat-file", "blob", history.blobs[2])  # git does not fetch it by itself
    assert (mirror.has(head), mirror.has("1" * 40)) == (True, False)
    mirror.complete(head, "")
    assert present(history) == [2]
    checkout, base = checkout_of(history, head)
    with sandbox.open() as box:
        checkout.fill(box, head, base)
        worktree.track(box)
        assert box.run("git status --porcelain").text() == ""
        assert box.check_output(["head", "-c", "2", "large.bin"], max_bytes=2) == b"\2\2"
        shown = box.run(
            "git log -p --stat v1..HEAD && git describe --tags && git log --format=%s -- large.bin"
        ).text()
        assert PLACEHOLDER.decode() in shown
        assert shown.splitlines()[-4:-3] == ["v1-2-g" + head[:7]]
        assert box.run("echo 7 > small").passed
        taken = checkout.take(box, base)
    assert taken.change
    assert taken.change.paths == ("small",)


def test_a_later_commit_whose_files_were_left_out_before_gets_them(
    sandbox: BubblewrapSandbox,  # noqa: F811
    history: History,
) -> None:
    for commit in history.commits[2:]:
        git(history.origin, "update-ref", "refs/heads/main", commit)
        assert history.mirror.fetch(("main",), "")["main"] == commit
        history.mirror.complete(commit, "")
        checkout, base = checkout_of(history, commit)
        environment = with_base_tree(NO_SET_UP, sandbox, base_tree(checkout, base), log=NullLog())
    assert present(history) == [0, 2, 3]
    with sandbox.open(origin=environment.origin) as box:
        assert box.checked_out == commit
        assert worktree.list_changes(box, commit).found == ()
        restored = box.check_output(
            ["sh", "-c", "rm *.bin && git checkout -q . && cat large.bin other.bin"], max_bytes=20 << 20
        )
        assert restored == LARGE[0] + LARGE[3]


def test_what_a_server_cannot_leave_out_is_fetched_with_all_the_rest(history: History) -> None:
    git(history.origin, "config", "uploadpack.allowFilter", "false")
    head = history.mirror.fetch(("main",), "")["main"]
    history.mirror.complete(head, "")
    assert present(history) == [0, 1, 2]
