"""Packs that a hostile sandbox made end in a sentence, under limits, and leave nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dayhand.checkout.commit_files import read_files
from dayhand.checkout.mirror import Mirror
from dayhand.checkout.policy.sort_change import sort_change
from dayhand.checkout.process import HISTORY, LISTING, READ, GitLimits
from dayhand.checkout.tree_diff import changed_paths
from dayhand.errors import CheckoutError
from tests.checkout.conftest import git, store
from tests.checkout.hostile_packs import (
    FILE,
    FOLDER,
    HELLO,
    HOSTILE,
    Object,
    Sent,
    commit,
    folder,
    nested,
    one_file,
    pack,
    trees,
)


def stored(mirror: Mirror) -> list[Path]:
    """Every file of the mirror's objects, and what is in quarantine."""
    return sorted([*(mirror.path / "objects").rglob("*"), *(mirror.path / "incoming").glob("*")])


@pytest.mark.parametrize("form", HOSTILE)
def test_a_hostile_pack_ends_in_a_sentence_and_leaves_nothing(mirror: Mirror, head: str, form: str) -> None:
    make, says = HOSTILE[form]
    sent, before = make(), stored(mirror)
    with pytest.raises(CheckoutError, match=says) as refused, mirror.receive(sent.pack) as checked:
        sort_change(checked, head, checked.entries(mirror.tree(head), sent.tree))
    assert len(str(refused.value)) < 500
    assert stored(mirror) == before


def test_a_pack_with_a_hundred_million_paths_is_as_small_as_a_message() -> None:
    assert len(nested(8, 10).pack) < 1000


READERS: dict[str, tuple[Sent, Callable[[Mirror, str, str], object]]] = {
    "patch": (nested(8, 10), lambda mirror, base, tree: mirror.patch(base, tree)),
    "lines": (nested(8, 10), lambda mirror, base, tree: mirror.lines(base, tree)),
    "read_files": (nested(8, 10), lambda mirror, _base, tree: read_files(mirror, tree)),
    "with_entries": (nested(8, 10), lambda mirror, _base, tree: mirror.with_entries(tree, ())),
}


@pytest.mark.parametrize("reader", READERS)
def test_whatever_reads_a_bomb_is_stopped(mirror: Mirror, head: str, reader: str) -> None:
    """Even if one was stored by a version without the check at intake."""
    bomb, read = READERS[reader]
    store(mirror, bomb.pack)
    with pytest.raises(CheckoutError, match=r"git [a-z-]+ was stopped") as stopped:
        read(mirror, mirror.tree(head), bomb.tree)
    assert stopped.value.advice


@pytest.mark.parametrize("limits", [READ, LISTING, HISTORY])
def test_git_runs_under_limits_of_memory_processor_time_and_file_size(
    mirror: Mirror, limits: GitLimits
) -> None:
    out = mirror.git.run("-c", "alias.limits=!cat /proc/self/limits; umask", "limits", limits=limits).decode()
    found = {line[:25].strip(): line[25:66].split() for line in out.splitlines()}  # soft and hard
    assert found["Max data size"] == [str(limits.memory)] * 2
    assert found["Max cpu time"] == [str(limits.processor_seconds), str(limits.processor_seconds + 5)]
    assert found["Max file size"] == [str(limits.file_size)] * 2
    assert found["Max core file size"] == ["0", "0"]
    assert out.endswith("0077\n")


def test_limits_that_are_lower_already_stay_and_git_works() -> None:
    words = READ.command(["sh", "-c", "ulimit -H -t; ulimit -S -t"])
    user = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups") if os.geteuid() == 0 else ()
    command = [*user, "/bin/sh", "-c", 'ulimit -S -t 10; ulimit -H -t 20; exec "$@"', "sh", *words]
    done = subprocess.run(command, cwd="/", capture_output=True, check=True)
    assert done.stdout == b"20\n10\n"


def test_a_limit_that_cannot_be_set_ends_the_command(mirror: Mirror) -> None:
    status, _, err = mirror.git.attempt("version", limits=GitLimits(processor_seconds=-1))
    assert status != 0
    assert "limits" in err


def test_processor_time_ends_in_a_sentence(mirror: Mirror, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.touch()
    os.truncate(large, 64 << 30)  # a sparse file
    with (
        large.open("rb") as stream,
        pytest.raises(CheckoutError, match="hash-object was stopped: it used more than 1 s") as stopped,
    ):
        mirror.git.run("hash-object", "--stdin", stdin=stream, limits=GitLimits(processor_seconds=1))
    assert stopped.value.advice


def test_output_is_read_up_to_its_limit_and_git_is_stopped(mirror: Mirror) -> None:
    ended = mirror.git.collect("-c", "alias.flood=!yes", "flood", limits=READ.with_output(100_000))
    assert ended.cut
    assert len(ended.out) == 100_000
    assert ended.status != 0
    with pytest.raises(CheckoutError, match="returned more than"):
        mirror.git.run("-c", "alias.flood=!yes", "flood")


def test_a_flood_of_error_messages_does_not_stop_the_reader(mirror: Mirror) -> None:
    script = "alias.flood=!head -c 3000000 /dev/zero | tr '\\\\0' e >&2; echo done"
    ended = mirror.git.collect("-c", script, "flood")
    assert ended.out == b"done\n"
    assert 0 < len(ended.err) <= 64 * 1024


def test_a_repository_of_any_size_can_be_worked_on(mirror: Mirror) -> None:
    files = [(FILE, b"f%06d" % number, HELLO) for number in range(300_000)]
    deep, many = trees(150, 1), folder(*files)
    changed = Object("blob", b"changed\n")
    many_after = folder(*files[:-1], (FILE, files[-1][1], changed))
    base = folder((FOLDER, b"deep", deep[-1]), (FOLDER, b"many", many))
    after = folder((FOLDER, b"deep", deep[-1]), (FOLDER, b"many", many_after))
    head = commit(base)
    store(mirror, pack([*deep, many, base, head]))
    with mirror.receive(pack([changed, many_after, after])) as checked:
        entries = checked.entries(base.id.hex(), after.id.hex())
        assert [(entry.path, entry.size) for entry in entries] == [("many/f299999", 8)]
        sort_change(checked, head.id.hex(), entries)
        assert "+changed" in checked.patch(base.id.hex(), after.id.hex())
    assert len(read_files(mirror, head.id.hex()).paths()) == 300_001
    assert mirror.lines(base.id.hex(), after.id.hex()) == {"many/f299999": 2}


def test_the_changed_paths_are_those_that_git_reports(mirror: Mirror) -> None:
    other, link = Object("blob", b"other\n"), Object("blob", b"a")
    inner = folder((FILE, b"x", HELLO), (FILE, b"y", other))
    gone = folder((FOLDER, b"below", inner), (FILE, b"z", HELLO))
    module = Object("commit", b"")
    base = folder(
        (FILE, b"a", HELLO), (FILE, b"a-file", HELLO), (FOLDER, b"folder", inner), (FOLDER, b"gone", gone),
        ("120000", b"link", link), (FILE, b"mode", HELLO), ("160000", b"module", module), (FOLDER, b"same", gone),
    )  # fmt: skip
    after = folder(
        (FOLDER, b"a", gone), (FILE, b"a-file", other), (FILE, b"folder", HELLO), (FOLDER, b"link", inner),
        ("100755", b"mode", HELLO), (FOLDER, b"module", inner), (FOLDER, b"same", gone), ("160000", b"zz", module),
    )  # fmt: skip
    store(mirror, pack([HELLO, other, link, inner, gone, base, after]))
    for one, two in ((base, after), (after, base), (base, base), (inner, after)):
        raw = mirror.git.run("diff-tree", "-r", "-z", "--raw", "--no-renames", one.id.hex(), two.id.hex())
        parts = raw.split(b"\0")
        fields = [head.decode().split(" ") for head in parts[0:-1:2]]
        expected = sorted(zip(parts[1::2], fields, strict=True))
        found = changed_paths(mirror.git, one.id.hex(), two.id.hex())
        assert sorted((each.path, each.mode, each.blob) for each in found) == sorted(
            (path, mode, blob) for path, (_, mode, _, blob, _) in expected
        )


def test_packs_are_checked_at_the_same_time_and_both_enter(mirror: Mirror, head: str) -> None:
    one, two = one_file(b"one\n"), one_file(b"two\n")
    abandoned = mirror.path / "incoming" / "0123456789abcdef"
    with mirror.receive(one.pack) as first:
        (abandoned / "pack").mkdir(parents=True)
        (abandoned / "pack" / "tmp_pack_x").write_bytes(b"left by a process that was killed")
        abandoned.with_suffix(".lock").touch()
        with mirror.receive(two.pack) as second:  # removes what nobody holds, and nothing else
            assert not abandoned.exists()
            assert len(second.entries(mirror.tree(head), two.tree)) == 3
            with pytest.raises(CheckoutError):
                second.entries(mirror.tree(head), one.tree)
        assert len(first.entries(mirror.tree(head), one.tree)) == 3
        with pytest.raises(CheckoutError):
            mirror.entries(mirror.tree(head), one.tree)
    for sent in (one, two):
        assert len(mirror.entries(mirror.tree(head), sent.tree)) == 3
    assert list((mirror.path / "incoming").iterdir()) == []
    store(mirror, one.pack)  # as a task that goes on after a crash does


def test_a_pack_is_checked_in_a_mirror_whose_path_git_could_misread(origin: Path, tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / 'a:b"c\\d' / "x.git", str(origin))
    head = mirror.fetch(("main",), token="")["main"]
    sent = one_file(b"one\n")
    with mirror.receive(sent.pack) as checked:
        assert len(checked.entries(mirror.tree(head), sent.tree)) == 3


def test_no_other_user_can_read_what_is_fetched(mirror: Mirror, origin: Path, head: str) -> None:
    mirror.bundle(head)
    top = mirror.path.parent
    assert modes_for_others(top) == set()
    for path in [top, *top.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)  # as a version before this left them
    Mirror(mirror.path, str(origin)).fetch(("main",), token="")
    assert modes_for_others(top) == set()
    assert git(origin, "rev-parse", "main") == head


def modes_for_others(top: Path) -> set[Path]:
    return {path for path in [top, *top.rglob("*")] if path.stat().st_mode & 0o077}
