"""Exporting the work tree."""

from __future__ import annotations

from pathlib import Path

from dayhand.sandbox import clone, worktree
from dayhand.sandbox.base import Sandbox
from tests.sandbox.test_clone import git

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
        clone.check_out(box, tmp_path / "one.bundle", ref="refs/heads/main", commit=commit, branch="main")
        assert worktree.track(box) == (commit, tree)
        result = box.run(WITHIN_ONE_SECOND)
        assert result.passed, result.text()
        assert [found.path for found in worktree.list_changes(box, commit).found] == ["rate.py"]
