"""What a change may never contain."""

from __future__ import annotations

from pathlib import Path

import pytest

from dayhand.checkout.mirror import Mirror
from dayhand.checkout.policy import check_policy, large_binaries
from dayhand.errors import PolicyRefusal
from tests.checkout.conftest import Write, git, pack_of

KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"
TOKEN = "gh" + "s_" + "a1B2" * 12


def judge(mirror: Mirror, origin: Path, head: str, tree: str) -> None:
    mirror.take_pack(pack_of(origin, tree, head))
    check_policy(mirror, head, mirror.entries(mirror.tree(head), tree))


def test_an_ordinary_change_passes(mirror: Mirror, origin: Path, head: str, write_tree: Write) -> None:
    judge(mirror, origin, head, write_tree({"app.py": "print('hi')\n", "tests/test_app.py": "assert True\n"}))


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({".github/workflows/ci.yml": "on: push\n"}, "workflow files"),
        ({".gitmodules": "[submodule]\n"}, "submodules"),
        ({"key.pem": KEY + "\nabc\n"}, "a private key"),
        ({"conf.py": f"T = '{TOKEN}'\n"}, "a GitHub token"),
        ({"conf.py": "T = '" + "github" + "_pat_" + "a1B2" * 12 + "'\n"}, "a GitHub token"),
        ({"conf.py": "T = '" + "xox" + "b-" + "1234-" * 8 + "'\n"}, "a Slack token"),
        ({"conf.py": "T = '" + "sk" + "_live_" + "a1B2" * 12 + "'\n"}, "a payment provider's key"),
        ({"big.bin": b"\1" * (6 << 20)}, "over 5 MB"),
        ({"a\u202egpj.exe": "x"}, "control characters"),
        ({f"many/{n}": "x" for n in range(301)}, "301 files"),
    ],
    ids=[
        "workflow",
        "submodule",
        "key",
        "token",
        "fine-grained-token",
        "slack",
        "payment",
        "large",
        "hidden-name",
        "many",
    ],
)
def test_what_is_never_pushed_is_refused_with_the_path(
    mirror: Mirror, origin: Path, head: str, write_tree: Write, files: dict[str, bytes | str], says: str
) -> None:
    with pytest.raises(PolicyRefusal, match=says) as refusal:
        judge(mirror, origin, head, write_tree(files))
    assert refusal.value.paths
    assert refusal.value.advice


@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret", ".git/config", "docs/../../x"])
def test_a_link_out_of_the_repository_is_refused(
    mirror: Mirror, origin: Path, head: str, target: str
) -> None:
    blob = git(origin, "hash-object", "-w", "--stdin", stdin=target.encode())
    git(origin, "read-tree", head)
    git(origin, "update-index", "--add", "--cacheinfo", f"120000,{blob},link")
    with pytest.raises(PolicyRefusal, match="symbolic link"):
        judge(mirror, origin, head, git(origin, "write-tree"))


def test_only_large_binaries_are_listed(mirror: Mirror, origin: Path, head: str, write_tree: Write) -> None:
    tree = write_tree(
        {"model.bin": b"\0\1" * 200_000, "data.csv": "1,2\n" * 100_000, "logo.png": b"\0" * 9000}
    )
    mirror.take_pack(pack_of(origin, tree, head))
    assert large_binaries(mirror, mirror.entries(mirror.tree(head), tree)) == ("model.bin",)


def test_a_link_inside_the_repository_passes(mirror: Mirror, origin: Path, head: str) -> None:
    blob = git(origin, "hash-object", "-w", "--stdin", stdin=b"../app.py")
    git(origin, "read-tree", head)
    git(origin, "update-index", "--add", "--cacheinfo", f"120000,{blob},docs/link")
    judge(mirror, origin, head, git(origin, "write-tree"))


def test_a_secret_that_was_there_before_does_not_stop_an_edit(
    mirror: Mirror, origin: Path, head: str, write_tree: Write
) -> None:
    first = write_tree({"fixture.pem": KEY + "\nold\n"})
    mirror.take_pack(pack_of(origin, first, head))
    commit = git(origin, "commit-tree", first, "-p", head, "-m", "with fixture")
    git(origin, "update-ref", "refs/heads/main", commit)
    mirror.fetch(("main",), token="")
    blob = git(origin, "hash-object", "-w", "--stdin", stdin=(KEY + "\nnew\n").encode())
    git(origin, "read-tree", commit)
    git(origin, "update-index", "--add", "--cacheinfo", f"100644,{blob},fixture.pem")
    judge(mirror, origin, commit, git(origin, "write-tree"))
