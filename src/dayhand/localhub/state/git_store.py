"""A bare git repository, read and written by git's plumbing commands."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ZERO = "0" * 40
MAX_OUTPUTS = 1000  # that are kept
# These repositories are thrown away soon: git need not protect them from a power cut, nor tidy them. Their only alternate
# is their own folder of objects, while a push is in quarantine: no program needs to list the refs of that once more.
CONFIG = """\
[core]
\tfsync = none
\talternateRefsCommand = true
[gc]
\tauto = 0
[receive]
\tautogc = false
[fastimport]
\tunpackLimit = 1
[uploadpack]
\tallowFilter = true
"""
_ID = re.compile("[0-9a-f]{40}")
_COMMIT = "--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%B"
_FIELDS = 7
_PLAIN = ("--no-color", "--no-ext-diff", "--no-textconv")


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
        self._once = lru_cache(MAX_OUTPUTS)(self.git)
        self._commits: dict[str, Commit] = {}

    def create(self, branch: str) -> None:
        self.path.mkdir(parents=True)
        self.git("init", "-q", "--bare", "--template=", "-b", branch)
        with (self.path / "config").open("a") as config:
            config.write(CONFIG)

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

    def _read(self, *args: str, of: tuple[str, ...]) -> str:
        """The output of a command that depends on these revisions alone. It runs once for commits, which never change."""
        return self._once(*args) if all(map(_ID.fullmatch, of)) else self.git(*args)

    def commit_files(
        self, files: Mapping[str, bytes], branch: str, message: str, *, author: tuple[str, str]
    ) -> str:
        """Add one commit to ``branch`` that adds or changes ``files``; returns its SHA."""
        name, email = author
        parent = self.branches().get(branch)
        parts = [f"commit refs/heads/{branch}\nmark :1\ncommitter {name} <{email}> now\n".encode()]
        parts += [_data(message.encode()), f"from {parent}\n".encode() if parent else b""]
        for path, content in files.items():
            mode = "100755" if content.startswith(b"#!") else "100644"
            parts += [f"M {mode} inline {_quoted(path)}\n".encode(), _data(content)]
        stream = b"".join([*parts, b"get-mark :1\n"])
        return self.git("fast-import", "--quiet", "--date-format=now", stdin=stream).strip()

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
        """The commits of the branches, read as git keeps them: a file for each, or a line in ``packed-refs``."""
        heads, found = self.path / "refs/heads", {}
        for folder, _, names in os.walk(heads):
            for path in (Path(folder, name) for name in names if not name.endswith(".lock")):
                with suppress(FileNotFoundError):  # it was deleted meanwhile
                    found[str(path.relative_to(heads))] = path.read_text().strip()
        with suppress(FileNotFoundError):
            for line in (self.path / "packed-refs").read_text().splitlines():
                sha, _, name = line.partition(" refs/heads/")
                if name:
                    found.setdefault(name, sha)
        return dict(sorted(found.items()))

    def has(self, sha: str) -> bool:
        try:
            return self.commit(sha).sha == sha
        except (subprocess.CalledProcessError, ValueError):
            return False

    def commit(self, sha: str) -> Commit:
        if sha not in self._commits:
            (commit,) = self._log("--no-walk", sha, of=(sha,))
            return commit
        return self._commits[sha]

    def history(self, sha: str) -> list[Commit]:
        """A commit and all before it, oldest first."""
        return self._log("--reverse", sha, of=(sha,))

    def between(self, base: str, head: str) -> list[Commit]:
        """The commits that are in ``head`` but not in ``base``, oldest first."""
        return self._log("--reverse", f"{base}..{head}", of=(base, head))

    def _log(self, *which: str, of: tuple[str, ...]) -> list[Commit]:
        values = iter(self._read("log", "-z", _COMMIT, *which, of=of).split("\0")[:-1])
        commits = []
        for sha, tree, parents, author, email, date, message in zip(*[values] * _FIELDS, strict=True):
            self._commits[sha] = Commit(
                sha, tree, tuple(parents.split()), author, email, date, message.rstrip("\n")
            )
            commits.append(self._commits[sha])
        return commits

    def merge_base(self, one: str, two: str) -> str:
        """The last commit of both; ``one`` if there is none."""
        last = two
        while (known := self._commits.get(last)) and len(known.parents) == 1 and last != one:
            (last,) = known.parents
        if last == one:  # along a straight line of commits that were read before
            return one
        try:
            return self._read("merge-base", one, two, of=(one, two)).strip()
        except subprocess.CalledProcessError:
            return one

    def diff(self, base: str, head: str) -> str:
        start = self.merge_base(base, head)
        return self._read("diff", *_PLAIN, start, head, of=(start, head))

    def commit_diff(self, commit: Commit) -> str:
        """The diff of a commit against its first parent."""
        options = ("-p", "--root", "--no-commit-id", "-m", "--first-parent", *_PLAIN)
        return self._read("diff-tree", *options, commit.sha, of=(commit.sha,))

    def paths(self, sha: str) -> list[str]:
        return self._read("ls-tree", "-r", "-z", "--name-only", sha, of=(sha,)).split("\0")[:-1]

    def name_status(self, base: str, head: str) -> list[tuple[str, str]]:
        """(status, path) for each file that differs."""
        return [(status, path) for status, path, _, _ in self._changes(base, head)]

    def diff_stat(self, base: str, head: str) -> list[tuple[str, str, int, int]]:
        """(status, path, additions, deletions) for each file that a head changes since its merge base."""
        return self._changes(self.merge_base(base, head), head)

    def _changes(self, base: str, head: str) -> list[tuple[str, str, int, int]]:
        out = self._read("diff", "--raw", "--numstat", "--no-renames", "-z", base, head, of=(base, head))
        states, rows = dict[str, str](), []
        parts = iter(out.split("\0")[:-1])
        for part in parts:  # first all lines that begin with a colon, then those with the numbers
            if part.startswith(":"):
                states[next(parts)] = part[-1]
            else:
                plus, minus, path = part.split("\t", 2)
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
            return self._read("cat-file", "blob", f"{sha}:{path}", of=(sha,))
        except subprocess.CalledProcessError:
            return None


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
