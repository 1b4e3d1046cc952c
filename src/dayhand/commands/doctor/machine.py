"""The machine: its data folder, free disk and memory, the dashboard's token, and the port of the web server."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from dayhand.commands.doctor.codes import FaultCode
from dayhand.commands.doctor.finding import HealthFinding
from dayhand.commands.doctor.webhook import fetch_health
from dayhand.errors import SettingsError
from dayhand.settings.dashboard_token import FILE, TOKEN_NAME, read_token
from dayhand.settings.required import require_data
from dayhand.settings.table import Settings

GB = 1024**3
SMALL_DISK = 10 * GB
TAKEN = (errno.EADDRINUSE,)
OWN_SECONDS = 1.0  # for an answer of this machine


def check_data(settings: Settings) -> Iterator[HealthFinding]:
    """The data folder can be written, and its disk has room."""
    try:
        require_data(settings)
    except SettingsError as error:
        yield HealthFinding(str(error), FaultCode.DATA_FOLDER, error.advice)
        return
    yield HealthFinding(f"data folder {settings.data}")
    yield from check_disk(settings.data, shutil.disk_usage(settings.data).free, settings.min_free_mb)


def check_disk(data: Path, free: int, min_free_mb: int) -> Iterator[HealthFinding]:
    if free < min_free_mb * 1024**2:
        yield HealthFinding(
            f"{free // 1024**2:,} MB are free on the disk of {data} (DAYHAND_MIN_FREE_MB is {min_free_mb})",
            FaultCode.DISK_LOW,
            "Free some of it, lower DAYHAND_CACHE_BYTES, or set DAYHAND_DATA to a folder on another disk.",
        )
    elif free < SMALL_DISK:
        yield HealthFinding(
            f"{free / GB:.1f} GB are free on the disk of {data}",
            FaultCode.DISK_SMALL,
            "Have 10 GB or more, and set DAYHAND_CACHE_BYTES to less than what is free.",
        )
    else:
        yield HealthFinding(f"{free / GB:,.0f} GB of disk are free")


def check_memory(settings: Settings) -> Iterator[HealthFinding]:
    """What a worker looks at before it takes a task."""
    from dayhand.worker.room import find_memory_shortage

    if shortage := find_memory_shortage(settings.min_free_mb):
        yield HealthFinding(
            f"{shortage.removesuffix('.')} (DAYHAND_MIN_FREE_MB is {settings.min_free_mb})".replace(
                "Only", "only"
            ),
            FaultCode.MEMORY_LOW,
            "Stop other programs, or lower DAYHAND_CONCURRENCY or DAYHAND_MIN_FREE_MB.",
        )


def check_dashboard(settings: Settings) -> Iterator[HealthFinding]:
    """Where the token is, but not the token: people paste this output into bug reports."""
    path = settings.data / FILE
    if settings.dashboard_token:
        yield HealthFinding(f"{settings.url}/tasks opens with {TOKEN_NAME}")
    elif not path.is_symlink() and not path.exists():
        yield HealthFinding("the dashboard's token is made at the first start, which prints the link")
    else:
        try:
            read_token(path)
        except SettingsError as error:
            yield HealthFinding(str(error), FaultCode.DASHBOARD_TOKEN, error.advice)
        else:
            yield HealthFinding(f"{settings.url}/tasks opens with the token in {path}")


def check_port(settings: Settings, *, free_only: bool = False) -> Iterator[HealthFinding]:
    """Free, or held by this installation's own web server, unless it has to be free."""
    reason = find_obstacle(settings)
    ours = reason in TAKEN and bool(settings.app_id) and _own_app(settings) == settings.app_id
    if reason is None:
        yield HealthFinding(f"{settings.bind_address} is free")
    elif ours and not free_only:
        yield HealthFinding(f"{settings.bind_address} is served by this installation")
    elif reason in TAKEN:
        yield HealthFinding(
            f"{'this installation runs already and' if ours else 'another program'} listens on {settings.bind_address}",
            FaultCode.PORT_TAKEN,
            f"Find it with `ss -ltnp 'sport = :{settings.port}'` and stop it, or set DAYHAND_PORT.",
        )
    else:
        yield HealthFinding(
            f"{settings.bind_address}: {os.strerror(reason).lower()}",
            FaultCode.PORT_REFUSED,
            "Set DAYHAND_PORT to 1024 or more, and DAYHAND_HOST to an address of this machine.",
        )


def find_obstacle(settings: Settings) -> int | None:
    """Why nothing can listen on the port, as an ``errno``; None if it is free."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.create_server((settings.host, settings.port), family=family):
            return None
    except OSError as error:
        return error.errno if error.errno in errno.errorcode else errno.EADDRNOTAVAIL


def _own_app(settings: Settings) -> int | str:
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - asked, not listened on
    host = everywhere.get(settings.host) or settings.bind_address.rpartition(":")[0]
    return fetch_health(f"http://{host}:{settings.port}", OWN_SECONDS)
