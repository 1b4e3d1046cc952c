"""Copies of our own code that every user can read: this checkout may be in a folder that only its owner can enter."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import uv

from dayhand.sandbox.bubblewrap.mounts import is_readable_by_all

CHECKOUT = Path(__file__).parents[2]
PACKAGES = Path(pytest.__file__).parents[1]


def readable_copies(folder: Path) -> tuple[Path, Path]:
    """The checkout and its installed packages, or copies of them under ``folder`` if other users cannot read those."""
    if is_readable_by_all(CHECKOUT / "src" / "dayhand" / "errors.py") and is_readable_by_all(PACKAGES):
        return CHECKOUT, PACKAGES
    checkout, packages = folder / "checkout", folder / "packages"
    for part in ("src", "tests"):
        # With what is compiled, since the user cannot write there.
        shutil.copytree(CHECKOUT / part, checkout / part)
    shutil.copy(CHECKOUT / "pyproject.toml", checkout)
    shutil.copytree(PACKAGES, packages, copy_function=_link)
    (packages / "bin").mkdir(exist_ok=True)
    _link(uv.find_uv_bin(), str(packages / "bin" / "uv"))  # where uv's package looks for it
    return checkout, packages


def _link(source: str, target: str) -> None:
    """Make a hard link, or a copy if the folders are on different disks."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
