"""Writes a file that only its owner can read: complete or not at all, and on the disk before it takes its name."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Replace the file; a link is followed. Raises ``OSError``."""
    target = path.resolve()
    with tempfile.NamedTemporaryFile(
        "w", dir=target.parent, prefix=f".{target.name}-", delete=False, encoding="utf-8", newline=""
    ) as file:  # has mode 0600
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(target)
        finally:
            Path(file.name).unlink(missing_ok=True)  # it has the other name, unless something failed
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def check_writable(path: Path) -> None:
    """Write as much as a key beside the file, and remove it again. Raises ``OSError``."""
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise IsADirectoryError(None, "it is not a file")
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}-") as file:
        file.write(b"\0" * 65536)
        file.flush()
        os.fsync(file.fileno())
