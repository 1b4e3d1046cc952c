"""Checking out, exporting and restoring the work tree."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dayhand.sandbox import worktree
from dayhand.sandbox.base import Sandbox

# As if all of it happened within one second, long ago. core.trustctime leaves out the time that cannot be set.
WITHIN_ONE_SECOND = """
set -e
export GIT_DIR=.git/exact GIT_WORK_TREE=. GIT_OBJECT_DIRECTORY=.git/objects
git config core.trustctime false
touch -d '2020-01-01 00:00:00' rate.py
git update-index -q --refresh
printf 'RATE = 2\\n' > rate.py
touch -d '2020-01-01 00:00:00' rate.py .git/exact/index
"""


# What set-up and hostile code leave before a repository is checked out.
LEFT_BEHIND = {
    "a cache and a hook": "mkdir -p .git/dayhand-build-cache .git/hooks && echo kept > .git/dayhand-build-cache/a "
    "&& printf '#!/bin/sh\\necho hooked > hooked\\n' > .git/hooks/post-checkout && chmod +x .git/hooks/post-checkout",
    "a link": "mkdir -p elsewhere/dayhand-build-cache && echo kept > elsewhere/config && ln -s elsewhere .git",
    "a file": "echo 'gitdir: elsewhere' > .git",
}


def git(folder: Path, *args: str) -> str:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    process = subprocess.run(
        ["git", *identity, *args], cwd=folder, capture_output=True, check=True, text=True
    )
    return process.stdout.strip()


def test_a_change_of_the_same_size_in_the_second_of_the_checkout_is_exported(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "rate.py").write_text("RATE = 1\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "one")
    git(tmp_path, "bundle", "create", "-q", "one.bundle", "main")
    commit, tree = git(tmp_path, "rev-parse", "main", "main^{tree}").split()
    with sandbox.open() as box:
        worktree.check_out(box, tmp_path / "one.bundle", ref="refs/heads/main", commit=commit, branch="main")
        assert worktree.track(box) == (commit, tree)
        result = box.run(WITHIN_ONE_SECOND)
        assert result.passed, result.text()
        assert [found.path for found in worktree.list_changes(box, commit).found] == ["rate.py"]


@pytest.mark.parametrize("left", LEFT_BEHIND.values(), ids=LEFT_BEHIND)
def test_of_what_was_there_before_a_checkout_git_finds_nothing_and_the_build_cache_stays(
    sandbox: Sandbox, tmp_path: Path, left: str
) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "one")
    git(tmp_path, "bundle", "create", "-q", "one.bundle", "main")
    commit = git(tmp_path, "rev-parse", "main")
    with sandbox.open() as box:
        assert box.run(left).passed
        worktree.check_out(box, tmp_path / "one.bundle", ref="refs/heads/main", commit=commit, branch="main")
        found = box.run("test ! -L .git && ls .git .git/dayhand-build-cache; ls -d hooked; git fsck")
        names = found.text().split()
        assert {"hooks", "hooked"}.isdisjoint(names), found.text()
        assert ("dayhand-build-cache" in names) == ("dayhand-build-cache .git/hooks" in left)
        assert "config" in names
