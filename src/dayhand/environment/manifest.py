"""Parse the TOML and JSON of a repository; what cannot be parsed is an empty table.

The file's own installer reports better than Dayhand could what is wrong with it. Brackets may be nested so deep that a
parser raises ``RecursionError``: a repository must not be able to end a task by that.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping


def toml(text: str) -> Mapping[str, object]:
    """The table of a TOML file."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def json_object(text: str) -> Mapping[str, object]:
    """The object of a JSON file; empty too where a string in it has half a surrogate pair or a NUL.

    Such a string can be neither part of a command nor stored.
    """
    try:
        value = json.loads(text)
        encoded = json.dumps(value, ensure_ascii=False).encode()  # UnicodeEncodeError is a ValueError
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) and b"\\u0000" not in encoded else {}


def table(tables: Mapping[str, object], *names: str) -> Mapping[str, object]:
    """The nested table under these names; empty where there is none."""
    for name in names:
        inner = tables.get(name)
        if not isinstance(inner, dict):
            return {}
        tables = inner
    return tables


def strings(value: object) -> Iterator[str]:
    """The strings of a list."""
    return (item for item in value if isinstance(item, str)) if isinstance(value, list) else iter(())


def string_values(value: object) -> dict[str, str]:
    """The entries of a table whose values are strings."""
    return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}
