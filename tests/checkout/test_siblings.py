"""Which files keep two commits from being merged."""

from __future__ import annotations

from pathlib import Path

import pytest

from dayhand.checkout.git import BareGit
from dayhand.checkout.mirror import Mirror
from dayhand.checkout.tree_diff import conflicting_paths
from tests.checkout.conftest import Write, git

ATTRIBUTES = {".gitattributes": "* merge=evil\n", "app.py": "print('one')\n"}
PAIRS: list[tuple[str, dict[str, str], dict[str, str], tuple[str, ...]]] = [
    ("other files", {"a.txt": "a\n"}, {"b.txt": "b\n"}, ()),
    ("the same change", {"app.py": "print('hi')\n"}, {"app.py": "print('hi')\n"}, ()),
    ("the same line", {"app.py": "print('one')\n"}, {"app.py": "print('two')\n"}, ("app.py",)),
    ("the same new file", {"new\n.txt": "one\n"}, {"new\n.txt": "two\n"}, ("new\n.txt",)),
    ("a file and a folder", {"x": "one\n"}, {"x/y": "two\n"}, ("x~",)),
    ("a merge driver", ATTRIBUTES, {"app.py": "print('two')\n"}, ("app.py",)),
]


def commit_of(origin: Path, head: str, tree: str) -> str:
    return git(origin, "commit-tree", tree, "-p", head, "-m", "x")


@pytest.mark.parametrize(("one", "other", "paths"), [row[1:] for row in PAIRS], ids=[row[0] for row in PAIRS])
def test_two_commits_conflict_in(
    origin: Path,
    head: str,
    write_tree: Write,
    one: dict[str, str],
    other: dict[str, str],
    paths: tuple[str, ...],
) -> None:
    commits = [commit_of(origin, head, write_tree(files)) for files in (one, other)]
    found = conflicting_paths(BareGit(origin), *commits)
    assert len(found) == len(paths)
    assert all(name.startswith(start) for name, start in zip(found, paths, strict=True))


def test_the_merge_leaves_nothing_in_the_mirror(
    mirror: Mirror, origin: Path, head: str, write_tree: Write
) -> None:
    for number in range(2):
        commit = commit_of(origin, head, write_tree({"app.py": f"print({number})\n"}))
        git(origin, "update-ref", f"refs/heads/b{number}", commit)
    one, other = mirror.fetch(("b0", "b1"), token="").values()
    before = mirror.git.run("count-objects", "-v")
    with mirror.inspect(b"") as scratch:
        assert conflicting_paths(scratch.git, one, other) == ("app.py",)
    assert mirror.git.run("count-objects", "-v") == before
    assert conflicting_paths(mirror.git, one, "f" * 40) == (), "git cannot tell"
