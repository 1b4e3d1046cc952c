"""Codex's patch format: parsed, matched against files and turned into edits, without touching anything.

The format has no line numbers: a chunk is found by its old lines. Matching gets laxer in steps (exact, blanks at
the end ignored, typographic characters made plain, indentation ignored), and what stands in the file is kept for
every context line. Where Codex takes the first of several places without a word, this asks for more context.

Source of the format: https://github.com/openai/codex/blob/main/codex-rs/apply-patch/apply_patch_tool_instructions.md
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dayhand.agent.tools.patch_match import (
    Chunk,
    ChunkMatch,
    MatchError,
    splice,
)

BEGIN, END, EOF = "*** Begin Patch", "*** End Patch", "*** End of File"
ADD, DELETE, UPDATE, MOVE = "*** Add File: ", "*** Delete File: ", "*** Update File: ", "*** Move to: "
HEADERS = f"“{ADD}<path>”, “{DELETE}<path>” or “{UPDATE}<path>”"
_UNIFIED = re.compile(r"-(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@ ?(.*)$")
_WORKSPACE = "/workspace/"
MAX_FILES = 300  # as many as a change may have


class PatchError(Exception):
    """The patch cannot be applied, and nothing was written: the text tells the model what to do about it."""


@dataclass(frozen=True, slots=True)
class Add:
    """A new file."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Delete:
    """A file that goes."""

    path: str


@dataclass(frozen=True, slots=True)
class Update:
    """A file that changes, and moves where ``move_to`` is not empty."""

    path: str
    chunks: tuple[Chunk, ...]
    move_to: str = ""


Hunk = Add | Delete | Update


@dataclass(frozen=True, slots=True)
class Edits:
    """What applying a patch comes to: whole files to write, files to delete, and remarks for the model."""

    writes: dict[str, str]
    deletes: tuple[str, ...]
    summary: tuple[str, ...]  # "A path", "M path", "D path", "R old -> new", as Codex tells it
    moves: dict[str, str]  # new path → old path: file modes are carried over by whoever writes
    notes: tuple[str, ...] = ()


def parse(text: str) -> tuple[Hunk, ...]:
    """Read a patch. Raises ``PatchError`` with the patch's line number where it is not one."""
    lines = _unwrapped(text)
    if not lines or lines[0][1].strip() != BEGIN:
        got = lines[0][1].strip() if lines else ""
        hint = (
            " This looks like a unified diff: use the format of apply_patch."
            if got.startswith(("---", "diff "))
            else ""
        )
        raise PatchError(f"invalid patch: the first line must be “{BEGIN}”, not “{got[:80]}”.{hint}")
    if lines[-1][1].strip() != END:
        raise PatchError(
            f"invalid patch: the last line must be “{END}”, not “{lines[-1][1].strip()[:80]}”: was it cut off?"
        )
    hunks: list[Hunk] = []
    rest = lines[1:-1]
    while rest:
        if not rest[0][1].strip():
            rest = rest[1:]
            continue
        hunk, rest = _hunk(rest)
        hunks.append(hunk)
        if len(hunks) > MAX_FILES:
            raise PatchError(
                f"invalid patch: it may touch {MAX_FILES} files at most. Use several, or a command."
            )
    if not hunks:
        raise PatchError(f"invalid patch: it is empty. Between the first and the last line belong {HEADERS}.")
    return tuple(hunks)


def apply(hunks: Iterable[Hunk], read: Callable[[str], str | None]) -> Edits:
    """Work out what the hunks make of the files that ``read`` gives (None: there is none at that path).

    All of it is verified here. Raises ``PatchError`` for the first hunk that does not fit.
    """
    files: dict[str, str | None] = {}  # as they are once the hunks so far are applied
    summary: list[str] = []
    notes: list[str] = []
    moves: dict[str, str] = {}

    def current(path: str) -> str | None:
        if path not in files:
            files[path] = read(path)
        return files[path]

    for hunk in hunks:
        path = inside(hunk.path)
        before = current(path)
        match hunk:
            case Add():
                if before is not None:
                    raise PatchError(
                        f"{path} exists already: change it with “{UPDATE}{path}”, or delete it first."
                    )
                files[path] = hunk.text
                summary.append(f"A {path}")
            case Delete():
                _must_exist(path, before, "delete")
                files[path] = None
                summary.append(f"D {path}")
            case Update():
                place = ChunkMatch(path, _must_exist(path, before, "update"))
                try:
                    after, remarks = splice(place, hunk.chunks)
                except MatchError as error:
                    raise PatchError(str(error)) from error
                notes.extend(remarks)
                target = inside(hunk.move_to) if hunk.move_to else path
                if target == path:
                    summary.append(f"M {path}")
                else:
                    if current(target) is not None:
                        raise PatchError(f"{path} cannot be moved to {target}: there is a file already.")
                    files[path] = None
                    moves[target] = path
                    summary.append(f"R {path} -> {target}")
                files[target] = after
    writes = {path: text for path, text in files.items() if text is not None and path in _touched(summary)}
    deletes = tuple(path for path, text in files.items() if text is None and path in _touched(summary))
    return Edits(
        writes, deletes, tuple(summary), {to: old for to, old in moves.items() if to in writes}, tuple(notes)
    )


def inside(path: str) -> str:
    """Make a path relative to the repository's root. Raises ``PatchError`` for one that is not inside it.

    >>> inside("/workspace/./src/a.py")
    'src/a.py'
    """
    wanted = path.strip()
    wanted = wanted.removeprefix(_WORKSPACE)
    parts = [part for part in wanted.split("/") if part not in ("", ".")]
    if wanted.startswith("/"):
        raise PatchError(f"{path} is outside the repository: paths are relative to /workspace.")
    if ".." in parts:
        raise PatchError(f"{path} has “..” in it: write the path from the repository's root.")
    if not parts or wanted.endswith("/"):
        raise PatchError(f"“{path}” is not the path of a file.")
    if any(part.lower() == ".git" for part in parts):
        raise PatchError(f"{path} is git's own: it cannot be patched.")
    if "\x00" in wanted:
        raise PatchError("a path holds a NUL character.")
    return "/".join(parts)


def _touched(summary: Sequence[str]) -> set[str]:
    return {path for line in summary for path in line[2:].split(" -> ")}


def _must_exist(path: str, text: str | None, verb: str) -> str:
    if text is None:
        raise PatchError(f"there is no file {path} to {verb}. To make a new one use “{ADD}{path}”.")
    return text


Numbered = tuple[int, str]  # a line of the patch, with its number from 1


def _unwrapped(text: str) -> list[Numbered]:
    """Take the wrappings off that models put round a patch: fences, here-documents, an ``apply_patch`` in front."""
    lines = list(enumerate(text.replace("\r\n", "\n").split("\n"), start=1))

    def trim() -> None:
        while lines and not lines[0][1].strip():
            lines.pop(0)
        while lines and not lines[-1][1].strip():
            lines.pop()

    trim()
    if lines and lines[0][1].startswith("```"):
        lines.pop(0)
        if lines and lines[-1][1].strip() == "```":
            lines.pop()
        trim()
    heredoc = re.match(r"\s*(?:apply_patch\s*)?<<-?\s*(['\"]?)(\w+)\1\s*$", lines[0][1]) if lines else None
    if heredoc:
        lines.pop(0)
        trim()
        if lines and lines[-1][1].strip() == heredoc[2]:
            lines.pop()
        trim()
    return lines


def _hunk(lines: list[Numbered]) -> tuple[Hunk, list[Numbered]]:
    number, header = lines[0][0], lines[0][1].strip()
    body = 1
    while body < len(lines) and not lines[body][1].lstrip().startswith((ADD, DELETE, UPDATE)):
        body += 1
    own, rest = lines[1:body], lines[body:]
    if header.startswith(ADD):
        return Add(header[len(ADD) :], _added(own)), rest
    if header.startswith(DELETE):
        for at, line in own:
            if line.strip():
                raise PatchError(
                    f"invalid hunk at line {at}: nothing may follow “{header}”, but there is “{line[:80]}”."
                )
        return Delete(header[len(DELETE) :]), rest
    if header.startswith(UPDATE):
        return _update(number, header[len(UPDATE) :], own), rest
    raise PatchError(f"invalid hunk at line {number}: “{header[:80]}” is not a header. Valid are {HEADERS}.")


def _added(lines: list[Numbered]) -> str:
    while lines and not lines[-1][1].strip():
        lines.pop()
    for at, line in lines:
        if line and not line.startswith("+"):
            raise PatchError(
                f"invalid hunk at line {at}: each line of a new file starts with “+”, not “{line[:80]}”."
            )
    return "".join(f"{line[1:]}\n" for _, line in lines)


def _update(number: int, path: str, lines: list[Numbered]) -> Update:
    move_to = ""
    if lines and lines[0][1].strip().startswith(MOVE):
        move_to = lines[0][1].strip()[len(MOVE) :]
        lines = lines[1:]
    chunks: list[Chunk] = []
    while lines and any(line.strip() for _, line in lines):
        chunk, lines = _chunk(lines)
        chunks.append(chunk)
    if not chunks and not move_to:
        raise PatchError(f"invalid hunk at line {number}: the update of {path} is empty.")
    return Update(path, tuple(chunks), move_to)


def _chunk(lines: list[Numbered]) -> tuple[Chunk, list[Numbered]]:
    """Read one chunk: ``@@`` lines (the first chunk may have none), then marked lines."""
    start = lines[0][0]
    anchors: list[str] = []
    hint = 0
    while lines and lines[0][1].startswith("@@"):
        anchor, hint = _anchor(lines[0][1], hint)
        if anchor:
            anchors.append(anchor)
        lines = lines[1:]
    marked: list[tuple[str, str]] = []
    at_end = False
    while lines and not lines[0][1].startswith("@@") and not at_end:
        at, line = lines[0]
        lines = lines[1:]
        if line.strip() == EOF:
            at_end = True
        elif line.startswith("\\ No newline at end"):
            continue
        elif line[:1] in ("", " ", "+", "-"):
            marked.append((line[:1] or " ", line[1:]))
        else:
            raise PatchError(
                f"invalid hunk at line {at}: “{line[:80]}”. Every line starts with “ ” (context), “+” (added) or “-” (removed)."
            )
    if not any(lines_left.strip() for _, lines_left in lines):
        lines = []
    while marked and marked[-1] == (" ", "") and not at_end:  # blank lines between hunks are no context
        marked.pop()
    if not marked:
        raise PatchError(f"invalid hunk at line {start}: a chunk without any line to add, remove or find.")
    return Chunk(start, tuple(anchors), tuple(marked), at_end=at_end, hint=hint), lines


def _anchor(line: str, hint: int) -> tuple[str, int]:
    """Read ``@@ <context line>``; of a unified diff's ``@@ -a,b +c,d @@`` only the number is used, as a hint."""
    text = line[2:].removeprefix(" ")
    unified = _UNIFIED.match(text)
    if unified:
        return "", int(unified[1])
    return (text if text.strip() not in ("", "@@") else ""), hint
