"""The folder that a demo plays in: a fresh GitHub and a fresh ledger each time, the set-up environments kept."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dayhand.errors import SettingsError

FRESH = ("github", "mirrors", "redis")
MAX_DEMOS = 20


@contextmanager
def take_ground(data: Path) -> Iterator[Path]:
    """Give ``data/demo``, or ``data/demo-2`` and so on where another demo plays there, cleared but for snapshots.

    Raises ``SettingsError`` where no folder can be had.
    """
    for number in range(1, MAX_DEMOS + 1):
        folder = data / ("demo" if number == 1 else f"demo-{number}")
        _make(folder)
        with (folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            _clear(folder)
            yield folder
            return
    raise SettingsError(
        f"{MAX_DEMOS} demos are running already.", advice="Stop one of them, or set DAYHAND_DATA."
    )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "lock").touch()
    except OSError as error:
        raise SettingsError(
            f"The demo cannot write to {folder} ({error.strerror}).",
            advice="Set DAYHAND_DATA to a folder of yours.",
        ) from error


def _clear(folder: Path) -> None:
    for name in FRESH:
        if (folder / name).exists():
            shutil.rmtree(folder / name)
