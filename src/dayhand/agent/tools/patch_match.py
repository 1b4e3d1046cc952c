"""Where a patch's chunk belongs in a file, and, where it belongs nowhere, the words that help to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

SHOWN = 12  # lines of the file in an error
PLACES = 5  # places named when several match
SEARCHED = 20_000  # lines that are searched for something near
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("‘’‚‛", "'"),
        **dict.fromkeys("“”„‟", '"'),
        **dict.fromkeys(
            "\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
        ),
    }
)


class MatchError(Exception):
    """A chunk fits nowhere, or in several places."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One place in a file: the lines to find there, and what becomes of them."""

    number: int  # of its first line in the patch
    anchors: tuple[str, ...]  # context lines to find first, in this order
    marked: tuple[tuple[str, str], ...]  # (" ", "+" or "-", line)
    at_end: bool = False
    hint: int = 0  # the line number that a unified diff gave; 0 for none

    @property
    def old(self) -> list[str]:
        return [line for mark, line in self.marked if mark != "+"]


class ChunkMatch:
    """A file's lines while chunks are put in; each keeps the line ending that it had."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.complete = text.endswith("\n") or not text  # does the last line have its newline?
        self.lines = text.split("\n")
        if self.lines[-1] == "":
            self.lines.pop()
        crlf = sum(line.endswith("\r") for line in self.lines)
        self.ending = "\r" if crlf * 2 > len(self.lines) else ""

    def text(self, lines: Sequence[str], *, complete: bool) -> str:
        return "\n".join(lines) + ("\n" if lines and complete else "")


Level = tuple[str, Callable[[str], str]]
LEVELS: tuple[Level, ...] = (
    ("", lambda line: line.removesuffix("\r")),
    ("", str.rstrip),
    ("", lambda line: line.translate(_PLAIN).rstrip()),
    ("indent", lambda line: line.translate(_PLAIN).strip()),
)


def splice(place: ChunkMatch, chunks: Sequence[Chunk]) -> tuple[str, list[str]]:
    """Put all chunks into the file's text, in order; also give remarks. Raises ``MatchError``."""
    cursor = 0
    result: list[str] = []
    done = 0
    notes: list[str] = []
    for chunk in chunks:
        at, shift = _find(place, chunk, cursor)
        result += place.lines[done:at]
        taken = at
        for mark, line in chunk.marked:
            if mark == "+":
                result.append(_indented(line, shift) + (place.ending if not line.endswith("\r") else ""))
            else:
                if mark == " ":
                    result.append(place.lines[taken])  # as it stands there, not as the patch spells it
                taken += 1
        if shift:
            notes.append(f"{place.path}:{at + 1}: the patch's indentation was adjusted to the file's.")
        cursor = done = taken
    complete = place.complete or done >= len(place.lines)
    result += place.lines[done:]
    return place.text(result, complete=complete), notes


def _find(place: ChunkMatch, chunk: Chunk, cursor: int) -> tuple[int, tuple[str, str] | None]:
    """The index of the chunk's first old line, and how its indentation differs (theirs, ours)."""
    starts = _after_anchors(place, chunk, cursor)
    old = chunk.old
    if not old:
        return (starts[0] if chunk.anchors and _one(place, chunk, starts) else len(place.lines)), None
    if chunk.at_end:
        tail = len(place.lines) - len(old)
        for _, plain in LEVELS[:3]:
            if tail >= cursor and _fits(place.lines, old, tail, plain=plain):
                return tail, None
    for kind, plain in LEVELS:
        found = _places([plain(line) for line in place.lines], [plain(line) for line in old], cursor)
        if kind == "indent":
            found = [at for at in found if _shift(place.lines[at : at + len(old)], old) is not None]
        if chunk.anchors:  # the nearest one after each place of the anchor
            found = sorted({min((at for at in found if at >= start), default=-1) for start in starts} - {-1})
        if chunk.hint - 1 in found:
            found = [chunk.hint - 1]
        if found:
            _one(place, chunk, found)
            shift = _shift(place.lines[found[0] : found[0] + len(old)], old) if kind == "indent" else None
            return found[0], shift
    raise MatchError(_miss(place, chunk, cursor))


def _after_anchors(place: ChunkMatch, chunk: Chunk, cursor: int) -> list[int]:
    """Where the search may begin: just after each place of the anchors. Raises ``MatchError`` for none."""
    starts = [cursor]
    for anchor in chunk.anchors:
        for _, plain in LEVELS:
            hits = [at for at, line in enumerate(place.lines) if plain(line) == plain(anchor)]
            after = [at + 1 for at in hits if at >= starts[0]]
            if after:
                starts = after
                break
        else:
            begin = _near(place.lines, [anchor])
            shown = f" The nearest line is:\n{_numbered(place.lines, begin, 1)}" if begin is not None else ""
            earlier = (
                " It stands only before the place of the chunk above it: chunks go in the file's order."
                if any(line.strip() == anchor.strip() for line in place.lines[: starts[0]])
                else ""
            )
            raise MatchError(
                f"{place.path}: the context line “{anchor}” (chunk at line {chunk.number} of the patch) "
                f"was not found.{earlier}{shown}"
            )
    return starts


def _one(place: ChunkMatch, chunk: Chunk, found: list[int]) -> bool:
    if len(found) > 1:
        where = ", ".join(str(at + 1) for at in found[:PLACES])
        more = ", …" if len(found) > PLACES else ""
        raise MatchError(
            f"{place.path}: {len(found)} places match the chunk at line {chunk.number} of the patch "
            f"(lines {where}{more}). Add more context lines, or a line “@@ <a line above it>”, so that only one does."
        )
    return True


def _places(lines: list[str], old: list[str], cursor: int) -> list[int]:
    last = len(lines) - len(old)
    return [at for at in range(cursor, last + 1) if lines[at] == old[0] and lines[at : at + len(old)] == old]


def _fits(lines: Sequence[str], old: Sequence[str], at: int, *, plain: Callable[[str], str]) -> bool:
    return [plain(line) for line in lines[at : at + len(old)]] == [plain(line) for line in old]


def _shift(real: Sequence[str], old: Sequence[str]) -> tuple[str, str] | None:
    """How the indentation differs, where it does so evenly: (the patch's prefix, the file's prefix)."""
    pairs = {
        _prefixes(ours[: len(ours) - len(ours.lstrip())], theirs[: len(theirs) - len(theirs.lstrip())])
        for ours, theirs in zip(real, old, strict=True)
        if ours.strip()
    }
    return pairs.pop() if len(pairs) == 1 else None


def _prefixes(ours: str, theirs: str) -> tuple[str, str]:
    if ours.endswith(theirs):
        return "", ours[: len(ours) - len(theirs)]
    if theirs.endswith(ours):
        return theirs[: len(theirs) - len(ours)], ""
    return theirs, ours


def _indented(line: str, shift: tuple[str, str] | None) -> str:
    if shift is None or not line.strip():
        return line
    theirs, ours = shift
    return ours + line[len(theirs) :] if line.startswith(theirs) else line


def _miss(place: ChunkMatch, chunk: Chunk, cursor: int) -> str:
    """Say which line does not match, and what stands there instead."""
    old = chunk.old
    begin = _near(place.lines, old)
    head = f"{place.path}: the lines of the chunk at line {chunk.number} of the patch were not found."
    if begin is None:
        return (
            f"{head} Nothing in the file is like them (it has {len(place.lines)} lines): read it again. Expected:\n"
            + "\n".join(old[:SHOWN])
        )
    if begin < cursor and _fits(place.lines, old, begin, plain=str.rstrip):
        return f"{head} They stand at line {begin + 1}, before the chunk above them: put the chunks in the file's order."
    wrong = next(
        (n for n, line in enumerate(old) if not _fits(place.lines, [line], begin + n, plain=str.strip)), None
    )
    if wrong is None:
        first = "Their indentation differs unevenly."
    else:
        stands = place.lines[begin + wrong] if begin + wrong < len(place.lines) else "(the file ends there)"
        first = f"Line {wrong + 1} of the chunk's old lines does not match:\n  the patch has: {old[wrong]}\n  the file has:  {stands}"
    return f"{head} {first}\nThe nearest lines of the file are:\n{_numbered(place.lines, begin, len(old))}"


def _near(lines: Sequence[str], old: Sequence[str]) -> int | None:
    """Where most of the old lines stand in their order; else where a line like the most telling of them stands."""
    wanted: dict[str, list[int]] = {}
    for n, line in enumerate(old):
        if line.strip():
            wanted.setdefault(line.strip(), []).append(n)
    votes: dict[int, int] = {}
    for at, line in enumerate(lines[:SEARCHED]):
        for n in wanted.get(line.strip(), ()):
            votes[at - n] = votes.get(at - n, 0) + 1 + (len(line.strip()) > 3)
    if votes:
        return max(0, max(votes, key=lambda at: (votes[at], -at)))
    for text in sorted(wanted, key=len, reverse=True)[:3]:
        stripped = [line.strip() for line in lines[:SEARCHED]]
        close = difflib.get_close_matches(text, dict.fromkeys(stripped), n=1, cutoff=0.6)
        if close:
            return max(0, stripped.index(close[0]) - wanted[text][0])
    return None


def _numbered(lines: Sequence[str], begin: int, count: int) -> str:
    first, last = max(0, begin - 1), min(len(lines), begin + min(count, SHOWN) + 1)
    return "\n".join(f"{n + 1:5} | {lines[n].removesuffix(chr(13))[:200]}" for n in range(first, last))
