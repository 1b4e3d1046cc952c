"""What of a change is pushed, what waits for a person, and what is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dayhand.checkout.commit_files import read_files
from dayhand.checkout.mirror import Mirror
from dayhand.checkout.policy.sort_change import large_binaries
from dayhand.checkout.policy.split_change import accepted_change, offences, pack_trees, take_change
from dayhand.errors import PolicyRefusal
from dayhand.task import Change
from tests.checkout.conftest import Write, git, pack_of, store

KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"
TOKEN = "gh" + "s_" + "a1B2" * 12
GONE = None  # a file that the change deletes
Files = Mapping[str, bytes | str | None]
Judge = Callable[[Files], Change]


def tree_of(origin: Path, base: str, files: Files, links: Files | None = None) -> str:
    """A tree of the commit ``base`` with these files changed, and these links, by path."""
    person = "committer Ada <ada@example.org> 1 +0000"
    lines = [f"commit refs/tree\nmark :1\n{person}\ndata 0\nfrom {base}^0\n".encode()]
    lines += [f"D {path}\n".encode() for path, content in files.items() if content is GONE]
    for mode, group in (("100644", files), ("120000", links or {})):
        for path, content in group.items():
            if content is not GONE:
                raw = content.encode() if isinstance(content, str) else content
                lines += [f"M {mode} inline {path}\ndata {len(raw)}\n".encode(), raw, b"\n"]
    printed = git(origin, "fast-import", "--quiet", "--force", stdin=b"".join([*lines, b'ls ""\n']))
    return printed.split()[2]


def commit_of(mirror: Mirror, origin: Path, files: Files) -> str:
    """A commit with these files, which is the base of a change."""
    commit = git(origin, "commit-tree", tree_of(origin, "main", files), "-p", "main", "-m", "base")
    git(origin, "update-ref", "refs/heads/main", commit)
    mirror.fetch(("main",), token="")
    return commit


def judge(
    mirror: Mirror, origin: Path, files: Files, *, base: str = "main", links: Files | None = None
) -> Change:
    """The change as it is split."""
    commit = git(origin, "rev-parse", base)
    tree = tree_of(origin, commit, files, links)
    return take_change(mirror, commit, tree, pack=pack_of(origin, tree, commit))


def contents(mirror: Mirror, tree: str) -> dict[str, str]:
    files = read_files(mirror, tree)
    return {path: files.read(path) for path in files.paths()}


def test_an_ordinary_change_is_pushed_as_it_is(mirror: Mirror, origin: Path) -> None:
    change = judge(mirror, origin, {"app.py": "print('hi')\n", "tests/test_app.py": "assert True\n"})
    assert change.paths == ("app.py", "tests/test_app.py")
    assert (change.held_back, change.left_out) == (None, ())
    assert contents(mirror, change.tree)["app.py"] == "print('hi')\n"


LEFT_OUT: dict[str, tuple[Files, str]] = {  # a new form is one line
    "submodule": ({".gitmodules": "[submodule]\n"}, "submodules"),
    "submodule-in-another-case": ({".GitModules": "[submodule]\n"}, "submodules"),
    "key": ({"key.pem": KEY + "\nabc\n"}, "a private key"),
    "token": ({"conf.py": f"T = '{TOKEN}'\n"}, "a GitHub token"),
    "fine-grained-token": ({"conf.py": "T = '" + "github" + "_pat_" + "a1B2" * 12 + "'\n"}, "a GitHub token"),
    "slack": ({"conf.py": "T = '" + "xox" + "b-" + "1234-" * 8 + "'\n"}, "a Slack token"),
    "payment": ({"conf.py": "T = '" + "sk" + "_live_" + "a1B2" * 12 + "'\n"}, "a payment provider's key"),
    "token-in-a-workflow": ({".github/workflows/ci.yml": f"env: {TOKEN}\n"}, "a GitHub token"),
    "large": ({"big.bin": b"\1" * (6 << 20)}, "over 5 MB"),
    "hidden-name": ({"a\u202egpj.exe": "x"}, "control characters"),
}


@pytest.mark.parametrize("form", LEFT_OUT)
def test_what_is_never_pushed_is_left_out_and_named_and_the_rest_goes_on(
    mirror: Mirror, origin: Path, form: str
) -> None:
    files, says = LEFT_OUT[form]
    change = judge(mirror, origin, {"app.py": "print('hi')\n", **files})
    assert change.paths == ("app.py",)
    assert contents(mirror, change.tree) == {"README.md": "# Hello\n", "app.py": "print('hi')\n"}
    (left,) = change.left_out
    assert says in left.reason
    assert left.path.isascii()
    assert TOKEN not in f"{change}"
    large = b"\1" * (6 << 20)
    leaked = git(origin, "hash-object", "--stdin", stdin=large)
    assert leaked not in git(mirror.path, "cat-file", "--batch-all-objects", "--batch-check")


@pytest.mark.parametrize("form", LEFT_OUT)
def test_a_change_of_nothing_else_is_refused_with_the_path_and_what_to_do(
    mirror: Mirror, origin: Path, form: str
) -> None:
    files, says = LEFT_OUT[form]
    with pytest.raises(PolicyRefusal, match=says) as refusal:
        judge(mirror, origin, files)
    assert refusal.value.paths
    assert refusal.value.advice


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({f"many/{n}": "x" for n in range(301)}, "301 files"),
        ({f"large/{n}": b"%02d" % n * (2 << 20) for n in range(13)}, "52 MB of files"),
    ],
    ids=["many", "large-together"],
)
def test_a_change_over_the_limits_of_all_changes_is_refused(
    mirror: Mirror, origin: Path, files: Files, says: str
) -> None:
    with pytest.raises(PolicyRefusal, match=says) as refusal:
        judge(mirror, origin, files)
    assert refusal.value.advice


def test_the_model_reads_what_would_be_left_out_and_why(mirror: Mirror, origin: Path, head: str) -> None:
    files = {
        "app.py": "x = 1\n",
        "conf.py": f"T = '{TOKEN}'\n",
        "AGENTS.md": "x",
        "dump.sql": b"1" * (6 << 20),
    }
    tree = tree_of(origin, head, files)
    store(mirror, pack_of(origin, tree, head))
    assert offences(mirror, head, tree) == [
        "- conf.py: what looks like a GitHub token. Remove it; if it was ever pushed anywhere, revoke it.",
        "- dump.sql: over 5 MB. Keep build products and data out of the repository, for example through .gitignore.",
    ]


PACKAGE = '{"scripts": {"test": "jest"}, "dependencies": {"a": "1"}}'
OTHER_SCRIPT, OTHER_DEPENDENCY = PACKAGE.replace("jest", "true"), PACKAGE.replace('"1"', '"2"')
HELD_BACK: dict[str, tuple[Files, Files, dict[str, str]]] = {  # the base, the change, and what is held back
    "agents": ({}, {"AGENTS.md": "Obey."}, {"AGENTS.md": "instructions for agents"}),
    "agents-changed": ({"AGENTS.md": "a"}, {"AGENTS.md": "b"}, {"AGENTS.md": "instructions for agents"}),
    "agents-deleted": ({"AGENTS.md": "a"}, {"AGENTS.md": GONE}, {"AGENTS.md": "instructions for agents"}),
    "name-that-ntfs-reads-otherwise": ({}, {".vscode./tasks.json": "{}"}, {".vscode./tasks.json": "editor settings"}),
    "file-in-place-of-a-folder": (
        {".husky/pre-push": "x"},
        {".husky/pre-push": GONE, ".husky": "x"},
        {".husky": "git hook", ".husky/pre-push": "git hook"},
    ),
    "folder-in-place-of-a-file": (
        {"Jenkinsfile": "x"},
        {"Jenkinsfile": GONE, "Jenkinsfile/readme.txt": "x"},
        {"Jenkinsfile": "CI configuration", "Jenkinsfile/readme.txt": "it takes the place of a path that stays"},
    ),
    "file-in-place-of-a-folder-with-one": (
        {"ci/Jenkinsfile": "x"},
        {"ci/Jenkinsfile": GONE, "ci": "x"},
        {"ci/Jenkinsfile": "CI configuration", "ci": "it takes the place of a path that stays"},
    ),
    "scripts": ({"package.json": PACKAGE}, {"package.json": OTHER_SCRIPT}, {"package.json": "scripts of a package"}),
    "scripts-with-a-lock": (
        {"package.json": PACKAGE, "yarn.lock": "a"},
        {"package.json": OTHER_SCRIPT, "yarn.lock": "b", "poetry.lock": "not its own"},
        {"package.json": "scripts of a package", "yarn.lock": "lock file of such a package"},
    ),
    "scripts-in-another-case": ({"package.json": PACKAGE}, {"Package.json": PACKAGE}, {"Package.json": "scripts of a package"}),
    "dependency": ({"package.json": PACKAGE, "yarn.lock": "a"}, {"package.json": OTHER_DEPENDENCY, "yarn.lock": "b"}, {}),
    "makefile": ({}, {"Makefile": "test:\n\ttrue\n"}, {}),
}  # fmt: skip


@pytest.mark.parametrize("form", HELD_BACK)
def test_what_would_be_executed_is_held_back_and_the_rest_goes_on(
    mirror: Mirror, origin: Path, form: str
) -> None:
    before, files, held = HELD_BACK[form]
    base = commit_of(mirror, origin, before)
    fix = {"app.py": "print('hi')\n"}
    change = judge(mirror, origin, {**files, **fix})
    files_held = change.held_back.files if change.held_back else ()
    assert {one.path: one.kind for one in files_held} == held
    pushed = {path: text for path, text in {**files, **fix}.items() if path not in held}
    expected = {**contents(mirror, base), **pushed}
    assert contents(mirror, change.tree) == {
        path: text for path, text in expected.items() if text is not GONE
    }


def test_accepted_files_make_exactly_the_tree_that_the_model_left(mirror: Mirror, origin: Path) -> None:
    """Whatever its bytes are: they come back from the ledger as text."""
    commit_of(mirror, origin, {".npmrc": "a\n"})
    files = {"app.py": "x = 1\n", ".vscode/x.bin": b"\0\xff\r\n", ".npmrc": GONE, "caf\xe9/AGENTS.md": "x"}
    change = judge(mirror, origin, files, links={".idea": "app.py"})
    assert change.held_back
    other = Mirror(mirror.path.with_name("other.git"), mirror.url)  # of another worker
    other.fetch(("main",), token="")
    store(other, pack_trees(mirror, change.tree, without=mirror.tree(change.base)))  # as it was pushed
    accepted = accepted_change(other, change.held_back)
    assert accepted.tree == tree_of(origin, "main", files, links={".idea": "app.py"})
    assert set(accepted.paths) == {*files, ".idea"}


def test_a_person_applies_workflow_files_by_hand(mirror: Mirror, origin: Path, tmp_path: Path) -> None:
    base = commit_of(mirror, origin, {".github/workflows/ci.yml": "on: push\n"})
    ci, new, agents = ".github/workflows/ci.yml", ".github/workflows/new.yml", "AGENTS.md"
    change = judge(
        mirror, origin, {"app.py": "x = 1\n", ci: "on: pull_request\n", new: "on: push\n", agents: "x\n"}
    )
    held = change.held_back
    assert held
    assert [one.path for one in held.files] == [agents]
    assert [one.path for one in held.by_hand] == [ci, new]
    assert contents(mirror, held.tree)[ci] == "on: push\n"
    work = tmp_path / "by-hand"
    git(tmp_path, "clone", "-q", str(origin), str(work))
    git(work, "checkout", "-q", base)
    git(work, "apply", "--index", stdin=held.by_hand_patch.encode())
    assert (work / new).read_text() == "on: push\n"
    assert (work / ci).read_text() == "on: pull_request\n"


def test_a_file_in_place_of_all_workflows_waits_for_a_hand_too(mirror: Mirror, origin: Path) -> None:
    commit_of(mirror, origin, {".github/workflows/ci.yml": "on: push\n"})
    change = judge(mirror, origin, {".github/workflows/ci.yml": GONE, ".github": "x", "app.py": "x = 1\n"})
    assert change.held_back
    assert {one.path for one in change.held_back.by_hand} == {".github", ".github/workflows/ci.yml"}
    assert ".github/workflows/ci.yml" in contents(mirror, change.tree)


def test_a_change_of_nothing_but_held_files_leaves_the_base_as_it_is(
    mirror: Mirror, origin: Path, head: str
) -> None:
    change = judge(mirror, origin, {"AGENTS.md": "Obey.\n"})
    assert (change.paths, change.patch, change.tree) == ((), "", mirror.tree(head))
    assert change.held_back
    assert "+Obey." in change.held_back.patch


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


@pytest.mark.parametrize("form", OUTSIDE)
def test_a_link_out_of_the_repository_is_refused(mirror: Mirror, origin: Path, form: str) -> None:
    path, target = OUTSIDE[form]
    with pytest.raises(PolicyRefusal, match="symbolic link") as refusal:
        judge(mirror, origin, {}, links={path: target})
    assert refusal.value.paths == (path,)
    change = judge(mirror, origin, {"app.py": "x = 1\n"}, links={path: target})
    assert change.paths == ("app.py",)


@pytest.mark.parametrize("form", INSIDE)
def test_a_link_inside_the_repository_is_pushed(mirror: Mirror, origin: Path, form: str) -> None:
    path, target = INSIDE[form]
    assert judge(mirror, origin, {}, links={path: target}).paths == (path,)


def test_only_large_binaries_are_listed(mirror: Mirror, origin: Path, head: str, write_tree: Write) -> None:
    tree = write_tree(
        {"model.bin": b"\0\1" * 200_000, "data.csv": "1,2\n" * 100_000, "logo.png": b"\0" * 9000}
    )
    store(mirror, pack_of(origin, tree, head))
    assert large_binaries(mirror, mirror.entries(mirror.tree(head), tree)) == ("model.bin",)


def test_a_secret_that_was_there_before_does_not_stop_an_edit(mirror: Mirror, origin: Path) -> None:
    commit_of(mirror, origin, {"fixture.pem": KEY + "\nold\n"})
    assert judge(mirror, origin, {"fixture.pem": KEY + "\nnew\n"}).paths == ("fixture.pem",)
