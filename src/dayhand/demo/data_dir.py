"""The demo's data folder: the local GitHub and Redis start empty, installed environments are kept."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dayhand.errors import SettingsError

CLEARED = ("github", "mirrors", "redis")
MAX_DEMOS = 20


@contextmanager
def lock_data_dir(data: Path) -> Iterator[Path]:
    """Lock and clear ``data/demo``, or ``data/demo-2`` and so on if another demo uses it.

    Raises ``SettingsError`` if no folder can be locked.
    """
    for number in range(1, MAX_DEMOS + 1):
        folder = data / ("demo" if number == 1 else f"demo-{number}")
        _create(folder)
        with (folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            _clear(folder)
            yield folder
            return
    raise SettingsError(
        f"{MAX_DEMOS} demos are already running.", advice="Stop one of them, or set DAYHAND_DATA."
    )


def _create(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "lock").touch()
    except OSError as error:
        raise SettingsError(
            f"The demo cannot write to {folder} ({error.strerror}).",
            advice="Set DAYHAND_DATA to a folder that you can write to.",
        ) from error


def _clear(folder: Path) -> None:
    for name in CLEARED:
        if (folder / name).exists():
            shutil.rmtree(folder / name)
