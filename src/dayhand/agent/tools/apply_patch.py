"""Codex's patch format: a patch is parsed, matched against the files and turned into edits. Nothing is written here.

The format has no line numbers: a chunk is located by its old lines. Matching becomes more lenient in steps (exact,
without trailing blanks, with typographic characters made plain, without indentation), and context lines keep the
file's spelling. If several places match, Codex silently takes the first one; this asks for more context.

Source of the format: https://github.com/openai/codex/blob/main/codex-rs/apply-patch/apply_patch_tool_instructions.md
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from dayhand.agent.tools.patch_match import (
    Chunk,
    FileLines,
    MatchError,
    apply_chunks,
)
from dayhand.startup.records import dataclass

BEGIN, END, EOF = "*** Begin Patch", "*** End Patch", "*** End of File"
ADD, DELETE, UPDATE, MOVE = "*** Add File: ", "*** Delete File: ", "*** Update File: ", "*** Move to: "
HEADERS = f"“{ADD}<path>”, “{DELETE}<path>” or “{UPDATE}<path>”"
_UNIFIED = re.compile(r"-(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@ ?(.*)$")
_WORKSPACE = "/workspace/"
MAX_FILES = 300  # the limit of a whole change, too


class PatchError(Exception):
    """The patch cannot be applied, and nothing was written; the text tells the model what to change."""


@dataclass(frozen=True, slots=True)
class Add:
    """A new file."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Delete:
    """A file to delete."""

    path: str


@dataclass(frozen=True, slots=True)
class Update:
    """A file to change, and to move if ``move_to`` is not empty."""

    path: str
    chunks: tuple[Chunk, ...]
    move_to: str = ""


Hunk = Add | Delete | Update


@dataclass(frozen=True, slots=True)
class Edits:
    """The result of applying a patch: complete files to write, files to delete, and notes for the model."""

    writes: dict[str, str]
    deletes: tuple[str, ...]
    summary: tuple[str, ...]  # "A path", "M path", "D path", "R old -> new", as in Codex
    moves: dict[str, str]  # new path → old path: the file keeps its mode
    notes: tuple[str, ...] = ()


def parse(text: str) -> tuple[Hunk, ...]:
    """Parse a patch. Raises ``PatchError`` that names the invalid line of the patch."""
    lines = _numbered_lines(text)
    if not lines or lines[0][1].strip() != BEGIN:
        first = lines[0][1].strip() if lines else ""
        hint = (
            " This looks like a unified diff: use the apply_patch format."
            if first.startswith(("---", "diff "))
            else ""
        )
        raise PatchError(f"invalid patch: the first line must be “{BEGIN}”, not “{first[:80]}”.{hint}")
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
        hunk, rest = _parse_hunk(rest)
        hunks.append(hunk)
        if len(hunks) > MAX_FILES:
            raise PatchError(
                f"invalid patch: it changes more than {MAX_FILES} files. Use several patches, or a command."
            )
    if not hunks:
        raise PatchError(f"invalid patch: it is empty. Between the first and the last line, use {HEADERS}.")
    return tuple(hunks)


def apply(hunks: Iterable[Hunk], read: Callable[[str], str | None]) -> Edits:
    """Apply the hunks to the files that ``read`` returns (None: there is no file at that path).

    Everything is checked before anything is written. Raises ``PatchError`` for the first hunk that does not match.
    """
    files: dict[str, str | None] = {}  # after the hunks so far
    summary: list[str] = []
    notes: list[str] = []
    moves: dict[str, str] = {}

    def current(path: str) -> str | None:
        if path not in files:
            files[path] = read(path)
        return files[path]

    for hunk in hunks:
        path = repository_path(hunk.path)
        before = current(path)
        match hunk:
            case Add():
                if before is not None:
                    raise PatchError(
                        f"{path} already exists: change it with “{UPDATE}{path}”, or delete it first."
                    )
                files[path] = hunk.text
                summary.append(f"A {path}")
            case Delete():
                _must_exist(path, before, "delete")
                files[path] = None
                summary.append(f"D {path}")
            case Update():
                lines = FileLines(path, _must_exist(path, before, "update"))
                try:
                    after, new_notes = apply_chunks(lines, hunk.chunks)
                except MatchError as error:
                    raise PatchError(str(error)) from error
                notes.extend(new_notes)
                target = repository_path(hunk.move_to) if hunk.move_to else path
                if target == path:
                    summary.append(f"M {path}")
                else:
                    if current(target) is not None:
                        raise PatchError(f"{path} cannot be moved to {target}: that file already exists.")
                    files[path] = None
                    moves[target] = path
                    summary.append(f"R {path} -> {target}")
                files[target] = after
    writes = {path: text for path, text in files.items() if text is not None and path in _touched(summary)}
    deletes = tuple(path for path, text in files.items() if text is None and path in _touched(summary))
    return Edits(
        writes, deletes, tuple(summary), {to: old for to, old in moves.items() if to in writes}, tuple(notes)
    )


def repository_path(path: str) -> str:
    """Make a path relative to the repository's root. Raises ``PatchError`` if it is not inside the repository.

    >>> repository_path("/workspace/./src/a.py")
    'src/a.py'
    """
    wanted = path.strip()
    wanted = wanted.removeprefix(_WORKSPACE)
    parts = [part for part in wanted.split("/") if part not in ("", ".")]
    if wanted.startswith("/"):
        raise PatchError(f"{path} is outside the repository: paths are relative to /workspace.")
    if ".." in parts:
        raise PatchError(f"{path} contains “..”: write the path from the repository's root.")
    if not parts or wanted.endswith("/"):
        raise PatchError(f"“{path}” is not the path of a file.")
    if any(part.lower() == ".git" for part in parts):
        raise PatchError(f"{path} belongs to git and cannot be patched.")
    if "\x00" in wanted:
        raise PatchError("a path contains a NUL character.")
    return "/".join(parts)


def _touched(summary: Sequence[str]) -> set[str]:
    return {path for line in summary for path in line[2:].split(" -> ")}


def _must_exist(path: str, text: str | None, verb: str) -> str:
    if text is None:
        raise PatchError(f"there is no file {path} to {verb}. To create it, use “{ADD}{path}”.")
    return text


Numbered = tuple[int, str]  # a line of the patch, with its number from 1


def _numbered_lines(text: str) -> list[Numbered]:
    """The patch's lines without what models wrap around it: fences, here-documents, an ``apply_patch`` command."""
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


def _parse_hunk(lines: list[Numbered]) -> tuple[Hunk, list[Numbered]]:
    number, header = lines[0][0], lines[0][1].strip()
    body = 1
    while body < len(lines) and not _begins_hunk(lines, body):
        body += 1
    content, rest = lines[1:body], lines[body:]
    if header.startswith(ADD):
        return Add(header[len(ADD) :], _parse_added(content)), rest
    if header.startswith(DELETE):
        for at, line in content:
            if line.strip():
                raise PatchError(
                    f"invalid hunk at line {at}: nothing may follow “{header}”, but there is “{line[:80]}”."
                )
        return Delete(header[len(DELETE) :]), rest
    if header.startswith(UPDATE):
        return _parse_update(number, header[len(UPDATE) :], content), rest
    raise PatchError(f"invalid hunk at line {number}: “{header[:80]}” is not a header. Use {HEADERS}.")


def _begins_hunk(lines: list[Numbered], at: int) -> bool:
    """Whether a line is the next header, and not a context line of an update that looks like one."""
    line = lines[at][1]
    if not line.lstrip().startswith((ADD, DELETE, UPDATE)):
        return False
    in_chunk = any(body[:1] in ("+", "-", " ") and body.strip() for _, body in lines[1:at])
    return not (line.startswith(" ") and in_chunk and lines[0][1].startswith(UPDATE))


def _parse_added(lines: list[Numbered]) -> str:
    while lines and not lines[-1][1].strip():
        lines.pop()
    for at, line in lines:
        if line and not line.startswith("+"):
            raise PatchError(
                f"invalid hunk at line {at}: every line of a new file must start with “+”, not “{line[:80]}”."
            )
    return "".join(f"{line[1:]}\n" for _, line in lines)


def _parse_update(number: int, path: str, lines: list[Numbered]) -> Update:
    move_to = ""
    if lines and lines[0][1].strip().startswith(MOVE):
        move_to = lines[0][1].strip()[len(MOVE) :]
        lines = lines[1:]
    chunks: list[Chunk] = []
    while lines and any(line.strip() for _, line in lines):
        chunk, lines = _parse_chunk(lines)
        chunks.append(chunk)
    if not chunks and not move_to:
        raise PatchError(f"invalid hunk at line {number}: the update of {path} is empty.")
    return Update(path, tuple(chunks), move_to)


def _parse_chunk(lines: list[Numbered]) -> tuple[Chunk, list[Numbered]]:
    """Parse one chunk: ``@@`` lines (optional in the first chunk), then marked lines."""
    start = lines[0][0]
    anchors: list[str] = []
    hint = 0
    while lines and lines[0][1].startswith("@@"):
        anchor, hint = _parse_anchor(lines[0][1], hint)
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
                f"invalid hunk at line {at}: “{line[:80]}”. Every line must start with “ ” (context), “+” (added) or “-” (removed)."
            )
    if not any(line.strip() for _, line in lines):
        lines = []
    while marked and marked[-1] == (" ", "") and not at_end:  # blank lines between hunks are not context
        marked.pop()
    if not marked:
        raise PatchError(f"invalid hunk at line {start}: a chunk has no line to add, remove or find.")
    return Chunk(start, tuple(anchors), tuple(marked), at_end=at_end, hint=hint), lines


def _parse_anchor(line: str, hint: int) -> tuple[str, int]:
    """Parse ``@@ <context line>``. A unified diff's ``@@ -a,b +c,d @@`` only gives a line number as a hint."""
    text = line[2:].removeprefix(" ")
    unified = _UNIFIED.match(text)
    if unified:
        return "", int(unified[1])
    return (text if text.strip() not in ("", "@@") else ""), hint
