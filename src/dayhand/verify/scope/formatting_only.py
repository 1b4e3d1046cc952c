"""Where a change only alters formatting: whitespace, line breaks, quotes, the order of imports.

Read from the unified diff in one pass; Python files are also compared as a whole, by their syntax trees.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dayhand.environment.ecosystems.base import Files
from dayhand.verification import FormattingOnly
from dayhand.verify.integrity.python_tests import comments_in

INDENTATION_MATTERS = re.compile(r"\.(py|pyi|ya?ml|haml|pug|slim|coffee|sass|nim|mk)$|(^|/)[Mm]akefile$")
SEMICOLONS_ARE_OPTIONAL = re.compile(r"\.[cm]?[jt]sx?$")
TOKEN = re.compile(r"\"[^\"\n]*\"|\w+|[^\w\s]")
IMPORT = re.compile(r"\s*(?:import|from)\s")


@dataclass(slots=True)
class ChangedRange:
    """Consecutive changed lines of a diff."""

    removed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)


def changed_ranges(patch: str) -> Mapping[str, list[ChangedRange]]:
    """The changed ranges of each file of a unified diff, by the file's new name."""
    ranges: dict[str, list[ChangedRange]] = {}
    name, in_header, in_range = "", False, False
    for line in patch.split("\n"):
        if line.startswith("diff --git "):
            name, in_header, in_range = "", True, False
        elif in_header:
            if line.startswith(("--- a/", "+++ b/")):
                name = line[6:].removesuffix("\t")
            in_header = not line.startswith("@@")
        elif name and line[:1] in ("+", "-"):
            if not in_range:
                ranges.setdefault(name, []).append(ChangedRange())
            in_range = True
            current = ranges[name][-1]
            (current.added if line[0] == "+" else current.removed).append(line[1:])
        else:
            in_range = in_range and line.startswith("\\")  # "No newline at end of file"
    return ranges


def find_formatting_only(
    before: Files, after: Files, ranges: Mapping[str, list[ChangedRange]]
) -> tuple[FormattingOnly, ...]:
    """The files with ranges in which only formatting changes."""
    found = []
    for path, file_ranges in ranges.items():
        count = sum(is_formatting_only(path, changed) for changed in file_ranges)
        if count < len(file_ranges) and _is_same_python(path, before, after):
            count = len(file_ranges)
        if count:
            found.append(FormattingOnly(path, count, len(file_ranges)))
    return tuple(found)


def is_formatting_only(path: str, changed: ChangedRange) -> bool:
    """Whether a range has the same tokens before and after."""
    removed, added = ([line for line in lines if line.strip()] for lines in (changed.removed, changed.added))
    if removed and all(map(IMPORT.match, removed)) and sorted(removed) == sorted(added):
        return True
    if _tokens(path, removed) != _tokens(path, added):
        return False
    return not INDENTATION_MATTERS.search(path) or _indentations(removed) == _indentations(added)


def _tokens(path: str, lines: Iterable[str]) -> list[str]:
    text = "\n".join(lines)
    text = re.sub(r"'([^'\"\\\n]*)'", r'"\1"', text)
    text = re.sub(r",(?=\s*[)\]}])", "", text)
    if SEMICOLONS_ARE_OPTIONAL.search(path):
        text = re.sub(r";(?=\s*(?:\n|$))", "", text)
    return TOKEN.findall(text)


def _indentations(lines: list[str]) -> list[int]:
    return [len(line) - len(line.lstrip()) for line in lines]


def _is_same_python(path: str, before: Files, after: Files) -> bool:
    """Whether both versions of a Python file have the same syntax tree and the same comments."""
    if not path.endswith((".py", ".pyi")):
        return False
    old, new = before.read(path), after.read(path)
    if not (old and new):
        return False
    try:
        same_code = _statements(old) == _statements(new)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return same_code and _comments(old) == _comments(new)


def _comments(text: str) -> list[str]:
    return ["".join(comment.split()) for _, comment in comments_in(text)]


def _statements(text: str) -> list[str]:
    """A module's statements, with consecutive imports in a fixed order."""
    statements: list[str] = []
    imports: list[str] = []
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = f"{node.level}{node.module}" if isinstance(node, ast.ImportFrom) else ""
            imports += [f"{module} {name.name} {name.asname}" for name in node.names]
            continue
        statements += [*sorted(imports), ast.dump(node)]
        imports = []
    return [*statements, *sorted(imports)]
