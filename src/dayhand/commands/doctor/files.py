"""Who on this machine can read the secrets, or write where Dayhand keeps its files: findings of ``dayhand doctor``."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from dayhand.commands.doctor.codes import FaultCode
from dayhand.commands.doctor.finding import HealthFinding
from dayhand.settings.table import DOTENV, Settings

WRITE, READ_AND_WRITE = 0o2, 0o6
ROOT = 0


def check_modes(settings: Settings) -> Iterator[HealthFinding]:
    """The App's private key, ``.env`` and the data folder."""
    faults = list(_all_faults(settings))
    yield from faults or [
        HealthFinding("only Dayhand's user can read the key and .env, and write to the data folder")
    ]


def _all_faults(settings: Settings) -> Iterator[HealthFinding]:
    files = [("private key", settings.private_key_path), (".env", DOTENV)]
    for name, path in files:
        if path and path.is_file():
            yield from _faults(name, path, may_not=READ_AND_WRITE, cure=f"chmod 600 {path}")
    if settings.data.is_dir():
        yield from _faults("data folder", settings.data, may_not=WRITE, cure=f"chmod go-w {settings.data}")


def _faults(name: str, path: Path, *, may_not: int, cure: str) -> Iterator[HealthFinding]:
    real = path.resolve()
    status = real.stat()
    mode = stat.S_IMODE(status.st_mode)
    what = "read or write" if may_not == READ_AND_WRITE else "write"
    if mode & may_not:
        yield HealthFinding(
            f"{name}: every user of this machine can {what} {path} (mode {mode:o})",
            FaultCode.OPEN_TO_ALL,
            f"Run `{cure}`.",
        )
    elif mode >> 3 & may_not:
        yield HealthFinding(
            f"{name}: every user in group {status.st_gid} can {what} {path} (mode {mode:o})",
            FaultCode.OPEN_TO_GROUP,
            f"Run `{cure}`, unless only Dayhand's user is in that group.",
        )
    if status.st_uid not in (ROOT, os.geteuid()):
        yield HealthFinding(
            f"{name}: {path} belongs to user {status.st_uid}, who can change it",
            FaultCode.OTHER_OWNER,
            f"Run `chown {os.geteuid()} {path}`.",
        )
    for folder in real.parents:
        above = folder.stat()
        if above.st_mode & WRITE and not above.st_mode & stat.S_ISVTX:
            yield HealthFinding(
                f"{name}: every user of this machine can replace {path}, because {folder} can be written by all",
                FaultCode.REPLACEABLE,
                f"Run `chmod o-w {folder}`.",
            )
