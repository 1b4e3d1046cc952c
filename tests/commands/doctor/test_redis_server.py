"""Whether Redis keeps what it is given: by its own account, and by asking real servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from dayhand.commands.doctor.codes import FaultCode
from dayhand.commands.doctor.redis_server import (
    check_eviction,
    check_memory,
    check_persistence,
    check_redis,
    check_role,
    check_version,
)
from dayhand.ledger.redis_server import connect, embedded
from dayhand.settings.table import Settings

GB = 1024**3
INFOS = [  # what INFO answers, and the faults
    (check_version, {"redis_version": "6.2.0"}, []),
    (check_version, {"redis_version": "7.2.4", "valkey_version": "9.1.2"}, []),
    (check_version, {"redis_version": "10.0.1"}, []),
    (check_version, {"redis_version": "6.0.16"}, [FaultCode.REDIS_OLD]),
    (check_version, {"redis_version": "5.0.14"}, [FaultCode.REDIS_OLD]),
    (check_version, {}, [FaultCode.REDIS_OLD]),
    (check_role, {"role": "master"}, []),
    (check_role, {"role": "slave", "master_host": "a", "master_port": 1}, [FaultCode.REDIS_READ_ONLY]),
    (check_persistence, {"aof_enabled": 1, "aof_last_write_status": "ok"}, []),
    (check_persistence, {"aof_enabled": 0}, [FaultCode.REDIS_VOLATILE]),
    (check_persistence, {"aof_enabled": 1, "aof_last_write_status": "err"}, [FaultCode.REDIS_CANNOT_SAVE]),
    (check_eviction, {"maxmemory_policy": "noeviction"}, []),
    (check_eviction, {}, []),
    (check_eviction, {"maxmemory_policy": "allkeys-lru"}, [FaultCode.REDIS_EVICTS]),
    (check_eviction, {"maxmemory_policy": "volatile-ttl"}, [FaultCode.REDIS_EVICTS]),
    (check_memory, {"used_memory": 3 * GB, "maxmemory": 0}, []),
    (check_memory, {"used_memory": 3 * GB, "maxmemory": 4 * GB}, []),
    (check_memory, {"used_memory": 3.5 * GB, "maxmemory": 4 * GB}, [FaultCode.REDIS_FULL]),
]


@pytest.mark.parametrize(("check", "info", "expected"), INFOS)
def test_what_info_says_is_judged(check: object, info: dict[str, object], expected: list[FaultCode]) -> None:
    found = list(check(info))  # type: ignore[operator]
    assert [each.fault for each in found if each.fault] == expected
    assert all(each.cure for each in found if each.fault)


def test_a_real_server_is_asked(tmp_path: Path) -> None:
    def faults() -> list[FaultCode]:
        return [each.fault for each in check_redis(settings) if each.fault]

    with embedded(tmp_path) as url, connect(url) as redis:
        settings = Settings(data=tmp_path, redis_url=url)
        assert faults() == []
        redis.config_set("maxmemory-policy", "allkeys-lru")
        redis.config_set("appendonly", "no")
        assert faults() == [FaultCode.REDIS_VOLATILE, FaultCode.REDIS_EVICTS]
        redis.config_set("maxmemory", redis.info("memory")["used_memory"] + 100_000)
        assert faults()[-1] is FaultCode.REDIS_FULL
    assert faults() == [FaultCode.REDIS_SILENT]


@pytest.mark.parametrize(
    ("login", "expected"),
    [("", "has a password, and REDIS_URL has none"), ("?password=x", "refuses the user")],
)
def test_a_server_that_asks_for_a_login_is_not_called_silent(
    tmp_path: Path, login: str, expected: str
) -> None:
    with embedded(tmp_path) as url, connect(url) as redis:
        redis.config_set("requirepass", "of-redis")
        (found,) = check_redis(Settings(data=tmp_path, redis_url=f"{url}{login}"))
        redis.config_set("requirepass", "")
    assert found.fault is FaultCode.REDIS_LOGIN
    assert expected in found.observed


def test_a_password_is_not_shown_when_the_server_is_silent(tmp_path: Path) -> None:
    (found,) = check_redis(Settings(data=tmp_path, redis_url="redis://:canary@127.0.0.1:1/0"))
    assert found.fault is FaultCode.REDIS_SILENT
    assert "canary" not in str(found)


def test_without_an_address_the_embedded_server_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (found,) = check_redis(Settings(data=tmp_path))
    assert found.fault is None
