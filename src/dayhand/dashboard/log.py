"""A task's log as its page shows it: some lines at a time, without hidden characters, and of a bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dayhand.ledger.log import LogReader, Note
from dayhand.startup.records import dataclass
from dayhand.task import STAGE_TITLES
from dayhand.untrusted_text import mark_hidden

BATCH = 100  # entries at a time: one may have 64 KB
NOTE_CHARS = 16_000  # of one entry
PAGE_NOTES = 500  # on one page
PAGE_CHARS = 600_000  # of all entries on a page, where one may exceed it
LINES_ABOVE = 20  # the one that a link asks for


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some lines of a log, and whether there are others."""

    notes: tuple[Note, ...]
    older: bool
    newer: bool

    @property
    def first(self) -> int:
        return self.notes[0].line if self.notes else 0

    @property
    def last(self) -> int:
        return self.notes[-1].line if self.notes else 0


def everything(live: LogReader, task_id: str) -> Iterator[Note]:
    """A task's whole log, read in batches."""
    return _forward(live, task_id, 0)


def read_page(live: LogReader, task_id: str, *, before: int = 0, after: int = 0, line: int = 0) -> LogPage:
    """The lines before or after one, those around ``line``, or the newest. What is read does not grow with the log."""
    if line or after:
        notes = _fill(_forward(live, task_id, after or max(0, line - LINES_ABOVE - 1)))
        if not notes:  # lines that do not exist yet
            return read_page(live, task_id)
    else:
        notes = _fill(_backward(live, task_id, before))[::-1]
    if not notes:
        return LogPage((), older=False, newer=False)
    older = bool(live.read_before(task_id, notes[0].line, most=1))
    newer = bool((before or line or after) and live.read(task_id, notes[-1].line, most=1))
    return LogPage(tuple(notes), older, newer)


def shown(note: Note) -> Note:
    """An entry as the page shows it: its beginning and its end, and how much is left out."""
    if note.kind == "stage":
        return replace(note, text=STAGE_TITLES.get(note.text, note.text))
    text = mark_hidden(note.text)  # before it is cut: half a key is a secret too
    if len(text) <= NOTE_CHARS:
        return replace(note, text=text)
    half = NOTE_CHARS // 2
    left_out = f"\n… {len(text) - 2 * half:,} more characters in the whole log …\n"
    return replace(note, text=text[:half] + left_out + text[-half:])


def _forward(live: LogReader, task_id: str, after: int) -> Iterator[Note]:
    while notes := live.read(task_id, after, most=BATCH):
        yield from notes
        after = notes[-1].line


def _backward(live: LogReader, task_id: str, before: int) -> Iterator[Note]:
    while notes := live.read_before(task_id, before, most=BATCH):
        yield from reversed(notes)
        before = notes[0].line


def _fill(notes: Iterator[Note]) -> list[Note]:
    """As many as one page shows."""
    rows: list[Note] = []
    room = PAGE_CHARS
    for note in notes:
        rows.append(shown(note))
        room -= len(rows[-1].text)
        if len(rows) == PAGE_NOTES or room <= 0:
            break
    return rows
