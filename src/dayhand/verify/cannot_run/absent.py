"""Failures that follow from what the repository only refers to: its submodules and Git LFS files that are not there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from dayhand.verify.cannot_run.base import Kind
from dayhand.verify.cannot_run.causes import find_causes

MAX_NAMED = 3
NAMES_ONE = (Kind.FILE, Kind.PACKAGE, Kind.IMPORT, Kind.PROGRAM)


def explain_absent(output: str, absent: Mapping[str, str]) -> str:
    """The sentences about what is absent and what this output of a failing run lacks; "" if it lacks none of it.

    It is named by its path anywhere, or by its name where the output says that a file or a module is missing.
    """
    if not absent:
        return ""
    causes = find_causes(output)
    is_pointer = any(cause.kind is Kind.LFS for cause in causes)
    words = {
        word for cause in causes if cause.kind in NAMES_ONE for word in re.split(r"[/.:]+", cause.missing)
    }
    found = [
        sentence
        for path, sentence in absent.items()
        if _is_named(path, output) or _names(path) & words or (is_pointer and "Git LFS" in sentence)
    ]
    more = f" And {len(found) - MAX_NAMED} more." if len(found) > MAX_NAMED else ""
    return " ".join(found[:MAX_NAMED]) + more


def _is_named(path: str, output: str) -> bool:
    return re.search(rf"(?<![\w/-]){re.escape(path)}(?![\w-])", output) is not None


def _names(path: str) -> set[str]:
    """A folder's name, as a module is called; a file's with and without its suffix."""
    name = PurePosixPath(path)
    return {name.name, name.stem, name.name.replace("-", "_")}
