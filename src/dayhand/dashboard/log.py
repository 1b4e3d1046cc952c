"""A task's log as its page shows it: without hidden characters, and of a bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from dayhand.ledger.log import LogReader, Note
from dayhand.task import STAGE_TITLES
from dayhand.untrusted_text import mark_hidden

BATCH = 200  # entries at a time: one may have 64 KB
NOTE_CHARS = 16_000  # of one entry
PAGE_CHARS = 600_000  # of all entries on a page; the rest is shortened
STUB_CHARS = 160


def everything(live: LogReader, task_id: str) -> Iterator[Note]:
    """A task's whole log, read in batches."""
    after = 0
    while notes := live.read(task_id, after, most=BATCH):
        yield from notes
        after = notes[-1].line


def shown(note: Note, most: int = NOTE_CHARS) -> Note:
    """An entry as the page shows it: its beginning and its end, and how much is left out."""
    if note.kind == "stage":
        return replace(note, text=STAGE_TITLES.get(note.text, note.text))
    text = mark_hidden(note.text)  # before it is cut: half a key is a secret too
    if len(text) <= most:
        return replace(note, text=text)
    half = most // 2
    left_out = f"\n… {len(text) - 2 * half:,} more characters in the whole log …\n"
    return replace(note, text=text[:half] + left_out + text[-half:])


def page_of(notes: Iterable[Note]) -> list[Note]:
    """Every entry, so that every link to a line works; once the page is full, only their beginnings."""
    rows = []
    room = PAGE_CHARS
    for note in notes:
        rows.append(shown(note, NOTE_CHARS if room > 0 else STUB_CHARS))
        room -= min(len(note.text), NOTE_CHARS)
    return rows
