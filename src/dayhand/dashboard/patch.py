"""A patch as its page shows it: file by file, with line numbers, and of a bounded length."""

from __future__ import annotations

import re
from dataclasses import field

from dayhand.startup.records import dataclass
from dayhand.untrusted_text import mark_hidden

HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
KINDS = {"+": "add", "-": "del", "@": "hunk"}
MAX_ROWS = 3000  # of all files together
ROW_CHARS = 1000


@dataclass(frozen=True, slots=True)
class PatchRow:
    """One line. ``number`` is its line in the new file, or in the old one if it was removed; 0 for none."""

    kind: str  # "hunk", "add", "del", or "" for context
    number: int
    text: str


@dataclass(slots=True)
class PatchFile:
    """One file of a patch."""

    path: str
    added: int = 0
    removed: int = 0
    note: str = ""  # "new", "deleted", "renamed", "binary", …
    rows: list[PatchRow] = field(default_factory=list)
    left_out: int = 0  # the number of lines that are not among the rows


def files_of_patch(patch: str) -> list[PatchFile]:
    """Read a unified diff as git writes it."""
    files: list[PatchFile] = []
    room = MAX_ROWS
    heading, old, new = False, 0, 0
    for line in patch.split("\n"):
        if line.startswith("diff --git "):
            files.append(PatchFile(mark_hidden(line.rpartition(" b/")[2])))
            heading = True
            continue
        if not files:
            continue
        if found := HUNK.match(line):
            heading, old, new = False, int(found[1]), int(found[2])
        if heading:
            _note(files[-1], line)
            continue
        kind = KINDS.get(line[:1], "")
        number = {"hunk": 0, "del": old}.get(kind, new)
        old, new = old + (kind in ("", "del")), new + (kind in ("", "add"))
        files[-1].added += kind == "add"
        files[-1].removed += kind == "del"
        if room > 0 and line:
            files[-1].rows.append(PatchRow(kind, number, mark_hidden(line[:ROW_CHARS].rstrip("\r"))))
        elif line:
            files[-1].left_out += 1
        room -= 1
    return files


def _note(file: PatchFile, line: str) -> None:
    """Read a line between "diff" and the first "@@": it says what happened to the whole file."""
    words = {
        "new file": "new", "deleted file": "deleted", "rename from": "renamed", "Binary files": "binary", "GIT binary": "binary",
        "old mode": "mode changed",
    }  # fmt: skip
    file.note = next((word for start, word in words.items() if line.startswith(start)), file.note)
