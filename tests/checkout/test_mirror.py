"""The bare mirror: fetch, bundle, strict packs, commits."""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import subprocess
import threading
import zlib
from hashlib import sha1
from pathlib import Path

import pytest

from dayhand.checkout.bundles import BUNDLES_LOCK, bundle_ref
from dayhand.checkout.commit_files import CommitFiles, read_files
from dayhand.checkout.mirror import MAX_KEPT_BYTES, Author, Mirror
from dayhand.errors import CheckoutError
from tests.checkout.conftest import Write, git, pack_of, store
from tests.waiting import PATIENCE, becomes_true, open_descriptors

BOT = Author("dayhand[bot]", "7+dayhand[bot]@users.noreply.github.com")


def test_a_fetch_brings_the_branch_and_says_where_it_stands(mirror: Mirror, head: str) -> None:
    assert mirror.fetch(("main", "no-such-branch"), token="") == {"main": head}
    assert mirror.tree(head)


def test_a_small_file_is_read_from_git_once(mirror: Mirror) -> None:
    def add(size: int) -> str:
        blob = mirror.git.run("hash-object", "-w", "--stdin", stdin=b"x" * size).decode().strip()
        assert mirror.blob(blob, size - 1) == b""
        assert len(mirror.blob(blob)) == size
        (mirror.path / "objects" / blob[:2] / blob[2:]).unlink()
        return blob

    small, large = add(MAX_KEPT_BYTES), add(MAX_KEPT_BYTES + 1)
    assert len(mirror.blob(small)) == MAX_KEPT_BYTES
    assert mirror.blob(small, MAX_KEPT_BYTES - 1) == b""
    with pytest.raises(CheckoutError):
        mirror.blob(large)


def test_a_file_that_is_too_large_for_git_too_is_not_read(mirror: Mirror) -> None:
    """Git that runs out of memory fails as it does here, where the end of the file is gone."""
    content = random.Random(1).randbytes(10_000)
    blob = mirror.git.run("hash-object", "-w", "--stdin", stdin=content).decode().strip()
    stored = mirror.path / "objects" / blob[:2] / blob[2:]
    stored.chmod(0o600)
    os.truncate(stored, 5_000)

    assert mirror.blob(blob, max_bytes=9_999) == b""
    with pytest.raises(CheckoutError):
        mirror.blob(blob, max_bytes=10_000)


def test_what_is_here_already_is_not_fetched_again(mirror: Mirror, origin: Path, head: str) -> None:
    mirror.fetch(("main",), token="")
    fetched = mirror.path / "FETCH_HEAD"  # git leaves it behind at every fetch
    fetched.unlink()
    assert mirror.fetch(("main",), token="") == {"main": head}
    assert not fetched.exists()
    git(origin, "branch", "main-2", "main")  # a name that begins as the other does
    git(origin, "update-ref", "refs/heads/main", git(origin, "commit-tree", "-m", "new", f"{head}^{{tree}}"))
    moved = mirror.fetch(("main", "main-2"), token="")
    assert moved["main"] != head == moved["main-2"]
    assert mirror.tree(moved["main"])


def test_a_repository_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    nowhere = Mirror(tmp_path / "m" / "x.git", str(tmp_path / "nowhere.git"))
    with pytest.raises(CheckoutError, match="nowhere"):
        nowhere.fetch(("main",), token="")


def test_a_bundle_holds_the_commit_and_can_be_cloned(mirror: Mirror, head: str, tmp_path: Path) -> None:
    bundle = mirror.bundle(head)
    clone = tmp_path / "clone"
    clone.mkdir()
    git(clone, "init", "-q")
    git(clone, "fetch", "-q", str(bundle), f"{bundle_ref(head)}:refs/heads/got")
    assert git(clone, "rev-parse", "got") == head
    assert mirror.bundle(head) == bundle


def test_bundles_that_nobody_wanted_for_a_day_go_when_another_is_made(mirror: Mirror, head: str) -> None:
    old = mirror.bundle(head)
    left = old.with_name(
        f"{mirror.path.stem}-{'0' * 40}.999.part"
    )  # by a worker that was killed while it wrote
    left.touch()
    for path in (old, left):
        os.utime(path, (0, 0))
    mirror.bundle(head)  # wanted again
    tree = mirror.tree(head)
    later = [mirror.commit(tree, head, f"{number}\n", author=BOT, when=1.0) for number in range(2)]
    mirror.bundle(later[0])
    assert old.exists()
    assert not left.exists()
    os.utime(old, (0, 0))
    mirror.bundle(later[1])
    assert not old.exists()


def test_a_bundle_that_is_wanted_while_old_ones_are_deleted_stays(mirror: Mirror, head: str) -> None:
    old = mirror.bundle(head)
    os.utime(old, (0, 0))
    later = mirror.commit(mirror.tree(head), head, "later\n", author=BOT, when=1.0)
    lock = old.parent / BUNDLES_LOCK
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        thread = threading.Thread(target=mirror.bundle, args=(later,), daemon=True)
        thread.start()
        assert becomes_true(lambda: open_descriptors(lock) == 2), "the other task has come to the lock"
        os.utime(old)  # as the task that wants it does, with the lock
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert old.exists()


def test_files_are_read_as_data_and_links_are_left_out(origin: Path, tmp_path: Path) -> None:
    work = tmp_path / "more"
    git(tmp_path, "clone", "-q", str(origin), "more")
    (work / "leak").symlink_to("/etc/passwd")
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "link")
    git(work, "push", "-q", "origin", "main")
    mirror = Mirror(tmp_path / "mirrors" / "y.git", str(origin))
    head = mirror.fetch(("main",), token="")["main"]
    files = read_files(mirror, head)
    assert files.paths() == ("README.md", "app.py")
    assert files.read("app.py") == "print('hello')\n"
    assert files.read("leak") == ""


def test_a_taken_pack_shows_what_changed(mirror: Mirror, origin: Path, head: str, write_tree: Write) -> None:
    tree = write_tree({"app.py": "print('hi')\n", "new file.txt": "new\n"})
    store(mirror, pack_of(origin, tree, head))
    entries = mirror.entries(mirror.tree(head), tree)
    assert [(entry.path, entry.size) for entry in entries] == [("app.py", 12), ("new file.txt", 4)]
    assert "+print('hi')" in mirror.patch(mirror.tree(head), tree)


def test_changed_lines_are_counted_and_bytes_are_not(
    mirror: Mirror, origin: Path, head: str, write_tree: Write
) -> None:
    long = "".join(f"x = {number}\n" for number in range(30))
    before = write_tree({"old.py": long})
    after = write_tree({"new name.py": long + "y = 1\n", "app.py": "print('hi')\n", "tab\tname.bin": b"\0\1"})
    for tree in (before, after):
        store(mirror, pack_of(origin, tree, head))
    assert mirror.lines(before, after) == {"new name.py": 1, "app.py": 2, "tab\tname.bin": 0}


def test_the_same_commit_is_made_twice(mirror: Mirror, head: str) -> None:
    one = mirror.commit(mirror.tree(head), head, "Start\n", author=BOT, when=1_700_000_000.5)
    two = mirror.commit(mirror.tree(head), head, "Start\n", author=BOT, when=1_700_000_000.5)
    assert one == two
    assert mirror.contains(head, one)
    assert not mirror.contains(one, head)


def test_a_push_never_overwrites_what_others_pushed(mirror: Mirror, origin: Path, head: str) -> None:
    ours = mirror.commit(mirror.tree(head), head, "Ours\n", author=BOT, when=1.0)
    theirs = mirror.commit(mirror.tree(head), head, "Theirs\n", author=BOT, when=2.0)
    mirror.push(theirs, "dayhand/1-x", token="")
    with pytest.raises(CheckoutError, match="rejected"):
        mirror.push(ours, "dayhand/1-x", token="")
    assert git(origin, "rev-parse", "dayhand/1-x") == theirs


@pytest.mark.parametrize(
    "name", ["--upload-pack=touch x", "a\u3000b", "$(id)", "a b", "../x", "a..b", "x@{1}"]
)
def test_a_branch_name_that_could_be_read_as_more_than_a_name_is_refused(mirror: Mirror, name: str) -> None:
    with pytest.raises(CheckoutError, match="branch name"):
        mirror.fetch((name,), token="")


@pytest.mark.parametrize("name", [b".git", b"..", b"a/b", b".GIT", b"git~1", b".g\xe2\x80\x8cit"])
def test_a_tree_that_could_write_outside_the_repository_is_refused(
    mirror: Mirror, origin: Path, head: str, name: bytes
) -> None:
    blob = git(origin, "hash-object", "-w", "--stdin", stdin=b"evil")
    raw = b"100644 " + name + b"\0" + bytes.fromhex(blob)
    tree = write_loose(origin, b"tree", raw)
    before = sorted((mirror.path / "objects" / "pack").glob("*"))
    with pytest.raises(CheckoutError, match="index-pack"):
        store(mirror, pack_of(origin, tree, head))
    assert sorted((mirror.path / "objects" / "pack").glob("*.pack")) == [
        p for p in before if p.suffix == ".pack"
    ]


def test_a_pack_that_is_noise_is_refused(mirror: Mirror) -> None:
    with pytest.raises(CheckoutError, match="index-pack"):
        store(mirror, hashlib.shake_256(b"noise").digest(4000))  # always the same: chance also makes sizes


def test_no_hook_filter_or_configuration_of_the_repository_runs(
    mirror: Mirror, origin: Path, head: str, write_tree: Write, tmp_path: Path
) -> None:
    marker = tmp_path / "fired"
    fire = f"touch {marker}"
    for key in ("core.fsmonitor", "diff.external", "core.sshCommand", "core.pager"):
        git(mirror.path, "config", key, fire)
    git(mirror.path, "config", "diff.evil.textconv", fire)
    hooks = mirror.path / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-update", "pre-push", "reference-transaction", "post-index-change"):
        (hooks / hook).write_text(f"#!/bin/sh\n{fire}\n")
        (hooks / hook).chmod(0o755)
    tree = write_tree({".gitattributes": "* diff=evil filter=evil\n", "app.py": "x = 1\n"})
    store(mirror, pack_of(origin, tree, head))
    mirror.entries(mirror.tree(head), tree)
    mirror.patch(mirror.tree(head), tree)
    mirror.bundle(head)
    mirror.push(mirror.commit(tree, head, "x\n", author=BOT, when=1.0), "dayhand/2-x", token="")
    assert not marker.exists()


def write_loose(origin: Path, kind: bytes, raw: bytes) -> str:
    """Write an object that git's own commands would refuse to make."""
    whole = kind + b" " + str(len(raw)).encode() + b"\0" + raw
    name = sha1(whole).hexdigest()
    target = origin / "objects" / name[:2] / name[2:]
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(zlib.compress(whole))
    assert (
        subprocess.run(["git", "cat-file", "-t", name], check=False, cwd=origin, capture_output=True).stdout
        == kind + b"\n"
    )
    return name


def test_tags_are_fetched_whenever_they_come_and_go_when_they_are_deleted(
    mirror: Mirror, origin: Path, head: str
) -> None:
    git(origin, "tag", "v1", head)
    git(origin, "tag", "-m", "Two", "v2", head)
    mirror.fetch(("main",), token="")  # the branch did not move
    assert mirror.git.run("describe", "--tags", head).decode().strip() == "v2"
    fetched = mirror.path / "FETCH_HEAD"
    fetched.unlink()
    mirror.fetch(("main",), token="")
    assert not fetched.exists()
    first = mirror.bundle(head)
    git(origin, "tag", "-d", "v2")
    mirror.fetch(("main",), token="")
    assert mirror.git.run("describe", "--tags", head).decode().strip() == "v1"
    assert mirror.bundle(head) != first, "its tags are those of today"


def test_a_commit_that_is_here_is_not_given_away_where_the_server_refuses(
    mirror: Mirror, origin: Path, head: str
) -> None:
    mirror.fetch_commit(head, token="")
    origin.rename(origin.with_name("gone.git"))
    with pytest.raises(CheckoutError):
        mirror.fetch_commit(head, token="")


def test_the_files_of_a_change_are_those_of_its_base_and_only_what_differs_is_read(
    mirror: Mirror, head: str
) -> None:
    blob, missing = mirror.add_file("", "x").blob, "1" * 40

    def tree(*lines: str) -> str:
        stdin = "\n".join((*lines, "")).encode("utf-8", "surrogateescape")
        return mirror.git.run("mktree", "--missing", stdin=stdin).decode().strip()

    def commit(*lines: str) -> str:
        whole = tree(*lines, f"040000 tree {missing}\tk")  # a folder that cannot be read
        return mirror.commit(whole, head, "x", author=Author("A", "a@localhost"), when=1)

    one, two = tree(f"100755 blob {blob}\te"), tree(f"100644 blob {blob}\tx")
    old = commit(
        *(f"100644 blob {blob}\t{name}" for name in "afg"),
        f"120000 blob {blob}\tb",
        f"160000 commit {head}\tc",
        f"040000 tree {one}\td",
    )
    new = commit(
        *(f"100644 blob {blob}\t{name}" for name in ("b", "h\udce9")),
        f"120000 blob {blob}\ta",
        *(f"160000 commit {head}\t{name}" for name in "df"),
        f"040000 tree {two}\tc",
    )
    before = CommitFiles(mirror, old, dict.fromkeys(("a", "d/e", "f", "g", "k/1"), blob), {"b": blob}, ("c",))
    after = CommitFiles(
        mirror, new, dict.fromkeys(("b", "c/x", "h\udce9", "k/1"), blob), {"a": blob}, ("d", "f")
    )
    assert (before.at(new), after.at(old), before.at(old)) == (after, before, before)
