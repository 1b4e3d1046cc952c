"""The dashboard's token: set by the operator, or made once and kept in the data folder."""

from __future__ import annotations

import os
import re
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from dayhand.errors import SettingsError
from dayhand.settings.table import Settings
from dayhand.settings.value_types import TOKEN_PATTERN

TOKEN_NAME = "DAYHAND_DASHBOARD_TOKEN"  # noqa: S105 - a setting's name
FILE = "dashboard-token"
MAX_BYTES = 1000


def dashboard_token(settings: Settings) -> str:
    """The token that opens the dashboard; made if there is none yet. Raises ``SettingsError``."""
    if settings.dashboard_token:
        return settings.dashboard_token
    path = settings.data / FILE
    if not path.is_symlink() and not path.exists():
        _make(path)
    return read_token(path)


def dashboard_link(settings: Settings, token: str) -> str:
    """The link that opens the dashboard. It does not show a token that the operator set: settings' secrets are never printed."""
    if settings.dashboard_token:
        return f"{settings.url}/tasks?token=…  (with the value of {TOKEN_NAME})"
    return f"{settings.url}/tasks?token={token}"


def read_token(path: Path) -> str:
    """The token in this file. Raises ``SettingsError`` if other users can read it, or if it is not a token."""
    try:
        with os.fdopen(
            os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb"
        ) as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(MAX_BYTES) if stat.S_ISREG(mode) else b""
    except OSError as error:
        raise SettingsError(
            f"{path}, the dashboard's token, cannot be read ({error.strerror}).",
            advice="Give the file to the user that runs Dayhand, or remove it: the next start makes a new token.",
        ) from error
    if mode & 0o077:
        raise SettingsError(
            f"{path}, the dashboard's token, is open to other users (mode {stat.S_IMODE(mode):o}).",
            advice="Remove it: the next start makes a new token. If nobody else can have read it, `chmod 600` is enough.",
        )
    token = text.decode("ascii", "replace").strip()
    if not re.fullmatch(TOKEN_PATTERN, token):
        raise SettingsError(
            f"{path} does not hold a token.", advice="Remove it: the next start makes a new one."
        )
    return token


def _make(path: Path) -> None:
    """Write a new token; the file appears complete, with mode 0600. If several processes do this at once, the first wins."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{FILE}-"
        ) as file:  # has mode 0600
            file.write(f"{secrets.token_urlsafe(32)}\n")
            file.flush()
            os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(file.name, path)
    except OSError as error:
        raise SettingsError(
            f"{path}, the dashboard's token, cannot be written ({error.strerror}).",
            advice=f"Set DAYHAND_DATA to a folder that this user may write to, or set {TOKEN_NAME}.",
        ) from error
