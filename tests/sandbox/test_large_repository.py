"""A large repository is checked out once: boxes over that read and write what differs, and git looks at what changed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dayhand.checkout.external.external import External
from dayhand.checkout.external.lfs import LfsFile
from dayhand.checkout.external.submodules import Submodule
from dayhand.checkout.mirror import Mirror
from dayhand.environment.base import Environment
from dayhand.environment.setup.large_checkout import BaseTree, base_tree_snapshot, with_base_tree
from dayhand.sandbox import clone, worktree
from dayhand.sandbox.base import Box, Egress, Sandbox, Snapshot
from tests.sandbox.test_clone import git

FILES = (*(f"d/{number}" for number in range(40)), "e/1", "e/2")
# What a task's change does, and the files that are then written.
CHANGE = (
    "echo 2 > d/1; git mv d/3 d/x; rm d/2; mkdir d/2; echo x > d/2/y; echo x > left.txt; echo other > .gitignore",
    {"d/1", "d/x", "d/2/y", "left.txt", ".gitignore"},
)
LINE_ENDS = ("echo '* text eol=crlf' > .gitattributes", {".gitattributes", ".gitignore", *FILES})
SHOW = """
git status --porcelain --ignored; git log --format=%H; git for-each-ref; git symbolic-ref HEAD; git ls-files -s; git fsck --no-dangling
find . -path ./.git -prune -o -type f -print | sort | xargs sha256sum
"""
STATS = "find . -path ./.git -prune -o -type f -printf '%P %i %C@\\n'"
UNCHANGED = """
git diff-files; git --git-dir=.git/exact --work-tree=. diff-files
find . -path ./.git -prune -o -type f -newer .git/index -print -o -type f -newer .git/exact/index -print
"""


# Git cannot look at all files without an index of them.
HIDE_INDEX = "for each in .git .git/exact; do mv $each/index $each/hidden; echo broken > $each/index; done"
SHOW_INDEX = "for each in .git .git/exact; do mv -f $each/hidden $each/index; done"

# Commands one after the other, and what differs from the commit after each.
STEPS = {
    "echo new > new; echo 2 > d/1; rm -r e; mkdir e; echo x > e/x": {"new", "d/1", "e/1", "e/2", "e/x"},
    "true": {"new", "d/1", "e/1", "e/2", "e/x"},
    "rm new; echo 1 > d/1; rm -r e; echo x > e": {"e/1", "e/2", "e"},
    "rm e; git checkout -q e; mv e f; printf x > \"$(printf 'caf\\351')\"": {
        "e/1",
        "e/2",
        "f/1",
        "f/2",
        "caf\udce9",
    },
    "rm -rf e f caf*; git checkout -q .; stamp=$(stat -c @%Y d/1); echo 7 > d/1; touch -d $stamp d/1; ln d/2 e/3; "
    "chmod +x e/1; ln -s x d/link": {"d/1", "d/link", "e/1", "e/3"},
    "rm -f d/1 d/link e/3; git checkout -q d e; mkdir -p k/l; echo x > built; ln -s /nowhere built2; mkfifo p": {
        "built2"
    },
    "rm built2; echo x > k/l/x; mv k m; printf 'm/\\nd/4\\nbuilt\\n' > .gitignore; echo x > d/4; rm d/5; mkdir d/5": {
        ".gitignore",
        "d/4",
        "d/5",
    },
    'printf x > "d/a\nb"; printf x > \'d/"q" \\\'; printf x > "d/t\tab"': {
        ".gitignore",
        "d/4",
        "d/5",
        "d/a\nb",
        'd/"q" \\',
        "d/t\tab",
    },
    "rm d/*[abq]* p; rmdir d/5; git checkout -q d .gitignore; echo x > m/l/x; git init -q n; echo x > n/x; "
    "git -C n add x; git -C n -c user.name=A -c user.email=a@localhost commit -qm x": {"m/l/x", "n"},
}
# What git cannot take by its path: it looks at all files.
UNREADABLE = {
    "rm -rf m n; mkdir g; echo x > g/x; chmod 0 g; echo x > d/6": {"d/6"},
    "chmod 700 g; echo x > d/7; chmod 0 d/7": {"d/6", "g/x"},
    "chmod 600 d/7; git init -q d/sub; echo x > d/sub/x": {"d/6", "d/7", "g/x"},
}


class Lines(list[str]):
    """A log."""

    def line(self, kind: str, text: str) -> int:
        self.append(text)
        return len(self)


@dataclass(frozen=True)
class Large:
    """A repository that counts as large, set up."""

    folder: Path
    commit: str
    below: Snapshot  # what set-up left
    environment: Environment

    @property
    def origin(self) -> Snapshot:
        assert self.environment.origin
        return self.environment.origin


@pytest.fixture(scope="module")
def large(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Large]:
    folder = tmp_path_factory.mktemp("large")
    git(folder, "init", "-q", "-b", "main")
    for path in FILES:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(f"{path[2:]}\n")
    (folder / ".gitignore").write_text("built\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "base")
    git(folder, "tag", "v1")
    commit = git(folder, "rev-parse", "main")
    git(folder, "bundle", "create", "-q", "base.bundle", "main", "--tags")
    with sandbox.open(egress=Egress(())) as box:
        left = box.run(
            "echo x > left.txt; echo x > built; echo x > other; mkdir .git; echo bad > .git/config"
        )
        assert left.passed
        below = box.save("large-below")

    def fill(box: Box) -> None:
        clone.check_out(box, folder / "base.bundle", ref="refs/heads/main", commit=commit, branch="main")

    plain, log = Environment("env", below, {}, (), {}, (), (), cached=True, seconds=0.0), Lines()
    first, again = (with_base_tree(plain, sandbox, BaseTree(commit, "", fill), log=log) for _ in range(2))
    assert (first, len(log)) == (again, 1), "it is checked out once"
    large = Large(folder, commit, below, first)
    yield large
    sandbox.delete_snapshots([below.key])
    assert sandbox.find_snapshot(large.origin.key) is None, "a layer is deleted with what is below it"


def read_stats(box: Box) -> dict[str, str]:
    """The number and the time of the last change of each file."""
    lines = box.check_output(["/bin/sh", "-c", STATS], max_bytes=10_000).decode().splitlines()
    return {path: rest for path, _, rest in (line.partition(" ") for line in lines)}


def test_git_knows_all_files_of_a_box_over_a_commit_and_reads_none_again(
    sandbox: Sandbox, large: Large
) -> None:
    with sandbox.open(origin=large.origin) as box:
        assert box.checked_out == large.commit
        assert worktree.track(box) == (
            large.commit,
            git(large.folder, "rev-parse", f"{large.commit}^{{tree}}"),
        )
        assert box.run(UNCHANGED).text() == ""


def test_a_box_over_a_commit_writes_only_what_differs(sandbox: Sandbox, large: Large) -> None:
    """Compared with a box that gets everything, and by the numbers and times of the files."""
    with sandbox.open(origin=large.origin) as box:
        before = read_stats(box)
    changes = [CHANGE, LINE_ENDS] if sandbox.name == "bubblewrap" else [CHANGE]  # git is the same in both
    for command, written in changes:
        subprocess.run(command, shell=True, check=True, cwd=large.folder)
        git(large.folder, "add", "-A", "--", ".", ":!*.bundle")
        git(large.folder, "commit", "-q", "-m", "change")
        commit = git(large.folder, "rev-parse", "main")
        git(large.folder, "bundle", "create", "-q", "head.bundle", "main", "--tags")
        git(large.folder, "reset", "-q", "--hard", large.commit)
        with sandbox.open(origin=large.below) as box:
            clone.check_out(
                box, large.folder / "head.bundle", ref="refs/heads/main", commit=commit, branch="main"
            )
            expected = box.run(SHOW).text()
        with sandbox.open(origin=large.origin) as box:
            revisions = f"{commit}\n^{large.commit}\n".encode()
            words = ["git", "pack-objects", "--revs", "--thin", "--stdout", "-q"]
            pack = subprocess.run(
                words, cwd=large.folder, check=True, capture_output=True, input=revisions
            ).stdout
            clone.move(box, pack, commit=commit, since=large.commit)
            after = read_stats(box)
            assert {path for path in after if after[path] != before.get(path)} == written
            assert box.run(SHOW).text() == expected.replace(
                f"{commit} commit\trefs/dayhand", f"{large.commit} commit\trefs/dayhand"
            )


def test_what_changed_in_a_box_over_a_commit_is_found_without_a_look_at_all_files(
    sandbox: Sandbox, large: Large
) -> None:
    knows = sandbox.name == "bubblewrap"  # what changes in a box
    with sandbox.open(origin=large.origin) as box:
        worktree.track(box)
        for command, changed in (STEPS | UNREADABLE).items():
            hides = knows and command in STEPS
            done = box.run(f"{{ {command}\n}} && {{ {HIDE_INDEX}; }}" if hides else command)
            assert done.passed, done.text()
            found = {one.path for one in worktree.list_changed_bytes(box, large.commit).found}
            assert found == changed, command
            if hides:
                box.run(SHOW_INDEX)


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
        base_tree_snapshot(plain, sandbox, commit=commit, content=one.identity).key
        for commit in "cd"
        for one in contents
    ]
    assert len(set(keys)) == len(keys)
