"""A disk that is really full, on our side and on the server's: the task waits, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dayhand.checkout.mirror import Author, Mirror
from dayhand.checkout.server import Recovery
from dayhand.errors import DiskFull, HubUnavailable
from dayhand.sandbox.bubblewrap.binaries import find_bwraps
from dayhand.worker.room import disk_faults_as_errors
from tests.checkout.conftest import git, pack_of

BOT = Author("dayhand[bot]", "7+dayhand[bot]@users.noreply.github.com")
SMALL_DISK = 4 << 20


def fill(disk: Path) -> Path:
    """Write a file until not one byte more fits."""
    filler, size = disk / "filler", 1 << 20
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
    while size:
        try:
            os.write(descriptor, b"x" * size)
        except OSError:
            size //= 2
    os.close(descriptor)
    return filler


def fails(step: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error), disk_faults_as_errors(bool):
        step()


def receive(mirror: Mirror, pack: bytes) -> None:
    with mirror.receive(pack):
        pass


def tree_of(repository: Path) -> str:
    """A new tree, which no disk that is full has room for."""
    blob = git(repository, "hash-object", "-w", "--stdin", stdin=os.urandom(200_000))
    return git(repository, "mktree", stdin=f"100644 blob {blob}\tbig\n".encode())


def publish(disk: Path, origin: Path, where: str) -> None:
    """Take a change, commit it and push it, with a disk that is full at each step."""
    server = (disk if where == "server" else origin.parent) / f"{where}-origin.git"
    git(origin.parent, "clone", "-q", "--bare", str(origin), str(server))
    pauses: list[float] = []
    mirror = Mirror(
        (origin.parent if where == "server" else disk) / "mirrors" / f"{where}.git",
        str(server),
        recovery=Recovery(pauses=(1.0,), sleep=pauses.append),
    )
    head = mirror.fetch(("main",), "")["main"]
    tree = tree_of(origin)
    pack = pack_of(origin, tree, head)

    def commit() -> str:
        return mirror.commit(tree, head, "Ours\n", author=BOT, when=1.0)

    def push() -> None:
        mirror.push(commit_id, "dayhand/1-x", "", instead_of="")

    if where == "worker":
        filler = fill(disk)
        fails(lambda: receive(mirror, pack), DiskFull)
        assert list((mirror.path / "incoming").iterdir()) == []
        git(
            server, "update-ref", "refs/heads/more", git(server, "commit-tree", tree_of(server), "-m", "More")
        )
        fails(lambda: mirror.fetch(("more",), ""), DiskFull)
        assert pauses == [], "a second attempt would find no more room"
        filler.unlink()
    receive(mirror, pack)
    if where == "worker":
        filler = fill(disk)
        fails(commit, DiskFull)
        filler.unlink()
    commit_id = commit()
    filler = fill(disk)
    if where == "server":
        fails(push, HubUnavailable)
        filler.unlink()
    push()  # our own disk needs no room for it
    filler.unlink(missing_ok=True)
    assert git(server, "rev-parse", "dayhand/1-x") == commit_id
    assert (git(server, "fsck", "--no-dangling"), git(mirror.path, "fsck", "--no-dangling")) == ("", "")


def test_a_change_waits_for_room_and_is_pushed_once_there_is_some(origin: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    bwrap = next(find_bwraps(tmp_path / "tools"))
    inside = (
        "from tests.checkout.test_full_disk import *\n"
        f"for where in ('worker', 'server'): publish(Path({str(disk)!r}), Path({str(origin)!r}), where)"
    )
    words = [str(bwrap), "--dev-bind", "/", "/", "--size", str(SMALL_DISK), "--tmpfs", str(disk)]
    done = subprocess.run([*words, sys.executable, "-c", inside], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
