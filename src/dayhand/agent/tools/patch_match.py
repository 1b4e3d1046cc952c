"""Finds where a patch's chunks belong in a file, or explains to the model why one does not match."""

from __future__ import annotations

import codecs
import difflib
import re
from collections.abc import Callable, Sequence

from dayhand.agent.tools.patch_indent import Indent, adjusted, even_shift, indents
from dayhand.startup.records import dataclass
from dayhand.untrusted_text import decode_output

MAX_SHOWN = 12  # lines of the file in an error
MAX_LISTED = 5  # matches in an error about an ambiguous chunk
MAX_SEARCHED = 20_000  # lines in the search for similar ones
BYTE_ORDER_MARK = codecs.BOM_UTF8.decode()
_NOT_SHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\udc80-\udcff]")  # surrogates: bytes that are not UTF-8
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
    """A chunk matches nowhere, or in several places."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One change in a file: the lines to find, and what to do with them."""

    number: int  # the number of its first line in the patch
    anchors: tuple[str, ...]  # context lines to find first, in this order
    marked: tuple[tuple[str, str], ...]  # (" ", "+" or "-", line)
    at_end: bool = False
    hint: int = 0  # the line number in a unified diff header; 0 if there is none

    @property
    def old(self) -> list[str]:
        return [line for mark, line in self.marked if mark != "+"]


class FileLines:
    """The lines of the file that a patch changes. Each keeps its line ending, and the file its byte order mark."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.mark = BYTE_ORDER_MARK if text.startswith(BYTE_ORDER_MARK) else ""
        text = text.removeprefix(BYTE_ORDER_MARK)
        self.separator = "\r" if "\r" in text and "\n" not in text else "\n"
        self.ends_with_newline = text.endswith(self.separator) or not text
        self.lines = text.split(self.separator)
        if self.lines[-1] == "":
            self.lines.pop()
        ended = self.lines if self.ends_with_newline else self.lines[:-1]
        self.carriage_return = "\r" if sum(line.endswith("\r") for line in ended) * 2 > len(ended) else ""

    def text(self, parts: Sequence[int | str]) -> str:
        """The text of lines of the file (by index) and of new lines; only the file's own last line may lack its end."""
        text = [self.mark]
        for position, part in enumerate(parts):
            line = part if isinstance(part, str) else self.lines[part]
            if part == len(self.lines) - 1 and not self.ends_with_newline:
                at_end = position == len(parts) - 1
                text.append(line if at_end else f"{line}{self.carriage_return}{self.separator}")
            else:
                text.append(f"{line}{self.separator}")
        return "".join(text)


def _shown(line: str) -> str:
    """A line of the file as the model saw it in a command's output."""
    return decode_output(line.encode("utf-8", "surrogateescape")) if _NOT_SHOWN.search(line) else line


Level = tuple[str, Callable[[str], str]]
# How lines are normalized before they are compared, from exact to lenient.
LEVELS: tuple[Level, ...] = (
    ("", lambda line: line.removesuffix("\r")),
    ("", lambda line: _shown(line).rstrip()),
    ("", lambda line: _shown(line).translate(_PLAIN).rstrip()),
    ("indent", lambda line: _shown(line).translate(_PLAIN).strip()),  # it differs evenly
    ("uneven indent", lambda line: _shown(line).translate(_PLAIN).strip()),
)


def apply_chunks(file: FileLines, chunks: Sequence[Chunk]) -> tuple[str, list[str]]:
    """Apply the chunks in order; return the new text, and notes for the model. Raises ``MatchError``."""
    cursor = 0  # the first line of the file that is not in ``result`` yet
    result: list[int | str] = []
    notes: list[str] = []
    for chunk in chunks:
        at, pairs = _locate(file, chunk, cursor)
        result += range(cursor, at)
        cursor = at
        for mark, line in chunk.marked:
            if mark == "+":
                ending = "" if line.endswith("\r") else file.carriage_return
                result.append(f"{adjusted(line, pairs, cursor - at)}{ending}")
            else:
                if mark == " ":
                    result.append(cursor)  # as it is in the file, not as the patch has it
                cursor += 1
        if pairs:
            doubt = "" if even_shift(pairs) else " It differed unevenly, so look at the result."
            notes.append(f"{file.path}:{at + 1}: the patch's indentation was adjusted to the file's.{doubt}")
    result += range(cursor, len(file.lines))
    return file.text(result), notes


def _locate(file: FileLines, chunk: Chunk, cursor: int) -> tuple[int, list[Indent]]:
    """The index of the chunk's first old line, and the indentations if they differ."""
    starts = _after_anchors(file, chunk, cursor)
    old = chunk.old
    if not old:
        return (starts[0] if chunk.anchors and _require_one(file, chunk, starts) else len(file.lines)), []
    if chunk.at_end:
        tail = len(file.lines) - len(old)
        for _, normalize in LEVELS[:3]:
            if tail >= cursor and _matches_at(file.lines, old, tail, normalize=normalize):
                return tail, []
    for kind, normalize in LEVELS:
        found = _matches([normalize(line) for line in file.lines], [normalize(line) for line in old], cursor)
        if kind == "indent":
            found = [at for at in found if even_shift(indents(file.lines[at : at + len(old)], old))]
        if chunk.anchors:  # the nearest match after each occurrence of the anchor
            found = sorted({min((at for at in found if at >= start), default=-1) for start in starts} - {-1})
        if chunk.hint - 1 in found:
            found = [chunk.hint - 1]
        if found:
            _require_one(file, chunk, found)
            return found[0], indents(file.lines[found[0] : found[0] + len(old)], old) if kind else []
    raise MatchError(_mismatch(file, chunk, cursor))


def _after_anchors(file: FileLines, chunk: Chunk, cursor: int) -> list[int]:
    """Where the search may start: after each match of the last anchor. Raises ``MatchError`` if there is none."""
    starts = [cursor]
    for anchor in chunk.anchors:
        for _, normalize in LEVELS:
            hits = [at for at, line in enumerate(file.lines) if normalize(line) == normalize(anchor)]
            after = [at + 1 for at in hits if at >= starts[0]]
            if after:
                starts = after
                break
        else:
            begin = _nearest(file.lines, [anchor])
            shown = f" The nearest line is:\n{_numbered(file.lines, begin, 1)}" if begin is not None else ""
            earlier = (
                " It only occurs before the previous chunk: put the chunks in the order of the file."
                if any(line.strip() == anchor.strip() for line in file.lines[: starts[0]])
                else ""
            )
            raise MatchError(
                f"{file.path}: the context line “{anchor}” (chunk at line {chunk.number} of the patch) "
                f"was not found.{earlier}{shown}"
            )
    return starts


def _require_one(file: FileLines, chunk: Chunk, found: list[int]) -> bool:
    if len(found) > 1:
        where = ", ".join(str(at + 1) for at in found[:MAX_LISTED])
        more = ", …" if len(found) > MAX_LISTED else ""
        raise MatchError(
            f"{file.path}: {len(found)} places match the chunk at line {chunk.number} of the patch "
            f"(lines {where}{more}). Add more context lines, or a line “@@ <a line above it>”, until only one matches."
        )
    return True


def _matches(lines: list[str], old: list[str], cursor: int) -> list[int]:
    last = len(lines) - len(old)
    return [at for at in range(cursor, last + 1) if lines[at] == old[0] and lines[at : at + len(old)] == old]


def _matches_at(
    lines: Sequence[str], old: Sequence[str], at: int, *, normalize: Callable[[str], str]
) -> bool:
    return [normalize(line) for line in lines[at : at + len(old)]] == [normalize(line) for line in old]


def _mismatch(file: FileLines, chunk: Chunk, cursor: int) -> str:
    """An error that says which line does not match, and what the file has instead."""
    old = chunk.old
    begin = _nearest(file.lines, old)
    head = f"{file.path}: the lines of the chunk at line {chunk.number} of the patch were not found."
    if begin is None:
        return (
            f"{head} Nothing in the file is similar (it has {len(file.lines)} lines): read it again. Expected:\n"
            + "\n".join(old[:MAX_SHOWN])
        )
    if begin < cursor and _matches_at(file.lines, old, begin, normalize=str.rstrip):
        return f"{head} They are at line {begin + 1}, before the previous chunk: put the chunks in the order of the file."
    mismatch = next(
        (
            n
            for n, line in enumerate(old)
            if not _matches_at(file.lines, [line], begin + n, normalize=str.strip)
        ),
        None,
    )
    if mismatch is None:
        reason = "The indentation differs unevenly."
    else:
        actual = (
            file.lines[begin + mismatch] if begin + mismatch < len(file.lines) else "(the file ends here)"
        )
        reason = f"Line {mismatch + 1} of the chunk's old lines does not match:\n  the patch has: {old[mismatch]}\n  the file has:  {actual}"
    return f"{head} {reason}\nThe nearest lines of the file are:\n{_numbered(file.lines, begin, len(old))}"


def _nearest(lines: Sequence[str], old: Sequence[str]) -> int | None:
    """Where most of the old lines occur in order; otherwise, where a line similar to one of the longest occurs."""
    wanted: dict[str, list[int]] = {}
    for n, line in enumerate(old):
        if line.strip():
            wanted.setdefault(line.strip(), []).append(n)
    votes: dict[int, int] = {}
    for at, line in enumerate(lines[:MAX_SEARCHED]):
        for n in wanted.get(line.strip(), ()):
            votes[at - n] = votes.get(at - n, 0) + 1 + (len(line.strip()) > 3)
    if votes:
        return max(0, max(votes, key=lambda at: (votes[at], -at)))
    for text in sorted(wanted, key=len, reverse=True)[:3]:
        stripped = [line.strip() for line in lines[:MAX_SEARCHED]]
        close = difflib.get_close_matches(text, dict.fromkeys(stripped), n=1, cutoff=0.6)
        if close:
            return max(0, stripped.index(close[0]) - wanted[text][0])
    return None


def _numbered(lines: Sequence[str], begin: int, count: int) -> str:
    first, last = max(0, begin - 1), min(len(lines), begin + min(count, MAX_SHOWN) + 1)
    return "\n".join(f"{n + 1:5} | {lines[n].removesuffix(chr(13))[:200]}" for n in range(first, last))
