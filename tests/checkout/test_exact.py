"""A change holds the bytes that changed, and no others: from the server through a box and back."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest

from dayhand.agent.tools import apply_patch, files
from dayhand.bench.environment import NullLog
from dayhand.checkout.base_tree import base_tree
from dayhand.checkout.commit_files import read_files
from dayhand.checkout.external.external import External
from dayhand.checkout.external.submodules import Submodule
from dayhand.checkout.mirror import Author, Mirror
from dayhand.checkout.repository import Base, Checkout, Taken
from dayhand.environment.base import Environment, Source
from dayhand.environment.declared.dayhand_toml import RepoConfig
from dayhand.environment.setup.install import CLEAR
from dayhand.environment.setup.large_checkout import BaseTree, with_base_tree
from dayhand.ledger.facts import Facts
from dayhand.sandbox import worktree
from dayhand.sandbox.base import Box
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from tests.checkout.conftest import git
from tests.sandbox.test_large_repository import HIDE_INDEX, SHOW, SHOW_INDEX, Lines, read_stats

Files = Mapping[str, bytes]
NO_SET_UP = Environment("env", None, {}, (), {}, (), (), cached=True, seconds=0.0)
LINES = tuple(b"line %d" % number for number in range(1, 401))
LF, CRLF = b"\n".join(LINES) + b"\n", b"\r\n".join(LINES) + b"\r\n"
MIXED = LF + CRLF
LATE = {".gitattributes": b"* text\n"}
WINDOWS = {".gitattributes": b"*.bat text eol=crlf\n"}
UTF_16 = {".gitattributes": b"*.txt working-tree-encoding=UTF-16 eol=lf\n"}


@dataclass(frozen=True)
class Form:
    """A repository, what happens in the box, and what the change then consists of (None: deleted)."""

    base: Files
    command: str = "true"
    patch: str = ""
    after: Mapping[str, bytes | None] = field(default_factory=dict)


def patch(path: str, old: str, new: str) -> str:
    return f"*** Begin Patch\n*** Update File: {path}\n@@\n-{old}\n+{new}\n*** End Patch"


EDIT = "sed -i 's/^line 7\\(\\r*\\)$/line seven\\1/' {}"
TOUCH = "find . -path ./.git -prune -o -type f -exec touch {} +"
PLAIN = {
    "a question in a repository with late attributes": Form({**LATE, "a.txt": CRLF}, TOUCH, after={}),
    "a line by a command, with late attributes": Form(
        {**LATE, "a.txt": CRLF, "b.txt": CRLF}, EDIT.format("a.txt"), after={"a.txt": CRLF.replace(b"line 7\r", b"line seven\r")}
    ),
    "a line by a patch, with late attributes": Form(
        {**LATE, "a.txt": CRLF}, patch=patch("a.txt", "line 7", "line seven"), after={"a.txt": CRLF.replace(b"line 7\r", b"line seven\r")}
    ),
    "attributes that come with the change": Form(
        {"a.txt": CRLF}, f"echo '* text' > .gitattributes; {TOUCH}", after={".gitattributes": b"* text\n"}
    ),
    "a moved file with late attributes": Form(
        {**LATE, "a.txt": CRLF}, f"mv a.txt b.txt; {EDIT.format('b.txt')}",
        after={"a.txt": None, "b.txt": CRLF.replace(b"line 7\r", b"line seven\r")},
    ),
    "a new file in a repository with attributes": Form(LATE, "printf 'new\\r\\n' > a.txt", after={"a.txt": b"new\n"}),
    "mixed line endings by a patch": Form(
        {"a.txt": LF + b"end\r\n"}, patch=patch("a.txt", "line 7", "line seven"),
        after={"a.txt": LF.replace(b"line 7\n", b"line seven\n") + b"end\r\n"},
    ),
    "lone carriage returns": Form({"a.txt": b"one\rtwo\rthree"}, patch=patch("a.txt", "two", "2"), after={"a.txt": b"one\r2\rthree"}),
    "a carriage return within a line": Form({"a.txt": b"a\rb\nc\n"}, patch=patch("a.txt", "c", "d"), after={"a.txt": b"a\rb\nd\n"}),
    "a byte order mark": Form({"a.txt": b"\xef\xbb\xbfone\r\ntwo\r\n"}, patch=patch("a.txt", "one", "1"), after={"a.txt": b"\xef\xbb\xbf1\r\ntwo\r\n"}),
    "bytes that are not UTF-8": Form(
        {"a.txt": b"caf\xe9\n\xff\xfe\none\n"}, patch="*** Begin Patch\n*** Update File: a.txt\n@@\n caf\ufffd\n \ufffd\ufffd\n-one\n+1\n*** End Patch",
        after={"a.txt": b"caf\xe9\n\xff\xfe\n1\n"},
    ),
    "no newline at the end, which the patch shows": Form(
        {"a.txt": b"a\nz"}, patch="*** Begin Patch\n*** Update File: a.txt\n@@\n-a\n+b\n z\n*** End Patch", after={"a.txt": b"b\nz"}
    ),
    "a line after the last, which has no newline": Form(
        {"a.txt": b"a\r\nz"}, patch="*** Begin Patch\n*** Update File: a.txt\n@@\n a\n z\n+y\n*** End Patch", after={"a.txt": b"a\r\nz\r\ny\r\n"}
    ),
    "a NUL": Form({"a.bin": b"\0\r\n\0"}, "printf '\\0\\r\\n\\0\\0' > a.bin", after={"a.bin": b"\0\r\n\0\0"}),
    "names": Form(
        {"\U0001f600 a.txt": b"a\n", "new\nline.txt": b"a\n", "-x": b"a\n", ":(top)": b"a\n", '"q"\\': b"a\n", "a*": b"a\n"},
        patch=patch("\U0001f600 a.txt", "a", "b"), after={"\U0001f600 a.txt": b"b\n"},
    ),
    "names that a command changes": Form(
        {**LATE, "-x": b"a\r\n", ":(top)": b"a\r\n", '"q"\\': b"a\r\n", "a*": b"a\r\n", "\xe9": b"a\r\n"}, "for f in ./*; do printf 'b\\r\\n' > \"$f\"; done",
        after=dict.fromkeys(["-x", ":(top)", '"q"\\', "a*", "\xe9"], b"b\r\n"),
    ),
    "a file in place of a folder": Form({"a/b": b"a\n"}, "rm -r a; echo x > a", after={"a/b": None, "a": b"x\n"}),
    "a folder in place of a file": Form({**LATE, "a": b"a\r\n"}, "rm a; mkdir a; echo x > a/b", after={"a": None, "a/b": b"x\n"}),
    "what the model committed": Form({"a": b"a\n"}, "echo x > a; git add . && git commit -qm x", after={"a": b"x\n"}),
    "what git was told not to look at": Form({"a": b"a\n"}, "git update-index --skip-worktree a; echo x > a", after={"a": b"x\n"}),
    # Not before this does git look at all files of a large repository.
    "a file that cannot be read": Form({"a": b"a\n", "b": b"b\n"}, "chmod 000 a; echo x > b", after={"b": b"x\n"}),
    "a folder that is a repository": Form({"a": b"a\n"}, "git init -q sub; echo x > sub/x; echo x > a", after={"a": b"x\n"}),
}  # fmt: skip
# Git converts some files on the way out.
CONVERTED = {
    "a file that is checked out with CRLF": Form({**WINDOWS, "a.bat": LF}, TOUCH, after={}),
    "a line of a file that is checked out with CRLF": Form(
        {**WINDOWS, "a.bat": LF}, EDIT.format("a.bat"), after={"a.bat": LF.replace(b"line 7\n", b"line seven\n")}
    ),
    "a file that is checked out with CRLF is deleted": Form({**WINDOWS, "a.bat": LF}, "rm a.bat", after={"a.bat": None}),
    "a file that is checked out with CRLF is moved": Form(
        {**WINDOWS, "a.bat": LF}, "mv a.bat b.bat", after={"a.bat": None, "b.bat": LF}
    ),
    "mixed line endings that git would convert": Form(
        {**WINDOWS, "a.bat": MIXED}, "sed -i '7s/7/seven/' a.bat", after={"a.bat": MIXED.replace(b"line 7\n", b"line seven\n", 1)}
    ),
    "a file in another encoding": Form(
        {**UTF_16, "a.txt": "é\n".encode()}, "printf '\\376\\377\\000x\\000\\n' > a.txt", after={"a.txt": b"x\n"}
    ),
    "a file that its own encoding forbids": Form(
        {**UTF_16, "a.txt": "é\n".encode()}, "printf 'x' > a.txt", after={"a.txt": b"x"}
    ),
    "an expanded keyword": Form({".gitattributes": b"* ident\n", "a.txt": b"$Id: old $\nb\n"}, "sed -i s/b/c/ a.txt", after={"a.txt": b"$Id: old $\nc\n"}),
}  # fmt: skip


@pytest.fixture(scope="session")
def sandbox() -> Iterator[BubblewrapSandbox]:
    with tempfile.TemporaryDirectory(prefix="dayhand-exact-") as folder:
        Path(folder).chmod(0o711)
        yield BubblewrapSandbox(Path(folder))


@dataclass(frozen=True)
class Repository:
    """A repository on a server, and its mirror."""

    checkout: Checkout
    base: Base

    def fill(self, box: Box) -> None:
        self.checkout.fill(box, self.base.commit, self.base)
        worktree.track(box)

    def take(self, box: Box, *purpose: str) -> Taken:
        return self.checkout.take(box, self.base, purpose)

    def content(self, taken: Taken) -> dict[str, bytes | None]:
        """What the change has at each path that differs, with what is held back; None where it deletes."""
        if taken.change is None:
            return {}
        new = taken.change.held_back.tree if taken.change.held_back else taken.change.tree
        mirror, old = self.checkout.mirror, self.checkout.mirror.tree(self.base.commit)
        return {
            entry.path: None if entry.mode == worktree.DELETED else mirror.blob(entry.blob)
            for entry in mirror.entries(old, new)
        }


Serve = Callable[[Files], Repository]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    def make(contents: Files) -> Repository:
        origin = tmp_path / "origin.git"
        git(tmp_path, "init", "-q", "--bare", "-b", "main", str(origin))
        for path, content in contents.items():  # as blobs, so that nothing is normalised on the way
            blob = git(origin, "hash-object", "-w", "--stdin", stdin=content)
            git(origin, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
        tree = git(origin, "write-tree")
        git(origin, "update-ref", "refs/heads/main", git(origin, "commit-tree", tree, "-m", "First"))
        mirror = Mirror(tmp_path / "mirrors" / "a.git", str(origin))
        commit = mirror.fetch(("main",), "")["main"]
        checkout = Checkout(
            mirror,
            cast("Facts", None),
            token=str,
            author=lambda: Author("", ""),
            co_author=lambda _login: None,
        )
        source = Source("ada/shop", tree, trusted=True)
        return Repository(checkout, Base(commit, "main", read_files(mirror, commit), source, RepoConfig()))

    return make


def in_folders(forms: Mapping[str, Form]) -> dict[str, bytes]:
    """One repository that has each form's files in a folder of its own."""
    return {
        f"{number}/{path}": content
        for number, form in enumerate(forms.values())
        for path, content in form.base.items()
    }


def play(box: Box, folder: int, form: Form) -> None:
    if form.patch:
        text = re.sub(r"(?m)^(\*\*\* \w+ File: )", rf"\g<1>{folder}/", form.patch)
        files.write(box, apply_patch.apply(apply_patch.parse(text), lambda path: files.read(box, path)))
    done = box.run(form.command, cwd=f"/workspace/{folder}")
    assert done.passed, done.text()


@pytest.mark.parametrize(
    ("forms", "large"), [(PLAIN, True), (CONVERTED, False)], ids=["plain, in a large repository", "converted"]
)
def test_a_change_holds_what_was_changed_and_nothing_else(
    sandbox: BubblewrapSandbox, serve: Serve, forms: Mapping[str, Form], *, large: bool
) -> None:
    """Each once in a box that starts from its snapshot and once in one that is filled."""
    repository = serve(in_folders(forms))

    def taken(box: Box) -> dict[str, dict[str, bytes | None]]:
        content = repository.content(repository.take(box))
        return {
            name: {
                path.partition("/")[2]: bytes_
                for path, bytes_ in content.items()
                if path.startswith(f"{number}/")
            }
            for number, name in enumerate(forms)
        }

    expected = {name: form.after for name, form in forms.items()}
    whole = BaseTree(repository.base.commit, "", repository.fill)
    work_tree = with_base_tree(NO_SET_UP, sandbox, whole, log=NullLog()).work_tree
    origins = (work_tree, None) if large else (None, work_tree)
    with sandbox.open(origin=origins[0]) as box:
        repository.fill(box)
        for number, (name, form) in enumerate(forms.items()):
            if large and name == "a file that cannot be read":
                box.run(HIDE_INDEX)
                assert taken(box) == {each: {} for each in expected} | dict(list(expected.items())[:number])
                box.run(SHOW_INDEX)
            play(box, number, form)
        assert taken(box) == expected
        changes = worktree.list_changed_bytes(box, repository.base.commit)
        tree, pack = worktree.export(box, changes, changes.small)
    with sandbox.open(origin=origins[1]) as box:  # another worker goes on from there
        repository.fill(box)
        worktree.restore(box, tree, pack)
        assert taken(box) == expected


def test_a_large_dump_and_what_commands_leave_behind_do_not_keep_a_fix_from_going_on(
    sandbox: BubblewrapSandbox, serve: Serve
) -> None:
    repository = serve({"a.py": b"a = 1\n"})
    with sandbox.open() as box:
        repository.fill(box)
        assert box.run(
            "head -c 120000000 /dev/urandom > dump.sql; mkdir node_modules __pycache__ dist; echo x > __pycache__/a.pyc; "
            "echo x > dist/app.js; for n in $(seq 400); do echo $n > node_modules/$n.js; done; echo 'a = 2' > a.py"
        ).passed
        taken = repository.take(box, "dist/app.js")
        assert repository.content(taken) == {"a.py": b"a = 2\n", "dist/app.js": b"x\n"}
        assert [(one.path, one.files) for one in taken.left_out] == [
            ("__pycache__/", 1),
            ("dump.sql", 1),
            ("node_modules/", 400),
        ]
        changes = worktree.list_changed_bytes(box, repository.base.commit)
        worktree.export(box, changes, changes.small)  # a checkpoint can be made as well
        assert box.run("git checkout -q a.py; rm dist/app.js").passed
        nothing = repository.take(box)
        assert (nothing.change, len(nothing.left_out)) == (None, 3)


def test_the_history_and_its_tags_are_in_the_box(sandbox: BubblewrapSandbox, serve: Serve) -> None:
    repository = serve({"a.py": b"a = 1\n"})
    origin = Path(repository.checkout.mirror.url)
    git(origin, "tag", "-a", "-m", "One", "v1.0", "main")
    git(
        origin,
        "update-ref",
        "refs/heads/main",
        git(origin, "commit-tree", "main^{tree}", "-p", "main", "-m", "2"),
    )
    commit = repository.checkout.mirror.fetch(("main",), "")["main"]
    with sandbox.open() as box:
        repository.checkout.fill(box, commit, repository.base)
        described = box.check_output(["git", "describe"], max_bytes=100).decode().strip()
        assert described == f"v1.0-1-g{commit[:7]}"


def test_what_set_up_leaves_holds_no_file_of_a_submodule(sandbox: BubblewrapSandbox, serve: Serve) -> None:
    repository = serve({"a.py": b"a = 1\n"})
    commit, mirror = repository.base.commit, repository.checkout.mirror
    base = replace(repository.base, external=External((Submodule("lib/ x", mirror, commit),)))
    with sandbox.open() as box:
        repository.checkout.fill(box, commit, base)
        assert box.run("test -f 'lib/ x/a.py' && echo built > 'lib/ x/a.so'").passed
        assert box.run(["/bin/sh", "-c", CLEAR]).passed
        assert box.check_output(["find", ".", "-type", "f"], max_bytes=1000) == b"./lib/ x/a.so\n"


def test_a_later_commit_of_a_large_repository_is_checked_out_over_the_last_one(
    sandbox: BubblewrapSandbox, serve: Serve
) -> None:
    """As a checkout of all of it, but only what differs is written."""
    repository = serve({f"d/{number}": b"x\r\n" for number in range(20)} | {"gone": b"x\n"})
    checkout, origin = repository.checkout, Path(repository.checkout.mirror.url)

    def push(parent: str, change: str, *tag: str) -> Base:
        git(origin, "read-tree", parent)
        git(origin, "update-index", "--index-info", stdin=change.encode())
        commit = git(origin, "commit-tree", git(origin, "write-tree"), "-p", parent, "-m", change)
        git(origin, "update-ref", "refs/heads/main", commit)
        git(origin, "tag", "-f", *tag, commit)
        assert checkout.mirror.fetch(("main",), "")["main"] == commit
        return replace(repository.base, commit=commit, files=read_files(checkout.mirror, commit))

    def open_over(base: Base) -> tuple[str, dict[str, str]]:
        log = Lines()
        environment = with_base_tree(NO_SET_UP, sandbox, base_tree(checkout, base), log=log)
        assert with_base_tree(NO_SET_UP, sandbox, base_tree(checkout, base), log=log) == environment
        with sandbox.open() as box:
            checkout.fill(box, base.commit, base)
            worktree.track(box)
            expected = box.run(SHOW).text()
        with sandbox.open(origin=environment.origin) as box:
            assert box.checked_out == base.commit
            assert worktree.track(box)[0] == base.commit
            assert box.run(SHOW).text() == expected
            assert worktree.list_changes(box, base.commit).found == ()
            return "\n".join(log), read_stats(box)

    blob = git(origin, "hash-object", "-w", "--stdin", stdin=b"new\n")
    one = push(repository.base.commit, f"100644 {blob}\td/1\n", "v1")
    log, first = open_over(one)
    assert "is checked out once" in log
    git(origin, "tag", "-d", "v1")
    two = push(one.commit, f"100644 {blob}\td/2\n100644 {blob}\tn\n0 {blob}\tgone\n", "-a", "-mTwo", "v2")
    three = push(two.commit, f"100644 {blob}\td/3\n", "v2")
    for base, written in ((two, {"d/2", "n"}), (three, {"d/2", "d/3", "n"})):
        log, stats = open_over(base)
        assert "what differs" in log
        assert {path for path in stats if stats[path] != first.get(path)} == written
    other = push(repository.base.commit, f"100644 {blob}\td/4\n", "v3")
    assert list(base_tree(checkout, other).ancestors()) == [repository.base.commit], (
        "no other history is used"
    )
