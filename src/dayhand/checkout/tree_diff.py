"""The paths in which two trees differ, compared level by level, so that their number and depth are limited.

A tree names its subtrees by their ids: eight trees of ten entries describe a hundred million paths, and ``git diff-tree
-r`` collects all of them before it prints the first. The limits count changed paths: what both trees share is not read,
so a repository may itself be of any size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dayhand.checkout.git import BareGit
from dayhand.checkout.process import ADVICE, READ
from dayhand.errors import CheckoutError
from dayhand.startup.records import dataclass

MAX_PATHS = 10_000  # changed files and folders; the policy allows far fewer files
MAX_DEPTH = 100  # folders above a changed file
MAX_PATH_BYTES = 4095  # PATH_MAX of Linux, without the NUL
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
TREE, NOTHING = "040000", "000000"  # modes of git


@dataclass(frozen=True, slots=True)
class ChangedPath:
    """One file, link or submodule that two trees have differently."""

    path: bytes
    mode: str  # in the new tree; "000000" if deleted
    blob: str


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder that differs; a tree that does not exist is the empty one."""

    path: bytes  # with a slash at its end; empty for the top
    old: str
    new: str

    @property
    def header(self) -> bytes:
        return f"{self.old} {self.new}\n".encode()


@dataclass(frozen=True, slots=True)
class _Line:
    """One name in a folder that differs, as ``git diff-tree --raw`` prints it."""

    path: bytes
    old_mode: str
    new_mode: str
    old: str
    new: str

    def folder(self) -> _Folder | None:
        if TREE not in (self.old_mode, self.new_mode):
            return None
        old = self.old if self.old_mode == TREE else EMPTY_TREE
        return _Folder(self.path + b"/", old, self.new if self.new_mode == TREE else EMPTY_TREE)

    def changed_path(self) -> ChangedPath | None:
        if self.new_mode not in (TREE, NOTHING):
            return ChangedPath(self.path, self.new_mode, self.new)
        return ChangedPath(self.path, NOTHING, self.new) if self.old_mode not in (TREE, NOTHING) else None


def changed_paths(git: BareGit, base: str, tree: str) -> tuple[ChangedPath, ...]:
    """Every path in which ``tree`` differs from ``base``, both ids of trees, in the order of the paths.

    Raises ``CheckoutError`` if there are too many, or one is too deep or too long, or an id is not that of a tree.
    """
    found = list[ChangedPath]()
    level, count = [_Folder(b"", base, tree)], 0
    for _ in range(MAX_DEPTH + 1):
        if not level:
            return tuple(sorted(found, key=lambda changed: changed.path))
        lines = _compare(git, level, MAX_PATHS - count)
        count += len(lines)
        found += [path for line in lines if (path := line.changed_path())]
        level = [folder for line in lines if (folder := line.folder())]
    raise CheckoutError(
        f"The change contains folders nested more than {MAX_DEPTH} deep ({_shown(level[0].path)}).",
        advice="Keep generated files out of the change, for example through .gitignore.",
    )


def _compare(git: BareGit, level: Iterable[_Folder], max_paths: int) -> list[_Line]:
    """The names that differ in each of these folders, without what is in their own folders."""
    headers = b"".join(folder.header for folder in level)
    ended = git.collect("diff-tree", "--stdin", "-z", "--raw", "--no-renames", stdin=headers)
    if not ended.cut:
        ended.check("diff-tree", READ)
    lines = list[_Line]()
    for line in _parse(ended.out, level, cut=ended.cut):
        if len(lines) == max_paths:
            raise _too_many()
        lines.append(line)
    if ended.cut:
        raise _too_many()
    return lines


def _parse(out: bytes, level: Iterable[_Folder], *, cut: bool) -> Iterator[_Line]:
    """Read git's answer: for each folder its header, then two fields for each name."""
    position = 0
    for folder in level:
        if not out.startswith(folder.header, position):
            if cut:
                return
            # Git skips such a line with exit code 0, and a folder that was not compared could contain anything.
            raise CheckoutError("The sandbox returned the id of an object that is not a tree.")
        position += len(folder.header)
        while out.startswith(b":", position):
            split = out.find(b"\0", position)
            end = out.find(b"\0", split + 1)
            if min(split, end) < 0:
                return  # cut off in the middle
            fields = out[position + 1 : split].decode("ascii").split(" ")
            path = folder.path + out[split + 1 : end]
            position = end + 1
            if len(path) > MAX_PATH_BYTES:
                raise CheckoutError(
                    f"The change contains a path of more than {MAX_PATH_BYTES} bytes ({_shown(path)}…).",
                    advice="Shorten the names of the files and folders.",
                )
            yield _Line(path, *fields[:4])
    if position != len(out) and not cut:
        raise CheckoutError("git diff-tree returned more than it was asked for.")


def _too_many() -> CheckoutError:
    return CheckoutError(
        f"The change touches more than {MAX_PATHS:,} files and folders.",
        advice=f"{ADVICE} Or split the issue.",
    )


def _shown(path: bytes) -> str:
    return path[:80].decode("utf-8", "backslashreplace").encode("unicode_escape").decode("ascii")


def conflicting_paths(git: BareGit, one: str, other: str) -> tuple[str, ...]:
    """The files in which two commits cannot be merged; none if they can, or if git cannot tell.

    git-merge-tree(1) writes the objects of the merge, so ``git`` is that of a quarantine.
    """
    status, out, _ = git.attempt(
        "merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", one, other
    )
    names = out.split(b"\0")[1:] if status == 1 else []  # the first is the tree
    return tuple(dict.fromkeys(name.decode("utf-8", "replace") for name in names if name))
