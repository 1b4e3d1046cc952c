"""Finds the instruction files of a commit, and reads what fits: root to leaf, so that the nearest comes last.

The limit is Codex's own, for all of them together: https://github.com/openai/codex/blob/main/docs/agents_md.md
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator
from typing import Protocol

from dayhand.instructions.front_matter import split_front_matter
from dayhand.instructions.globs import matches
from dayhand.instructions.imports import with_imports
from dayhand.instructions.layouts import LAYOUTS, OVERRIDDEN, OVERRIDE, Layout
from dayhand.reading.instruction_file import InstructionFile
from dayhand.startup.records import dataclass
from dayhand.visible_text.markdown import visible

MAX_BYTES = 32_768
MAX_FILES = 500
MAX_LISTED = 40  # of those that did not fit, by name
MAX_HOPS = 5  # of links that point to links
CUT = "(cut here: the instruction files are longer than 32 KiB together)"


class Tree(Protocol):
    """A commit, read from the bare mirror: ``checkout.mirror.CommitFiles``."""

    def paths(self) -> tuple[str, ...]:
        """The paths of all regular files."""

    def read(self, path: str) -> str:
        """A file's text; "" where there is no such file."""

    @property
    def links(self) -> Collection[str]:
        """The paths of all symbolic links."""

    def target(self, link: str) -> str:
        """What a symbolic link says."""


@dataclass(frozen=True, slots=True)
class Instructions:
    """All instruction files of a commit, in the order of the prompt, and the prompt's text."""

    files: tuple[InstructionFile, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    path: str
    folder: str
    rank: int
    layout: Layout
    source: str  # the regular file behind it


def read_instructions(tree: Tree) -> Instructions:
    """Read the instruction files of a commit."""
    files: list[InstructionFile] = []
    parts: list[str] = []
    left, seen = MAX_BYTES, dict[str, str]()
    found = sorted(_find(tree), key=lambda one: (one.folder.count("/"), one.folder, one.rank, one.path))
    paths = {one.path for one in found}
    importable = {*tree.paths()} - paths  # the instruction files themselves are read anyway
    for one in found[:MAX_FILES]:
        values, body = split_front_matter(tree.read(one.source))
        body = with_imports(one.source, body, known=importable, read=tree.read, max_chars=MAX_BYTES * 2)
        applies = one.layout.applies(values)
        raw = visible(body[: MAX_BYTES * 2]).text.encode()
        file = InstructionFile(_valid(one.path), _valid(one.folder), applies.globs, len(raw))
        reason = applies.reason or _replaced(one, paths) or ("" if raw else "it is empty")
        if not reason and (same := seen.setdefault(body.strip(), one.path)) != one.path:
            reason = f"it says the same as {same}"
        kept = b"" if reason else raw[:left]
        if not reason and len(kept) < len(raw):
            reason = "only its beginning fitted" if kept else "it did not fit"
        left -= len(kept)
        files.append(_with(file, len(kept), reason))
        if kept:
            cut = f"\n{CUT}" if len(kept) < len(raw) else ""
            parts.append(f"## {_heading(file)}\n\n{kept.decode('utf-8', 'ignore')}{cut}")
    return Instructions(tuple(files), "\n\n".join([*parts, *_unread(files)]))


def governing(files: Iterable[InstructionFile], path: str) -> tuple[InstructionFile, ...]:
    """Those of the files that were read, at least in part, and that govern a path."""
    return tuple(
        file
        for file in files
        if file.kept
        and path.startswith(file.folder)
        and (not file.globs or _matches_any(path.removeprefix(file.folder), file.globs))
    )


def _matches_any(path: str, globs: Iterable[str]) -> bool:
    """Whether a pattern matches, and none that begins with “!”."""
    found = [glob[:1] for glob in globs if matches(path, glob.removeprefix("!"))]
    return bool(found) and "!" not in found


def _find(tree: Tree) -> Iterator[_Found]:
    regular = tree.paths()
    sources = {path: path for path in regular} | dict(_through_links(tree, regular))
    for path, source in sources.items():
        for rank, layout in enumerate(LAYOUTS):
            if found := layout.path.fullmatch(path):
                yield _Found(path, found[1], rank, layout, source)
                break


def _through_links(tree: Tree, regular: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The paths that links give to files, each with the regular file behind it."""
    links, known = tree.links, set(regular)
    for path in links:
        if not (_is_rules_folder(path) or any(layout.path.fullmatch(path) for layout in LAYOUTS)):
            continue
        target = path
        for _ in range(MAX_HOPS):
            if target not in links:
                break
            target = posixpath.normpath(posixpath.join(posixpath.dirname(target), tree.target(target)))
        if target in known:
            yield path, target
        elif _is_rules_folder(path):
            inside = (name for name in regular if name.startswith(f"{target}/"))
            yield from ((f"{path}/{name.removeprefix(target)[1:]}", name) for name in inside)


def _is_rules_folder(path: str) -> bool:
    return path in (".github", ".github/instructions") or path.endswith((".cursor", ".cursor/rules"))


def _replaced(one: _Found, paths: set[str]) -> str:
    """Why a file is not read beside the one that replaces it in its folder; "" if none does."""
    override = f"{one.folder}{OVERRIDE}"
    return f"{override} replaces it" if one.path == f"{one.folder}{OVERRIDDEN}" and override in paths else ""


def _with(file: InstructionFile, kept: int, reason: str) -> InstructionFile:
    return InstructionFile(file.path, file.folder, file.globs, file.size, kept, reason)


def _valid(path: str) -> str:
    """Without the bytes of a name that are not UTF-8, which no record can hold."""
    return path.encode("utf-8", "replace").decode()


def _heading(file: InstructionFile) -> str:
    return f"{file.path} (for {file.scope})"


def _unread(files: Iterable[InstructionFile]) -> Iterator[str]:
    """The files that did not fit: the model can still read them in the work tree."""
    cut = [file for file in files if file.kept < file.size and file.reason.endswith(("fitted", "fit"))]
    if cut:
        listed = "\n".join(f"- {_heading(file)}" for file in cut[:MAX_LISTED])
        more = f"\n- and {len(cut) - MAX_LISTED} more" if len(cut) > MAX_LISTED else ""
        yield f"These did not fit: read them before you change a file that they are for.\n{listed}{more}"
