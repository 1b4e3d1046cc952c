"""Which changed files are not mentioned: neither the request nor the summary leads to them.

The rule is simple enough for people to check: a file is mentioned if its name is in the text, if a symbol that the text
names is on its changed lines, or if it is the test of a mentioned file, imports one, or is imported by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from dayhand.environment.ecosystems.base import Files
from dayhand.file_kinds import is_lock
from dayhand.verify.scope.formatting_only import ChangedRange

SMALL_CHANGE = 3  # files: if none of so few is mentioned, none is reported
SYMBOL = re.compile(r"`[^`\n]+`|\b\w+(?=\()|\b\w*[a-z0-9][A-Z]\w*\b|\b\w*_\w+\b")
IMPORT = re.compile(r"\b(?:import|from|require|include|use|using|mod|source|load)\b")
GENERIC_NAMES = frozenset(["__init__", "__main__", "index", "mod", "main", "lib", "package-info"])
TEST_AFFIX = re.compile(r"^test[_-]|[_.-](test|tests|spec)$|(?<=[a-z])(Test|Tests|Spec|IT)$")


def find_unmentioned(
    text: str, after: Files, ranges: Mapping[str, list[ChangedRange]], *, paths: tuple[str, ...]
) -> tuple[str, ...]:
    """The changed ``paths`` that ``text`` does not lead to; none if the change is small and no file is mentioned."""
    changed = [path for path in paths if not is_lock(path)]
    mentioned = {
        path for path in changed if _is_named(path, text) or _has_named_symbol(ranges.get(path, ()), text)
    }
    if not mentioned and len(changed) <= SMALL_CHANGE:
        return ()
    imports = {path: imported_words(after.read(path)) for path in changed}
    while related := {
        path
        for path in changed
        if path not in mentioned and any(are_related(path, other, imports) for other in mentioned)
    }:
        mentioned |= related
    return tuple(path for path in changed if path not in mentioned)


def _is_named(path: str, text: str) -> bool:
    """Whether the text contains the path, the file's name, or its name without the suffix."""
    name = PurePosixPath(path).name
    return any(_contains_word(text, word) for word in (path, name, _stem(path)) if len(word) > 2)


def _has_named_symbol(ranges: Iterable[ChangedRange], text: str) -> bool:
    symbols = {word for symbol in SYMBOL.findall(text) for word in re.findall(r"\w{3,}", symbol)}
    lines = (line for changed in ranges for line in (*changed.removed, *changed.added))
    return bool(symbols) and any(not symbols.isdisjoint(re.findall(r"\w{3,}", line)) for line in lines)


def are_related(path: str, other: str, imports: Mapping[str, frozenset[str]]) -> bool:
    """Whether one file is the other's test, or imports it. ``imports``: the words of each file's import lines."""
    stem, other_stem = _stem(path).lower(), _stem(other).lower()
    return stem == other_stem or other_stem in imports[path] or stem in imports[other]


def _stem(path: str) -> str:
    """The file's name without suffixes and without marks of a test; for a generic name, that of its folder."""
    pure_path = PurePosixPath(path)
    stem = pure_path.name.lstrip(".").partition(".")[0] or pure_path.name
    subject = TEST_AFFIX.sub("", stem) or stem
    return pure_path.parent.name if subject in GENERIC_NAMES and pure_path.parent.name else subject


def imported_words(text: str) -> frozenset[str]:
    """The words on the lines of a file that import something."""
    lines = (line for line in text.split("\n") if IMPORT.search(line))
    return frozenset(word for line in lines for word in re.findall(r"[\w-]+", line.lower()))


def _contains_word(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text, re.IGNORECASE) is not None
