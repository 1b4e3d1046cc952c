"""A bare git repository, read and written by git's plumbing commands."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ZERO = "0" * 40


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: str
    email: str
    date: str  # ISO 8601
    message: str


class GitStore:
    """One bare repository."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self, branch: str) -> None:
        self.path.mkdir(parents=True)
        self.git("init", "-q", "--bare", "-b", branch)
        for name, value in {"http.receivepack": "true", "uploadpack.allowFilter": "true"}.items():
            self.git("config", name, value)

    def git(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """Run git in the repository and return its output. Raises ``subprocess.CalledProcessError``."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        isolated = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
        done = subprocess.run(
            ["git", *args],
            cwd=self.path,
            input=stdin,
            capture_output=True,
            check=True,
            env={**inherited, **isolated, **(env or {})},
        )
        return done.stdout.decode("utf-8", "replace")

    def commit_files(
        self, files: Mapping[str, bytes], branch: str, message: str, *, author: tuple[str, str]
    ) -> str:
        """Add one commit to ``branch`` that adds or changes ``files``; returns its SHA."""
        index = {"GIT_INDEX_FILE": str(self.path / "seed.index")}
        parent = self.branches().get(branch)
        if parent:
            self.git("read-tree", parent, env=index)
        for path, content in files.items():
            blob = self.git("hash-object", "-w", "--stdin", stdin=content).strip()
            mode = "100755" if content.startswith(b"#!") else "100644"
            self.git("update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}", env=index)
        tree = self.git("write-tree", env=index).strip()
        (self.path / "seed.index").unlink()
        sha = self.commit_tree(tree, (parent,) if parent else (), message, author=author)
        self.git("update-ref", f"refs/heads/{branch}", sha)
        return sha

    def commit_tree(
        self, tree: str, parents: tuple[str, ...], message: str, *, author: tuple[str, str]
    ) -> str:
        name, email = author
        env = {
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": email,
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": email,
        }
        options = [option for parent in parents for option in ("-p", parent)]
        return self.git("commit-tree", tree, *options, stdin=message.encode(), env=env).strip()

    def branches(self) -> dict[str, str]:
        out = self.git("for-each-ref", "--format=%(refname:lstrip=2)%00%(objectname)", "refs/heads")
        return dict(line.split("\0", 1) for line in out.splitlines())

    def has(self, sha: str) -> bool:
        try:
            return self.git("cat-file", "-t", f"{sha}^{{commit}}").strip() == "commit"
        except subprocess.CalledProcessError:
            return False

    def commit(self, sha: str) -> Commit:
        out = self.git("show", "-s", "--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%B", sha)
        full, tree, parents, author, email, date, message = out.split("\0", 6)
        return Commit(full, tree, tuple(parents.split()), author, email, date, message.rstrip("\n"))

    def between(self, base: str, head: str) -> list[Commit]:
        """The commits that are in ``head`` but not in ``base``, oldest first."""
        return [self.commit(sha) for sha in self.git("rev-list", "--reverse", f"{base}..{head}").split()]

    def merge_base(self, one: str, two: str) -> str:
        try:
            return self.git("merge-base", one, two).strip()
        except subprocess.CalledProcessError:
            return one

    def diff(self, base: str, head: str) -> str:
        return self.git(
            "diff", "--no-color", "--no-ext-diff", "--no-textconv", self.merge_base(base, head), head
        )

    def commit_diff(self, commit: Commit) -> str:
        """The diff of a commit against its first parent."""
        options = ("--no-color", "--no-ext-diff", "--no-textconv")
        return self.git(
            "diff-tree", "-p", "--root", "--no-commit-id", "-m", "--first-parent", *options, commit.sha
        )

    def paths(self, sha: str) -> list[str]:
        return self.git("ls-tree", "-r", "-z", "--name-only", sha).split("\0")[:-1]

    def diff_stat(self, base: str, head: str) -> list[tuple[str, str, int, int]]:
        """(status, path, additions, deletions) for each changed file."""
        start = self.merge_base(base, head)
        named = self.git("diff", "--name-status", "--no-renames", "-z", start, head).split("\0")[:-1]
        states = dict(zip(named[1::2], named[::2], strict=True))
        rows = []
        for line in self.git("diff", "--numstat", "--no-renames", "-z", start, head).split("\0")[:-1]:
            plus, minus, path = line.split("\t", 2)
            rows.append(
                (states[path], path, int(plus) if plus != "-" else 0, int(minus) if minus != "-" else 0)
            )
        return rows

    def merge(self, base: str, head: str, message: str, *, author: tuple[str, str]) -> str | None:
        """Merge ``head`` into the branch ``base``; returns the merge commit's SHA, or None if they conflict."""
        target = self.branches()[base]
        try:
            tree = self.git("merge-tree", "--write-tree", target, head).split("\n", 1)[0]
        except subprocess.CalledProcessError:
            return None
        sha = self.commit_tree(tree, (target, head), message, author=author)
        self.git("update-ref", f"refs/heads/{base}", sha, target)
        return sha

    def text(self, sha: str, path: str) -> str | None:
        """A file's text at a commit; None if it does not exist."""
        try:
            return self.git("cat-file", "blob", f"{sha}:{path}")
        except subprocess.CalledProcessError:
            return None
