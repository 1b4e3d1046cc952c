"""Which changed files nobody spoke of: not the ask, not the account, and not through a file that was spoken of.

A simple rule that people can check: a file is spoken of where its name stands in the words, where a symbol that the words name
stands on its changed lines, and where it is the test of such a file, imports it or is imported by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from dayhand.environment.ecosystems.base import Files
from dayhand.file_kinds import is_lock
from dayhand.verify.scope.formatting_only import ChangedRange

FEW = 3  # so few files are seen at a glance: where none is named, nothing is said
SYMBOL = re.compile(r"`[^`\n]+`|\b\w+(?=\()|\b\w*[a-z0-9][A-Z]\w*\b|\b\w*_\w+\b")
IMPORT = re.compile(r"\b(?:import|from|require|include|use|using|mod|source|load)\b")
COMMON = frozenset(["__init__", "__main__", "index", "mod", "main", "lib", "package-info"])
TESTING = re.compile(r"^test[_-]|[_.-](test|tests|spec)$|(?<=[a-z])(Test|Tests|Spec|IT)$")


def find_unmentioned(
    words: str, after: Files, places: Mapping[str, list[ChangedRange]], *, paths: tuple[str, ...]
) -> tuple[str, ...]:
    """The changed ``paths`` that ``words`` do not lead to; none where so few changed that nobody need be told."""
    asked = [path for path in paths if not is_lock(path)]
    mentioned = {path for path in asked if _named(path, words) or _by_symbol(places.get(path, ()), words)}
    if not mentioned and len(asked) <= FEW:
        return ()
    texts = {path: imports_in(after.read(path)) for path in asked}
    while more := {
        one for one in asked if one not in mentioned and any(tied(one, two, texts) for two in mentioned)
    }:
        mentioned |= more
    return tuple(path for path in asked if path not in mentioned)


def _named(path: str, words: str) -> bool:
    """Whether the words hold the path, the file's name, or its name without the ending."""
    name = PurePosixPath(path).name
    return any(_holds(words, word) for word in (path, name, _stem(path)) if len(word) > 2)


def _by_symbol(places: Iterable[ChangedRange], words: str) -> bool:
    named = {piece for found in SYMBOL.findall(words) for piece in re.findall(r"\w{3,}", found)}
    rows = (row for place in places for row in (*place.gone, *place.come))
    return bool(named) and any(not named.isdisjoint(re.findall(r"\w{3,}", row)) for row in rows)


def tied(one: str, two: str, imports: Mapping[str, frozenset[str]]) -> bool:
    """Whether one file is the other's test, or imports it."""
    first, second = _stem(one).lower(), _stem(two).lower()
    if first == second:
        return True
    return second in imports[one] or first in imports[two]


def _stem(path: str) -> str:
    """The name without endings and marks of tests; a folder's, where the file's own says nothing."""
    whole = PurePosixPath(path)
    stem = whole.name.lstrip(".").partition(".")[0] or whole.name
    plain = TESTING.sub("", stem) or stem
    return whole.parent.name if plain in COMMON and whole.parent.name else plain


def imports_in(text: str) -> frozenset[str]:
    """The words on lines that bring something in."""
    rows = (row for row in text.split("\n") if IMPORT.search(row))
    return frozenset(word for row in rows for word in re.findall(r"[\w-]+", row.lower()))


def _holds(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text, re.IGNORECASE) is not None
