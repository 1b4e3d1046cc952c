"""Redis: does it answer, is it new enough, and does it keep what it was given?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dayhand.commands.doctor.codes import FaultCode
from dayhand.commands.doctor.finding import HealthFinding
from dayhand.errors import LedgerError
from dayhand.ledger.redis_server import connect, find_server
from dayhand.settings.table import Settings
from dayhand.settings.value_types import mask_password

OLDEST = (6, 2)
NEARLY_FULL = 0.8
MB = 1024 * 1024

Info = Mapping[str, Any]  # what INFO answers


def check_redis(settings: Settings) -> Iterator[HealthFinding]:
    """Ask the server of ``REDIS_URL`` how it is set up; without one, look for the embedded server's program."""
    if not settings.redis_url:
        yield check_embedded()
        return
    from redis.exceptions import AuthenticationError, RedisError

    shown = mask_password(settings.redis_url)
    try:
        with connect(settings.redis_url, quick=True) as redis:
            info = redis.info()
    except AuthenticationError:
        yield HealthFinding(
            f"{shown} refuses the user or the password"
            if shown != settings.redis_url
            else f"{shown} has a password, and REDIS_URL has none",
            FaultCode.REDIS_LOGIN,
            "Write them into REDIS_URL: redis://:PASSWORD@HOST:6379/0, or redis://USER:PASSWORD@HOST:6379/0.",
        )
        return
    except (RedisError, ValueError) as error:
        yield HealthFinding(
            f"{shown} does not answer: {error}",
            FaultCode.REDIS_SILENT,
            "Start it, correct REDIS_URL, or remove REDIS_URL: `dayhand up` then starts its own.",
        )
        return
    for check in (check_version, check_role, check_persistence, check_eviction, check_memory):
        yield from check(info)


def check_embedded() -> HealthFinding:
    try:
        program = find_server()
    except LedgerError as error:
        return HealthFinding(str(error), FaultCode.NO_EMBEDDED, error.advice)
    return HealthFinding(f"REDIS_URL is not set, so `dayhand up` starts its own: {program}")


def check_version(info: Info) -> Iterator[HealthFinding]:
    """Valkey tells a version of Redis that it is compatible with, and its own."""
    version = str(info.get("redis_version", ""))
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    valkey = info.get("valkey_version")
    name = f"Valkey {valkey}" if valkey else f"Redis {version or 'of an unknown version'}"
    if numbers < OLDEST:
        yield HealthFinding(
            f"{name} is older than 6.2",
            FaultCode.REDIS_OLD,
            "Install Valkey 8 or later, or Redis 6.2 or later.",
        )
    else:
        yield HealthFinding(f"{name} answers")


def check_role(info: Info) -> Iterator[HealthFinding]:
    if info.get("role") == "slave":
        yield HealthFinding(
            f"it is a replica of {info.get('master_host')}:{info.get('master_port')}",
            FaultCode.REDIS_READ_ONLY,
            "Set REDIS_URL to the primary.",
        )


def check_persistence(info: Info) -> Iterator[HealthFinding]:
    if not info.get("aof_enabled"):
        yield HealthFinding(
            "it has no append-only file",
            FaultCode.REDIS_VOLATILE,
            "Set `appendonly yes` in its configuration.",
        )
    elif info.get("aof_last_write_status", "ok") != "ok":
        yield HealthFinding(
            "its append-only file could not be written",
            FaultCode.REDIS_CANNOT_SAVE,
            "Free disk on its machine, and see its log.",
        )
    else:
        yield HealthFinding("its append-only file is on, and was written")


def check_eviction(info: Info) -> Iterator[HealthFinding]:
    """A policy applies only under a limit, but managed servers get a limit from their size."""
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy == "noeviction":
        yield HealthFinding("maxmemory-policy is noeviction")
    else:
        yield HealthFinding(
            f"maxmemory-policy is {policy}",
            FaultCode.REDIS_EVICTS,
            "Set `maxmemory-policy noeviction` in its configuration.",
        )


def check_memory(info: Info) -> Iterator[HealthFinding]:
    used, limit = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0) or 0)
    if limit and used > NEARLY_FULL * limit:
        yield HealthFinding(
            f"it uses {used // MB:,} of {limit // MB:,} MB",
            FaultCode.REDIS_FULL,
            "Raise `maxmemory`, or lower DAYHAND_KEPT_BYTES: finished tasks then make room.",
        )
    else:
        yield HealthFinding(f"it uses {used // MB:,} MB" + (f" of {limit // MB:,} MB" if limit else ""))
