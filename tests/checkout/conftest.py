"""A real repository, and a mirror of it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dayhand.checkout.mirror import Mirror

Write = Callable[[Mapping[str, bytes | str]], str]


def git(folder: Path, *args: str, stdin: bytes = b"") -> str:
    """Run git as a developer would, with a fixed identity."""
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(["git", *identity, *args], cwd=folder, input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``origin.git`` and a mirror of it, of which each test has a copy."""
    folder = tmp_path_factory.mktemp("made")
    work = folder / "work"
    work.mkdir()
    git(work, "init", "-q", "-b", "main", "--template=")
    (work / "README.md").write_text("# Hello\n")
    (work / "app.py").write_text("print('hello')\n")
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "First")
    git(folder, "clone", "-q", "--bare", "--template=", str(work), "origin.git")
    Mirror(folder / "mirrors" / "acme+shop.git", str(folder / "origin.git")).fetch(("main",), token="")
    return folder


@pytest.fixture
def origin(tmp_path: Path, made: Path) -> Path:
    """A repository with one commit on ``main``, as a server holds it (bare)."""
    return Path(shutil.copytree(made / "origin.git", tmp_path / "origin.git"))


@pytest.fixture
def mirror(origin: Path, tmp_path: Path, made: Path) -> Mirror:
    shutil.copytree(made / "mirrors", tmp_path / "mirrors")
    return Mirror(tmp_path / "mirrors" / "acme+shop.git", str(origin))


@pytest.fixture
def head(origin: Path) -> str:
    return git(origin, "rev-parse", "main")


@pytest.fixture
def write_tree(origin: Path, head: str) -> Write:
    """A function that writes a tree on top of ``main`` in the origin, and returns its id."""

    def write(files: Mapping[str, bytes | str]) -> str:
        for path, content in files.items():
            raw = content.encode() if isinstance(content, str) else content
            blob = git(origin, "hash-object", "-w", "--stdin", stdin=raw)
            git(origin, "read-tree", head) if not (origin / "index").exists() else None
            git(origin, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
        tree = git(origin, "write-tree")
        (origin / "index").unlink()
        return tree

    return write


def store(mirror: Mirror, pack: bytes) -> None:
    """Take a pack into the mirror without a check of the trees in it."""
    with mirror.receive(pack):
        pass


def pack_of(origin: Path, tree: str, head: str) -> bytes:
    """The thin pack that adds ``tree`` to a repository that has ``head``."""
    commit = git(origin, "commit-tree", tree, "-p", head, "-m", "x")
    done = subprocess.run(
        ["git", "pack-objects", "--revs", "--thin", "--stdout", "-q"],
        cwd=origin,
        input=f"{commit}\n^{head}\n".encode(),
        capture_output=True,
        check=True,
    )
    return done.stdout
