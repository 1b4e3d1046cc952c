"""A unified diff, parsed file by file for its page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
MAX_LINES = 3000  # of all files together


@dataclass(slots=True)
class FileDiff:
    """One changed file: (kind, number, text) of each line; ``hidden`` counts the lines over ``MAX_LINES``."""

    path: str
    additions: int = 0
    deletions: int = 0
    status: str = ""
    lines: list[tuple[str, int, str]] = field(default_factory=list)
    hidden: int = 0


def parse_diff(diff: str) -> list[FileDiff]:
    """Parse git's unified diff; a removed line carries its old number, every other line its new one."""
    kinds = {"+": "add", "-": "del", "@": "hunk"}
    statuses = {"new file": "new", "deleted": "deleted", "rename from": "renamed", "Binary": "binary"}
    files: list[FileDiff] = []
    numbers = {"old": 0, "new": 0}
    in_header, shown = False, 0
    for line in diff.split("\n"):
        if line.startswith("diff --git "):
            files.append(FileDiff(line.rpartition(" b/")[2]))
            in_header = True
        elif in_header and not line.startswith("@@"):
            file = files[-1]
            file.status = next(
                (status for prefix, status in statuses.items() if line.startswith(prefix)), file.status
            )
        elif files and line:
            if hunk := HUNK.match(line):
                in_header, numbers = False, {"old": int(hunk[1]), "new": int(hunk[2])}
            shown += 1
            kind = kinds.get(line[0], "")
            _add_line(files[-1], kind, line, numbers=numbers, visible=shown <= MAX_LINES)
    return files


def _add_line(file: FileDiff, kind: str, line: str, *, numbers: dict[str, int], visible: bool) -> None:
    number = 0 if kind == "hunk" else numbers["old" if kind == "del" else "new"]
    for side, kinds in (("old", ("", "del")), ("new", ("", "add"))):
        numbers[side] += kind in kinds
    file.additions += kind == "add"
    file.deletions += kind == "del"
    if visible:
        file.lines.append((kind, number, line.rstrip("\r")))
    else:
        file.hidden += 1
