"""A repository on this machine: where ``dayhand run`` starts from, and where its branch ends up.

The work happens in an exchange: a bare repository of its own that borrows the other's objects. So a detached HEAD, a
shallow history and uncommitted changes are a branch like any other, and nothing is written into the repository before
there is a result.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from dayhand.checkout.git import REACHES_SERVERS, BareGit
from dayhand.checkout.process import never_cancelled
from dayhand.errors import CheckoutError
from dayhand.startup.records import dataclass

BASE = "base"  # the branch in the exchange if the repository's has no name that we can use
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,200}")
IDENTITY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Dayhand"), ("EMAIL", "dayhand@localhost"))
}
MAKE_ONE = "Make it one (git init, git commit), or give the path of another."


@dataclass(frozen=True, slots=True)
class LocalRepository:
    """One repository, with a work tree or bare."""

    top: Path  # its work tree, or the bare repository itself
    git_dir: Path
    work_tree: bool
    head: str  # the commit
    branch: str  # "" if HEAD is detached
    shallow: bool
    objects: Path  # the folder of its objects, which a worktree shares with its repository

    @property
    def git(self) -> BareGit:
        return BareGit(self.git_dir, REACHES_SERVERS)  # it may be a partial clone

    def uncommitted(self, *, check: Callable[[], None] = never_cancelled) -> int:
        """How many files differ from HEAD, or are new and not ignored. ``check`` raises to cancel it."""
        if not self.work_tree:
            return 0
        git = BareGit(self.git_dir, REACHES_SERVERS, check=check)
        out = git.run(*self._tree_options(), "status", "--porcelain", "-z", "--untracked-files=all")
        return sum(1 for entry in out.split(b"\0") if re.match(rb"[ MADRCUT?!]{2} ", entry))

    def has_branch(self, name: str) -> bool:
        status, _, _ = self.git.attempt("rev-parse", "-q", "--verify", f"refs/heads/{name}")
        return status == 0

    def check_new_branch(self, name: str) -> None:
        """Raise ``CheckoutError`` if a branch cannot be made under this name."""
        status, _, _ = self.git.attempt("check-ref-format", f"refs/heads/{name}")
        if status != 0 or name.startswith("-"):
            raise CheckoutError(
                f"“{name}” is not a branch name that git accepts.", advice="Choose another one."
            )
        if self.has_branch(name):
            raise CheckoutError(
                f"There is a branch {name} already.", advice="Choose another name for --branch."
            )

    def open_exchange(
        self, path: Path, *, dirty: bool, check: Callable[[], None] = never_cancelled
    ) -> Exchange:
        """Make the exchange at ``path``; with ``dirty`` it starts from the uncommitted changes too. ``check`` may raise."""
        git = BareGit(path, REACHES_SERVERS, check=check)
        git.run("init", "-q", "--bare", str(path))
        quoted = str(self.objects).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        (path / "objects/info/alternates").write_text(
            f'"{quoted}"\n', encoding="utf-8", errors="surrogateescape"
        )
        start = self.head
        if self.shallow:  # commits whose parents are missing cannot be fetched from here
            tree = git.run("rev-parse", f"{self.head}^{{tree}}").decode().strip()
            start = _commit(git, tree, parents=(), message="Start of a shallow history")
        if dirty:
            tree = self._snapshot(path, check)
            start = _commit(git, tree, parents=(start,), message="Uncommitted changes")
        branch = self.branch if PLAIN_NAME.fullmatch(self.branch) and ".." not in self.branch else BASE
        git.run("update-ref", f"refs/heads/{branch}", start)
        return Exchange(self, path, branch, start)

    def _snapshot(self, exchange: Path, check: Callable[[], None]) -> str:
        """The tree of the work tree as it is. Its new objects go to the exchange."""
        index = exchange / "snapshot-index"
        own = self.git_dir / "index"
        if own.exists():
            index.write_bytes(own.read_bytes())
        env = {"GIT_INDEX_FILE": str(index), "GIT_OBJECT_DIRECTORY": str(exchange / "objects")}
        git = BareGit(self.git_dir, REACHES_SERVERS | env, check=check)
        git.run(*self._tree_options(), "add", "-A")
        return git.run("write-tree").decode().strip()

    def _tree_options(self) -> tuple[str, ...]:
        ignored = f"core.excludesFile={_users_ignore_file()}"
        return ("-C", str(self.top), f"--work-tree={self.top}", "-c", "core.bare=false", "-c", ignored)


@dataclass(frozen=True, slots=True)
class Exchange:
    """Where a run fetches from and pushes to."""

    repository: LocalRepository
    path: Path
    branch: str  # that the work starts from
    start: str  # its commit

    def results(self) -> tuple[str, ...]:
        """The branches that the run pushed."""
        out = BareGit(self.path).run("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/dayhand/")
        return tuple(out.decode().split())

    def deliver(self, branch: str, name: str) -> str:
        """Bring a branch into the repository under ``name``; return its commit. Raises ``CheckoutError``."""
        git = self.repository.git
        ref = f"refs/heads/{branch}"
        git.run(
            "fetch", "-q", "--no-tags", "--no-write-fetch-head", str(self.path), f"{ref}:refs/dayhand/{name}"
        )
        commit = git.run("rev-parse", f"refs/dayhand/{name}").decode().strip()
        git.run("update-ref", "-d", f"refs/dayhand/{name}")
        if self.repository.shallow:
            commit = self._onto_head(git, commit)
        git.run("update-ref", f"refs/heads/{name}", commit, "0" * 40)
        return commit

    def _onto_head(self, git: BareGit, commit: str) -> str:
        """The same commits on the repository's own HEAD, in place of the start of a shallow history."""
        out = git.run("rev-list", "--reverse", "--first-parent", commit).decode().split()
        parent = self.repository.head
        for one in out[1:]:  # the first is that start
            message = git.run("show", "-s", "--format=%B", one).decode("utf-8", "replace")
            parent = _commit(git, f"{one}^{{tree}}", parents=(parent,), message=message)
        return parent


def find_repository(path: Path) -> LocalRepository:
    """The repository that ``path`` is in. Raises ``CheckoutError`` where there is none, or none with a commit."""
    top = path.expanduser().resolve()
    if not top.is_dir():
        raise CheckoutError(f"{top} is not a folder.", advice="Give the path of a git repository.")
    for folder in (top, *top.parents):
        if (folder / ".git").exists():
            return _read(folder, _git_dir(folder), work_tree=True)
        if (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir():
            return _read(folder, folder, work_tree=False)
    raise CheckoutError(f"{top} is not a git repository.", advice=MAKE_ONE)


def _users_ignore_file() -> str:
    """Where this user lists what git ignores in every repository. Nothing else of the user's configuration is used.

    Source: https://git-scm.com/docs/gitignore
    """
    own = {name: value for name, value in os.environ.items() if name not in ("GIT_DIR", "GIT_WORK_TREE")}
    command = ["git", "config", "--type=path", "--get", "core.excludesFile"]
    found = subprocess.run(
        command, cwd="/", env=own, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111 - never raises
    return os.fsdecode(found.stdout).rstrip("\n") or f"{folder}/git/ignore"


def _git_dir(folder: Path) -> Path:
    """``.git`` itself, or the folder that a worktree's or submodule's file of this name points to."""
    link = folder / ".git"
    if link.is_dir():
        return link
    text = link.read_text(encoding="utf-8", errors="surrogateescape").strip()
    return (folder / text.removeprefix("gitdir:").strip()).resolve()


def _read(top: Path, git_dir: Path, *, work_tree: bool) -> LocalRepository:
    """Everything that git is asked about a repository, in one command."""
    asked = ("--is-shallow-repository", "HEAD^{commit}", "--symbolic-full-name", "HEAD")
    status, out, error = BareGit(git_dir).attempt("rev-parse", *asked, "--git-path", "objects")
    if status != 0:
        if "fatal: not a git repository" in error:
            raise CheckoutError(f"{top} is not a git repository.", advice=MAKE_ONE)
        raise CheckoutError(
            f"{top} is a git repository without a commit.", advice="Make a first commit (git commit)."
        )
    shallow, head, ref, objects = out.split(b"\n", 3)
    name = ref.decode("utf-8", "replace")
    return LocalRepository(
        top,
        git_dir,
        work_tree,
        head.decode(),
        "" if name == "HEAD" else name.removeprefix("refs/heads/"),
        shallow == b"true",
        git_dir / os.fsdecode(objects.removesuffix(b"\n")),  # an absolute path stays what it is
    )


def _commit(git: BareGit, tree: str, *, parents: tuple[str, ...], message: str) -> str:
    named = [word for parent in parents for word in ("-p", parent)]
    return git.run("commit-tree", tree, *named, stdin=message.encode(), env=IDENTITY).decode().strip()
