"""What a command requires of its settings and of this machine, checked before anything starts."""

from __future__ import annotations

import shutil
import tempfile
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from stat import S_ISREG

from dayhand.errors import SettingsError
from dayhand.ledger.redis_server import at_hand, connect
from dayhand.settings.table import Settings

MAX_KEY_BYTES = 64 * 1024
MIN_TEMPORARY_BYTES = 64 << 20
OTHER_FOLDER = "Free some space there, or set TMPDIR to another folder."
PEM_ADVICE = "Point it at the .pem file that GitHub gave you when the App was created."


def require_app(settings: Settings) -> None:
    """Raise ``SettingsError`` unless everything is set that a GitHub App needs, and its key can be read."""
    missing = [
        name
        for name, value in (
            ("GITHUB_APP_ID", settings.app_id),
            ("GITHUB_APP_PRIVATE_KEY_PATH", settings.private_key or settings.private_key_path),
            ("GITHUB_WEBHOOK_SECRET", settings.webhook_secrets),
        )
        if not value
    ]
    if missing:
        raise SettingsError(
            f"Not set: {', '.join(missing)}.",
            advice="Run `dayhand setup`: it registers the App and writes them into .env.",
        )
    app_key(settings)


def app_key(settings: Settings) -> str:
    """The text of the App's private key; whether it is one, `hub.auth` finds out. Raises ``SettingsError``."""
    path = settings.private_key_path
    if settings.private_key or path is None:
        return _with_line_ends(settings.private_key)
    try:
        if not S_ISREG(path.stat().st_mode):  # reading a pipe would wait for its other end
            raise SettingsError(f"GITHUB_APP_PRIVATE_KEY_PATH: {path} is not a file.", advice=PEM_ADVICE)
        with path.open("rb") as file:
            text = file.read(MAX_KEY_BYTES + 1).removeprefix(BOM_UTF8).decode("ascii")
    except OSError as error:
        raise SettingsError(
            f"GITHUB_APP_PRIVATE_KEY_PATH: {path} cannot be read ({error.strerror}).", advice=PEM_ADVICE
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"GITHUB_APP_PRIVATE_KEY_PATH: {path} is a binary file, not a .pem.", advice=PEM_ADVICE
        ) from error
    if len(text) > MAX_KEY_BYTES:
        raise SettingsError(f"GITHUB_APP_PRIVATE_KEY_PATH: {path} is too large for a key.", advice=PEM_ADVICE)
    return _with_line_ends(text)


def _with_line_ends(pem: str) -> str:
    """A key that went through one line, as variables of hosts and containers do."""
    return pem.replace("\\n", "\n")


def require_data(settings: Settings) -> None:
    """Make the data folder if it does not exist. Raises ``SettingsError`` unless this user can write to it."""
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.data):
            pass
    except OSError as error:
        reason = "it is not a folder" if isinstance(error, FileExistsError) else error.strerror
        raise SettingsError(
            f"DAYHAND_DATA: {settings.data} cannot be written ({reason}).",
            advice="Set it to a folder that this user may write to.",
        ) from error


def require_model(settings: Settings) -> None:
    """Raise ``SettingsError`` unless a model is set."""
    if not settings.real_model:
        raise SettingsError(
            "No model is set, and the scripted model knows only the demo's repositories.",
            advice="Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own.",
        )


def require_temporary_space() -> None:
    """Raise ``SettingsError`` unless there is a temporary folder with room for a run."""
    try:
        folder = tempfile.gettempdir()
        free = shutil.disk_usage(folder).free
    except OSError as error:  # it also means: no folder can be written to
        raise SettingsError(f"There is no temporary folder: {error}.", advice=OTHER_FOLDER) from error
    if free < MIN_TEMPORARY_BYTES:
        raise SettingsError(
            f"The temporary folder {folder} is full: {free >> 20} MB are left, and a run needs {MIN_TEMPORARY_BYTES >> 20} MB.",
            advice=OTHER_FOLDER,
        )


@contextmanager
def open_redis(settings: Settings) -> Iterator[str]:
    """The URL of the Redis that tasks are kept in. Raises ``SettingsError`` if it would drop them."""
    with at_hand(settings.redis_url, settings.data) as url:
        _require_no_eviction(url)
        yield url


def _require_no_eviction(url: str) -> None:
    """Raise ``SettingsError`` if this Redis drops keys when it is full. One that does not answer is not judged."""
    # Here and not on top: `dayhand run` starts without redis-py's imports.
    from redis.exceptions import RedisError

    try:
        with connect(url, quick=True) as redis:
            memory = redis.info("memory")
    except RedisError:
        return
    policy = memory.get("maxmemory_policy", "noeviction")
    if memory.get("maxmemory") and policy != "noeviction":
        raise SettingsError(
            f"REDIS_URL: with the policy {policy} this Redis drops tasks when it is full.",
            advice="Set its maxmemory-policy to noeviction.",
        )
