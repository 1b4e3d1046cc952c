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
        ({f"large/{n}": b"%02d" % n * (2 << 20) for n in range(13)}, "52 MB of files"),
        ({".GitModules": "[submodule]\n"}, "submodules"),
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
        "large-together",
        "submodule-in-another-case",
    ],
)
def test_what_is_never_pushed_is_refused_with_the_path(
    mirror: Mirror, origin: Path, head: str, write_tree: Write, files: dict[str, bytes | str], says: str
) -> None:
    with pytest.raises(PolicyRefusal, match=says) as refusal:
        judge(mirror, origin, head, write_tree(files))
    assert refusal.value.paths
    assert refusal.value.advice


OUTSIDE = {  # the link's path and its target: a new form is one line
    "absolute": ("link", b"/etc/passwd"),
    "above": ("link", b"../../secret"),
    "above-from-a-folder": ("docs/link", b"../../x"),
    "above-by-a-name": ("link", b"docs/../../x"),
    "above-by-another-link": ("a/b/link", b"up/../x"),
    "the-top-itself-and-above": ("docs/link", b".././../x"),
    "git-folder": ("link", b".git/config"),
    "git-folder-of-a-nested-repository": ("link", b"nested/.git/config"),
    "git-folder-from-a-folder": ("docs/link", b"../.git/hooks/pre-commit"),
    "git-folder-with-a-dot": ("link", b"./.git"),
    "upper-case": ("link", b".GIT/config"),
    "mixed-case": ("link", b".gIt/config"),
    "hfs-zero-width-non-joiner": ("link", b".g\xe2\x80\x8cit/config"),
    "hfs-right-to-left-mark": ("link", b"\xe2\x80\x8f.git/config"),
    "hfs-byte-order-mark": ("link", b".git\xef\xbb\xbf/config"),
    "hfs-in-upper-case": ("link", b".G\xe2\x81\xaaIT/config"),
    "ntfs-short-name": ("link", b"git~1/config"),
    "ntfs-short-name-upper-case": ("link", b"GIT~2/config"),
    "ntfs-dot-at-the-end": ("link", b".git./config"),
    "ntfs-space-at-the-end": ("link", b".git . /config"),
    "ntfs-stream": ("link", b".git::$INDEX_ALLOCATION/config"),
    "ntfs-stream-of-the-short-name": ("link", b"git~1:x/config"),
    "backslashes": ("link", b".git\\config"),
    "backslashes-above": ("docs/link", b"..\\..\\x"),
    "backslash-first": ("link", b"\\\\server\\share"),
    "drive": ("link", b"C:/Windows"),
    "relative-to-a-drive": ("link", b"c:x"),
    "empty": ("link", b""),
    "nul": ("link", b"..\0/app.py"),
    "longer-than-a-path": ("link", b"x/" * 2048 + b"../" * 2049),
}
INSIDE = {
    "sibling": ("docs/link", b"../app.py"),
    "below": ("link", b"docs/guide/README.md"),
    "with-dots": ("docs/a/link", b"../../.github/CODEOWNERS"),
    "git-in-the-name": ("link", b".gitignore"),
    "git-as-a-name": ("link", b"git/config"),
    "tilde": ("link", b"digit~1"),
    "not-utf-8": ("link", b"caf\xe9"),
    "the-top": ("docs/link", b".."),
}


def tree_with_link(origin: Path, head: str, path: str, target: bytes) -> str:
    blob = git(origin, "hash-object", "-w", "--stdin", stdin=target)
    git(origin, "read-tree", head)
    git(origin, "update-index", "--add", "--cacheinfo", f"120000,{blob},{path}")
    return git(origin, "write-tree")


@pytest.mark.parametrize("form", OUTSIDE)
def test_a_link_out_of_the_repository_is_refused(mirror: Mirror, origin: Path, head: str, form: str) -> None:
    path, target = OUTSIDE[form]
    with pytest.raises(PolicyRefusal, match="symbolic link") as refusal:
        judge(mirror, origin, head, tree_with_link(origin, head, path, target))
    assert refusal.value.paths == (path,)


@pytest.mark.parametrize("form", INSIDE)
def test_a_link_inside_the_repository_passes(mirror: Mirror, origin: Path, head: str, form: str) -> None:
    path, target = INSIDE[form]
    judge(mirror, origin, head, tree_with_link(origin, head, path, target))


def test_only_large_binaries_are_listed(mirror: Mirror, origin: Path, head: str, write_tree: Write) -> None:
    tree = write_tree(
        {"model.bin": b"\0\1" * 200_000, "data.csv": "1,2\n" * 100_000, "logo.png": b"\0" * 9000}
    )
    mirror.take_pack(pack_of(origin, tree, head))
    assert large_binaries(mirror, mirror.entries(mirror.tree(head), tree)) == ("model.bin",)


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
