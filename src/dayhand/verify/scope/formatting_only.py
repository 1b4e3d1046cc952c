"""Where a change alters nothing but layout: whitespace, line breaks, quotes, the order of imports.

Read from the unified diff in one pass; for Python, whole files are also compared by their syntax trees.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dayhand.environment.ecosystems.base import Files
from dayhand.verification import FormattingOnly
from dayhand.verify.integrity.python_tests import comments_in

INDENTED = re.compile(r"\.(py|pyi|ya?ml|haml|pug|slim|coffee|sass|nim|mk)$|(^|/)[Mm]akefile$")
SEMICOLONS = re.compile(r"\.[cm]?[jt]sx?$")
PIECES = re.compile(r"\"[^\"\n]*\"|\w+|[^\w\s]")
IMPORTING = re.compile(r"\s*(?:import|from)\s")


@dataclass(slots=True)
class ChangedRange:
    """Lines that stand together in a diff: what went, and what came."""

    gone: list[str] = field(default_factory=list)
    come: list[str] = field(default_factory=list)


def places_of(patch: str) -> Mapping[str, list[ChangedRange]]:
    """The changed places of each file of a unified diff, under its new name."""
    found: dict[str, list[ChangedRange]] = {}
    name, heading, inside = "", False, False
    for row in patch.split("\n"):
        if row.startswith("diff --git "):
            name, heading, inside = "", True, False
        elif heading:
            if row.startswith(("--- a/", "+++ b/")):
                name = row[6:].removesuffix("\t")
            heading = not row.startswith("@@")
        elif name and row[:1] in ("+", "-"):
            if not inside:
                found.setdefault(name, []).append(ChangedRange())
            inside = True
            place = found[name][-1]
            (place.come if row[0] == "+" else place.gone).append(row[1:])
        else:
            inside = inside and row.startswith("\\")  # "No newline at end of file"
    return found


def find_layout(
    before: Files, after: Files, places: Mapping[str, list[ChangedRange]]
) -> tuple[FormattingOnly, ...]:
    """The files with places in which only layout changes."""
    found = []
    for path, there in places.items():
        noisy = sum(is_layout(path, place) for place in there)
        if noisy < len(there) and _same_python(path, before, after):
            noisy = len(there)
        if noisy:
            found.append(FormattingOnly(path, noisy, len(there)))
    return tuple(found)


def is_layout(path: str, place: ChangedRange) -> bool:
    """Whether a place says the same before and after, word for word."""
    gone, come = ([row for row in rows if row.strip()] for rows in (place.gone, place.come))
    if gone and all(map(IMPORTING.match, gone)) and sorted(gone) == sorted(come):
        return True
    if _words(path, gone) != _words(path, come):
        return False
    return not INDENTED.search(path) or _indents(gone) == _indents(come)


def _words(path: str, rows: Iterable[str]) -> list[str]:
    text = "\n".join(rows)
    text = re.sub(r"'([^'\"\\\n]*)'", r'"\1"', text)
    text = re.sub(r",(?=\s*[)\]}])", "", text)
    if SEMICOLONS.search(path):
        text = re.sub(r";(?=\s*(?:\n|$))", "", text)
    return PIECES.findall(text)


def _indents(rows: list[str]) -> list[int]:
    return [len(row) - len(row.lstrip()) for row in rows]


def _same_python(path: str, before: Files, after: Files) -> bool:
    if not path.endswith((".py", ".pyi")):
        return False
    old, new = before.read(path), after.read(path)
    if not (old and new):
        return False
    try:
        same = _shape(old) == _shape(new)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return same and _remarks(old) == _remarks(new)


def _remarks(text: str) -> list[str]:
    return ["".join(comment.split()) for _, comment in comments_in(text)]


def _shape(text: str) -> list[str]:
    """A module's statements; those that import and stand together in one order."""
    shape: list[str] = []
    imports: list[str] = []
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            place = f"{node.level}{node.module}" if isinstance(node, ast.ImportFrom) else ""
            imports += [f"{place} {name.name} {name.asname}" for name in node.names]
            continue
        shape += [*sorted(imports), ast.dump(node)]
        imports = []
    return [*shape, *sorted(imports)]
