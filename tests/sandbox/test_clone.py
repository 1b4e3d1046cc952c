"""Putting a commit into a box: from a bundle, and by what differs from the commit that its snapshot holds."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dayhand.checkout.external.external import External
from dayhand.checkout.external.lfs import LfsFile
from dayhand.checkout.external.submodules import Submodule
from dayhand.checkout.mirror import Mirror
from dayhand.environment.base import Environment
from dayhand.environment.setup.work_tree import with_work_tree, work_tree_key
from dayhand.sandbox import clone, worktree
from dayhand.sandbox.base import Box, Egress, Sandbox, Snapshot

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


# What a task's change does, and the files that are then written.
CHANGES = {
    "files change, come, go and become folders, and others are ignored": (
        "echo 2 > d/1; git mv d/3 d/x; rm d/2; mkdir d/2; echo x > d/2/y; echo x > left.txt; echo other > .gitignore",
        {"d/1", "d/x", "d/2/y", "left.txt", ".gitignore"},
    ),
    "line ends of all files": (
        "echo '* text eol=crlf' > .gitattributes",
        {".gitattributes", ".gitignore", *(f"d/{number}" for number in range(40))},
    ),
}
SHOW = """
git status --porcelain --ignored; git log --format=%H; git for-each-ref; git symbolic-ref HEAD; git ls-files -s; git fsck --no-dangling
find . -path ./.git -prune -o -type f -print | sort | xargs sha256sum
"""
STATS = "find . -path ./.git -prune -o -type f -printf '%P %i %C@\\n'"
UNCHANGED = """
git diff-files; git --git-dir=.git/exact --work-tree=. diff-files
find . -path ./.git -prune -o -type f -newer .git/index -print -o -type f -newer .git/exact/index -print
"""


def read_stats(box: Box) -> dict[str, str]:
    """The number and the time of the last change of each file."""
    lines = box.check_output(["/bin/sh", "-c", STATS], max_bytes=10_000).decode().splitlines()
    return {path: rest for path, _, rest in (line.partition(" ") for line in lines)}


def test_a_box_over_a_commit_that_is_checked_out_reads_and_writes_only_what_differs(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Compared with a box that gets everything, and by the numbers and times of the files."""
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "d").mkdir()
    for number in range(40):
        (tmp_path / f"d/{number}").write_text(f"{number}\n")
    (tmp_path / ".gitignore").write_text("built\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "base")
    git(tmp_path, "tag", "v1")
    base = git(tmp_path, "rev-parse", "main")
    git(tmp_path, "bundle", "create", "-q", "base.bundle", "main", "--tags")
    with sandbox.open(egress=Egress(())) as box:
        assert box.run(
            "echo x > left.txt; echo x > built; echo x > other; mkdir .git; echo bad > .git/config"
        ).passed
        snapshot = box.save("tree-test-below")

    def fill(box: Box) -> None:
        clone.check_out(box, tmp_path / "base.bundle", ref="refs/heads/main", commit=base, branch="main")

    plain, log = Environment("env", snapshot, {}, (), {}, (), (), cached=True, seconds=0.0), Lines()
    environments = [with_work_tree(plain, sandbox, fill, commit=base, content="", log=log) for _ in range(2)]
    assert (len({one.origin for one in environments}), len(log)) == (1, 1), "it is checked out once"
    origin = environments[0].origin
    with sandbox.open(origin=origin) as box:
        assert box.checked_out == base
        assert worktree.track(box) == (base, git(tmp_path, "rev-parse", "main^{tree}"))
        assert box.run(UNCHANGED).text() == "", "git would read these files again"
        before = read_stats(box)
    for command, written in CHANGES.values():
        subprocess.run(command, shell=True, check=True, cwd=tmp_path)
        git(tmp_path, "add", "-A", "--", ".", ":!*.bundle")
        git(tmp_path, "commit", "-q", "-m", "change")
        commit = git(tmp_path, "rev-parse", "main")
        git(tmp_path, "bundle", "create", "-q", "head.bundle", "main", "--tags")
        git(tmp_path, "reset", "-q", "--hard", base)
        with sandbox.open(origin=snapshot) as box:
            clone.check_out(
                box, tmp_path / "head.bundle", ref="refs/heads/main", commit=commit, branch="main"
            )
            expected = (
                box.run(SHOW)
                .text()
                .replace(f"{commit} commit\trefs/dayhand/base", f"{base} commit\trefs/dayhand/base")
            )
        with sandbox.open(origin=origin) as box:
            pack = subprocess.run(
                ["git", "pack-objects", "--revs", "--thin", "--stdout", "-q"],
                cwd=tmp_path,
                check=True,
                capture_output=True,
                input=f"{commit}\n^{base}\n".encode(),
            ).stdout
            clone.move(box, pack, commit=commit, since=base)
            after = read_stats(box)
            assert {path for path in after if after[path] != before.get(path)} == written
            assert box.run(SHOW).text() == expected
    sandbox.delete_snapshots([snapshot.key])
    assert origin
    assert sandbox.find_snapshot(origin.key) is None, "it is deleted with what it is a layer over"


def test_what_only_some_may_read_is_in_no_snapshot_that_others_get(sandbox: Sandbox) -> None:
    plain = Environment("env", Snapshot("env-1"), {}, (), {}, (), (), cached=True, seconds=0.0)
    mirror = Mirror(Path("/m.git"), "")
    contents = [
        External(),
        External((Submodule("lib", mirror, "a"),)),
        External((Submodule("lib", mirror, "b"),)),
    ]
    contents += [External(lfs=(LfsFile("x.png", 0o644, Path(f"/lfs/{name}")),)) for name in "ab"]
    keys = [
        work_tree_key(plain, sandbox, commit=commit, content=one.identity)
        for commit in "cd"
        for one in contents
    ]
    assert len(set(keys)) == len(keys)


class Lines(list[str]):
    """A log."""

    def line(self, kind: str, text: str) -> int:
        self.append(text)
        return len(self)
