"""Which lines of a file a diff shows, and where a line went in a later commit."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

from dayhand.localhub.state.git_store import GitStore

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
PLAIN = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames")


def hunk_before(store: GitStore, base: str, head: str, *, path: str, side: str, line: int) -> str | None:
    """The hunk that shows a line of one side (LEFT: the base), down to that line; None if the diff does not show it.

    GitHub takes comments on such lines only.
    """
    diff = store.git("diff", *PLAIN, store.merge_base(base, head), head, "--", path)
    gone = {"LEFT": "+", "RIGHT": "-"}[side]  # what the other side alone has
    shown: list[str] = []
    number = 0
    for text in diff.split("\n"):
        if hunk := HUNK.match(text):
            shown, number = [text], int(hunk[1 if side == "LEFT" else 3])
        elif shown and text[:1] in ("+", "-", " "):
            shown.append(text)
            if text[0] != gone:
                if number == line:
                    return "\n".join(shown)
                number += 1
    return None


def is_changed(store: GitStore, base: str, head: str, *, path: str) -> bool:
    return bool(store.git("diff", "--name-only", *PLAIN, store.merge_base(base, head), head, "--", path))


def moved_line(store: GitStore, before: str, after: str, *, path: str, line: int) -> int | None:
    """The number that a line has in a later commit; None if it was changed or removed there."""
    moved = line
    try:
        diff = store.git("diff", "-U0", *PLAIN, before, after, "--", path)
    except subprocess.CalledProcessError:
        return None
    for start, removed, added in _hunks(diff):
        if start <= line < start + removed:
            return None
        if start + removed <= line:
            moved += added - removed
    return moved


def _hunks(diff: str) -> Iterator[tuple[int, int, int]]:
    """(first old line, old lines, new lines) of each hunk; an insertion stands after its line."""
    for text in diff.split("\n"):
        if hunk := HUNK.match(text):
            removed, added = int(hunk[2] or 1), int(hunk[4] or 1)
            yield int(hunk[1]) + (removed == 0), removed, added
