"""A local GitHub's repository: what git would say, with few processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from dayhand.localhub.state.git_store import GitStore

ADA = ("Ada", "ada@example.org")
PATHS = ['with "quotes"', "back\\slash", "two\nlines", "ünicode", " spaces ", "deep/er/still"]


@pytest.fixture
def store(tmp_path: Path) -> GitStore:
    made = GitStore(tmp_path / "a.git")
    made.create("main")
    return made


def test_a_file_may_have_any_name_and_is_executable_if_it_names_its_interpreter(store: GitStore) -> None:
    files = {**dict.fromkeys(PATHS, b"a\0b"), "empty": b"", "run.sh": b"#!/bin/sh\n"}
    head = store.commit_files(files, "main", "First\n\nWith a body.", author=ADA)
    assert sorted(store.paths(head)) == sorted(files)
    assert {path: store.text(head, path) for path in files} == {
        path: content.decode() for path, content in files.items()
    }
    modes = {line.split()[0] for line in store.git("ls-tree", "-r", head).splitlines() if "run.sh" in line}
    assert modes == {"100755"}
    commit = store.commit(head)
    assert (commit.message, commit.author, commit.email, commit.parents) == (
        "First\n\nWith a body.",
        *ADA,
        (),
    )


def test_a_later_commit_keeps_the_other_files(store: GitStore) -> None:
    first = store.commit_files({"a": b"1", "b": b"1"}, "main", "First", author=ADA)
    second = store.commit_files({"b": b"2"}, "main", "Second", author=ADA)
    assert [each.sha for each in store.history("main")] == [first, second]
    assert [each.message for each in store.between(first, "main")] == ["Second"]
    assert store.name_status(first, second) == [("M", "b")]
    assert store.text("main", "a") == "1"


@pytest.mark.parametrize("packed", [False, True])
def test_the_branches_are_those_that_git_lists(store: GitStore, *, packed: bool) -> None:
    head = store.commit_files({"a": b"1"}, "main", "First", author=ADA)
    store.git("update-ref", "refs/heads/deep/er", head)
    store.git("update-ref", "refs/tags/v1", head)
    if packed:
        store.git("pack-refs", "--all")
        newer = store.commit_files({"a": b"2"}, "main", "Second", author=ADA)
        assert store.branches() == {"deep/er": head, "main": newer}
    (store.path / "refs/heads/main.lock").touch()  # git is about to write it
    listed = store.git("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads")
    assert store.branches() == dict(line.split() for line in listed.splitlines())
    assert set(store.branches()) == {"deep/er", "main"}


def test_what_is_read_of_a_branch_is_read_again_when_it_moved(store: GitStore) -> None:
    store.commit_files({"a": b"1"}, "main", "First", author=ADA)
    assert (store.text("main", "a"), len(store.history("main"))) == ("1", 1)
    store.commit_files({"a": b"2"}, "main", "Second", author=ADA)
    assert (store.text("main", "a"), len(store.history("main"))) == ("2", 2)
