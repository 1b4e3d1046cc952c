"""Putting a commit into a box: from a bundle, and by what differs from the commit that its snapshot holds."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dayhand.sandbox import clone
from dayhand.sandbox.base import Sandbox

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


def test_a_checkout_has_the_history_and_its_tags_without_walking_it(sandbox: Sandbox, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "one")
    git(tmp_path, "tag", "v1")
    git(tmp_path, "tag", "-a", "v2/é", "-m", "annotated")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "two")
    git(tmp_path, "bundle", "create", "-q", "one.bundle", "main", "--tags")
    commit = git(tmp_path, "rev-parse", "main")
    with sandbox.open() as box:
        clone.check_out(box, tmp_path / "one.bundle", ref="refs/heads/main", commit=commit, branch="work")
        found = box.run(
            "git for-each-ref --format='%(objectname) %(refname)'; git rev-list --count HEAD; git fsck"
        )
        left = box.run("ls .git").text().split()
    refs = git(tmp_path, "for-each-ref", "--format=%(objectname) %(refname)", "refs/tags").splitlines()
    names = [f"{commit} refs/dayhand/base", f"{commit} refs/heads/work", *refs]
    assert found.text().splitlines()[:5] == [*names, "2"]
    assert {"FETCH_HEAD", "base.refs", "base.bundle"}.isdisjoint(left), "`git fetch` looks at each commit"


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
        clone.check_out(box, tmp_path / "one.bundle", ref="refs/heads/main", commit=commit, branch="main")
        found = box.run("test ! -L .git && ls .git .git/dayhand-build-cache; ls -d hooked; git fsck")
        names = found.text().split()
        assert {"hooks", "hooked"}.isdisjoint(names), found.text()
        assert ("dayhand-build-cache" in names) == ("dayhand-build-cache .git/hooks" in left)
        assert "config" in names


def test_what_set_up_left_in_the_work_tree_is_no_change(sandbox: Sandbox, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "a").write_text("a\n")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-q", "-m", "one")
    git(tmp_path, "bundle", "create", "-q", "one.bundle", "main")
    commit = git(tmp_path, "rev-parse", "main")
    with sandbox.open() as box:
        for left in (
            "> .hidden",
            "> ..odd",
            "ln -s nowhere link",
            "mkdir e.egg-info; > e.egg-info/f",
            "> '[x]*'",
        ):
            assert box.run(f"rm -rf * .[!.]* ..?*; {left}").passed
            clone.check_out(box, tmp_path / "one.bundle", ref="refs/heads/main", commit=commit, branch="main")
            found = box.run("git status --short; ls -A | wc -l; echo b > a; git status --short")
            assert found.text().splitlines() == ["3", " M a"], left
