"""Repositories of every kind on this machine: where a run starts from, and where its branch ends up."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dayhand.checkout.git import BareGit
from dayhand.checkout.local_repository import IDENTITY, LocalRepository, find_repository
from dayhand.checkout.mirror import Mirror
from dayhand.errors import CheckoutError


def git(folder: Path, *args: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always")
    done = subprocess.run(["git", *identity, *args], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def made(folder: Path, commits: int = 2) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for number in range(commits):
        (folder / "a.txt").write_text(f"{number}\n")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", f"Commit {number}")
    return folder


def plain(tmp: Path) -> Path:
    return made(tmp / "plain")


def in_subfolder(tmp: Path) -> Path:
    (made(tmp / "plain") / "deep/er").mkdir(parents=True)
    return tmp / "plain/deep/er"


def detached(tmp: Path) -> Path:
    git(made(tmp / "plain"), "checkout", "-q", "--detach")
    return tmp / "plain"


def linked_worktree(tmp: Path) -> Path:
    git(made(tmp / "plain"), "worktree", "add", "-q", "-b", "beside", str(tmp / "linked"))
    return tmp / "linked"


def bare(tmp: Path) -> Path:
    git(tmp, "clone", "-q", "--bare", str(made(tmp / "plain")), "bare.git")
    return tmp / "bare.git"


def shallow(tmp: Path) -> Path:
    git(tmp, "clone", "-q", "--depth=1", f"file://{made(tmp / 'plain')}", "shallow")
    return tmp / "shallow"


def strangely_named(tmp: Path) -> Path:
    return made(tmp / "a b\n\"c\" '家🙂'\\")


def on_a_branch_with_a_strange_name(tmp: Path) -> Path:
    git(made(tmp / "plain"), "checkout", "-q", "-b", "家/🙂")
    return tmp / "plain"


def with_a_submodule(tmp: Path) -> Path:
    folder = made(tmp / "plain")
    git(folder, "submodule", "add", "-q", str(made(tmp / "other")), "sub")
    git(folder, "commit", "-q", "-m", "Submodule")
    return folder


def with_lfs_pointers(tmp: Path) -> Path:
    folder = made(tmp / "plain")
    (folder / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (folder / "x.bin").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "LFS")
    return folder


KINDS: tuple[Callable[[Path], Path], ...] = (
    plain, in_subfolder, detached, linked_worktree, bare, shallow, strangely_named,
    on_a_branch_with_a_strange_name, with_a_submodule, with_lfs_pointers,
)  # fmt: skip


def change(tmp: Path, repository: LocalRepository, *, dirty: bool = False, name: str = "dayhand/x") -> str:
    """Make a change as a run does: fetched from the exchange, pushed to it, delivered. Return its commit."""
    exchange = repository.open_exchange(tmp / f"exchange-{dirty}.git", dirty=dirty)
    mirror = Mirror(tmp / "mirrors" / f"{dirty}.git", str(exchange.path))
    commit = mirror.fetch((exchange.branch,), "")[exchange.branch]
    assert commit == exchange.start
    tree = mirror.with_entries(commit, (mirror.add_file("new.txt", "new\n"),))
    head = BareGit(mirror.path).run("commit-tree", tree, "-p", commit, stdin=b"Change", env=IDENTITY)
    mirror.push(head.decode().strip(), "dayhand/x", "")
    assert exchange.results() == ("dayhand/x",)
    return exchange.deliver("dayhand/x", name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_repository_of_any_kind_gets_the_branch_and_nothing_else(
    tmp_path: Path, kind: Callable[[Path], Path]
) -> None:
    folder = kind(tmp_path)
    before = git(folder, "for-each-ref"), git(folder, "rev-parse", "HEAD")
    repository = find_repository(folder)
    assert repository.uncommitted() == 0
    commit = change(tmp_path, repository)
    assert git(folder, "rev-parse", f"{commit}^", "dayhand/x").splitlines() == [before[1], commit]
    assert git(folder, "diff", "--stat", "--name-only", "HEAD", "dayhand/x") == "new.txt"
    git(folder, "branch", "-D", "dayhand/x")
    assert (git(folder, "for-each-ref"), git(folder, "rev-parse", "HEAD")) == before


def test_uncommitted_changes_are_counted_and_taken_only_if_asked_for(tmp_path: Path) -> None:
    folder = made(tmp_path / "plain")
    (folder / ".gitignore").write_text("*.log\n")
    (folder / "a.txt").write_text("mine\n")
    (folder / "staged.txt").write_text("staged\n")
    git(folder, "add", "staged.txt")
    (folder / "x.log").write_text("ignored\n")
    status = git(folder, "status", "--porcelain")
    repository = find_repository(folder)
    assert repository.uncommitted() == 3
    clean = change(tmp_path, repository)
    dirty = change(tmp_path, repository, dirty=True, name="mine/with changes".replace(" ", "-"))
    assert git(folder, "show", f"{clean}:a.txt") == "1"
    assert git(folder, "show", f"{dirty}:a.txt") == "mine"
    assert git(folder, "log", "--format=%s", dirty).splitlines()[:3] == [
        "Change",
        "Uncommitted changes",
        "Commit 1",
    ]
    assert sorted(git(folder, "ls-tree", "--name-only", dirty).split()) == [".gitignore", "a.txt", "new.txt", "staged.txt"]  # fmt: skip
    assert git(folder, "status", "--porcelain") == status


@pytest.mark.parametrize(
    ("file", "config"),
    [
        ("home/.config/git/ignore", None),
        ("xdg/git/ignore", None),
        ("home/mine 家", "[core]\n\texcludesFile = ~/mine 家\n"),
    ],
)
def test_what_this_user_ignores_everywhere_is_no_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, config: str | None
) -> None:
    folder = made(tmp_path / "plain")
    for name in ("a.txt", "x.swp", "kept.md"):
        (folder / name).write_text("mine\n")
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text("*.swp\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg") if file.startswith("xdg") else "")
    if config:
        (tmp_path / "home/.gitconfig").write_text(config)
    repository = find_repository(folder)
    assert repository.uncommitted() == 2
    dirty = change(tmp_path, repository, dirty=True)
    assert git(folder, "ls-tree", "--name-only", dirty).split() == ["a.txt", "kept.md", "new.txt"]


@pytest.mark.parametrize("name", ["main", "a..b", "-x", "x y", ""])
def test_a_branch_that_cannot_be_made_is_refused_before_the_work(tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckoutError, match=r"There is a branch main already|is not a branch name"):
        find_repository(made(tmp_path / "plain")).check_new_branch(name)


def test_what_is_no_repository_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/.git").write_text("gitdir: /nowhere\n")
    git(tmp_path, "init", "-q", "empty")
    for path, said in (
        (".", "is not a git repository"),
        ("nowhere", "is not a folder"),
        ("file", "is not a folder"),
        ("linked", "is not a git repository"),
        ("empty", "is a git repository without a commit"),
    ):
        with pytest.raises(CheckoutError, match=said) as caught:
            find_repository(tmp_path / path)
        assert caught.value.advice


def test_a_repository_of_twenty_thousand_files_is_read_by_git_alone(tmp_path: Path) -> None:
    folder = made(tmp_path / "plain", 1)
    stream = ["commit refs/heads/main\ncommitter A <a@b> 0 +0000\ndata 3\nbigfrom refs/heads/main^0\n"]
    stream += [f"M 100644 inline d/{n}.txt\ndata 1\nx\n" for n in range(20_000)]
    fast = "".join(stream).replace("bigfrom", "big\nfrom")
    subprocess.run(["git", "fast-import", "--quiet", "--force"], cwd=folder, input=fast.encode(), check=True)
    git(folder, "reset", "-q", "--hard")
    (folder / "d/7.txt").unlink()
    repository = find_repository(folder)
    assert repository.uncommitted() == 1
    assert git(folder, "ls-tree", "-r", "--name-only", change(tmp_path, repository)).count("\n") == 20_001
