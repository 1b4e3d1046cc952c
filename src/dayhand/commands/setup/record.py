"""How far a set-up has come: a file beside ``.env`` that lets it go on after it was broken off, and who is at it."""

from __future__ import annotations

import getpass
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from dayhand.commands.setup.plan import AppPlan
from dayhand.commands.setup.private_file import write_private
from dayhand.errors import SettingsError
from dayhand.hub.registration import AppCredentials
from dayhand.sandbox.file_lock import FileLock
from dayhand.startup.records import dataclass
from dayhand.typed_json import ShapeError, parse

RECORD, LOCK, FORM = ".dayhand-setup.json", ".dayhand-setup.lock", ".dayhand-setup.html"


@dataclass(frozen=True, slots=True)
class SetupRecord:
    """An App that is being registered."""

    plan: AppPlan
    state: str  # returns from GitHub in the redirect; nobody else can know it
    page: str  # of the local pages: other users of this machine must not find them
    port: int
    credentials: AppCredentials | None = None  # received, but not yet in their files

    def __repr__(self) -> str:
        return f"SetupRecord(plan={self.plan}, port={self.port})"

    @property
    def local_address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def start_page(self) -> str:
        return f"{self.local_address}/start/{self.page}"

    @property
    def redirect_url(self) -> str:
        return f"{self.local_address}/done"


def new_record(plan: AppPlan, port: int) -> SetupRecord:
    return SetupRecord(plan, secrets.token_urlsafe(32), secrets.token_urlsafe(32), port)


def read_record(folder: Path) -> SetupRecord | None:
    """The set-up that was broken off in this folder, if there is one. Raises ``SettingsError``."""
    path = folder / RECORD
    try:
        return parse(SetupRecord, path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ShapeError) as error:
        raise SettingsError(
            f"{path}, which says how far the set-up has come, cannot be read: {error}.",
            advice="Remove it to begin again. If the App exists already, delete it on GitHub first.",
        ) from error


def save_record(folder: Path, record: SetupRecord) -> None:
    write_private(folder / RECORD, json.dumps(asdict(record)))


def remove_record(folder: Path) -> None:
    for name in (RECORD, FORM):
        (folder / name).unlink(missing_ok=True)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Be the one who sets up Dayhand in this folder. Raises ``SettingsError`` that says who else is at it."""
    path = folder / LOCK
    try:
        lock = FileLock(path)
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be opened ({error.strerror}).",
            advice="Run `dayhand setup` as the user that will run Dayhand, in a folder where it may write.",
        ) from error
    try:
        if not lock.acquire():
            who = path.read_text(encoding="utf-8") if path.exists() else ""
            raise SettingsError(
                f"`dayhand setup` is already running in {folder.resolve()}: {who or 'somebody has just begun'}.",
                advice="Finish it there, or end that process; then run `dayhand setup` again, which goes on from there.",
            )
        path.write_text(_who(), encoding="utf-8")
        try:
            yield
        finally:
            lock.remove()
    finally:
        lock.release()


def _who() -> str:
    return f"{getpass.getuser()} on {socket.gethostname()}, process {os.getpid()}, since {time.strftime('%H:%M')}"
