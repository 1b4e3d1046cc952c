"""TOML and JSON as a repository has them: a table, or an empty one where the text is none.

What is wrong with a file its own installer says better than we can. Brackets may be nested so deep that a parser gives up
with ``RecursionError``: a repository must not be able to end a task by that.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping


def toml(text: str) -> Mapping[str, object]:
    """The table of a TOML file."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def json_object(text: str) -> Mapping[str, object]:
    """The object of a JSON file; none either where a string in it is half a character or has a NUL.

    Such cannot stand in a command, nor be written down.
    """
    try:
        value = json.loads(text)
        whole = json.dumps(value, ensure_ascii=False).encode()  # UnicodeEncodeError is a ValueError
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) and b"\\u0000" not in whole else {}


def table(tables: Mapping[str, object], *names: str) -> Mapping[str, object]:
    """The table within tables that these names lead to."""
    for name in names:
        inner = tables.get(name)
        if not isinstance(inner, dict):
            return {}
        tables = inner
    return tables
