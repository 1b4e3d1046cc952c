"""Folders that only the worker's own user can enter, whatever its umask was when they were made."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

OTHERS = 0o077  # the permissions of the group and of all other users


def make_private(folder: Path) -> Path:
    """Make a folder that no other user can enter. One that was open to others is narrowed, with everything in it.

    For folders of the worker alone: no other user may be able to write in them.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & OTHERS:
        _narrow(folder)  # first, so that nobody can enter while the rest is narrowed
        for parent, folders, files in os.walk(folder):
            for name in (*folders, *files):
                _narrow(Path(parent, name))
    return folder


def _narrow(path: Path) -> None:
    with suppress(FileNotFoundError):  # another task removed it
        mode = path.lstat().st_mode
        if mode & OTHERS and not path.is_symlink():
            path.chmod(mode & 0o700)
