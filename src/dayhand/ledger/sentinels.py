"""A Redis with a standby, which sentinels watch: they name the server that takes writes, the primary."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from redis import Redis
from redis.sentinel import Sentinel, SentinelManagedConnection

SENTINEL = "redis+sentinel://"  # HOST:PORT,HOST:PORT/NAME or …/NAME/DATABASE
SENTINEL_SECONDS = 1.0  # for one of them to answer


def connect_to_primary(url: str, options: dict[str, Any]) -> Redis:
    """A client of the server that is the primary at each moment. Raises ``ValueError`` if the address is none."""
    sentinels, name, login = read_sentinel_address(url)
    asked = {"socket_timeout": SENTINEL_SECONDS, "socket_keepalive": True}
    options = {**options, **login, "connection_class": _PrimaryConnection}
    primary: Redis = Sentinel(sentinels, sentinel_kwargs=asked).master_for(name, **options)  # type: ignore[no-untyped-call]
    return primary


def read_sentinel_address(url: str) -> tuple[list[tuple[str, int]], str, dict[str, str | int]]:
    """The sentinels, the name of their primary, and how to log in to it. Raises ``ValueError``.

    >>> read_sentinel_address("redis+sentinel://:secret@one:26379,two:26380/main/2")
    ([('one', 26379), ('two', 26380)], 'main', {'password': 'secret', 'db': 2})
    """
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    user, _, password = (unquote(one) for one in login.partition(":"))
    name, _, db = parts.path.removeprefix("/").partition("/")
    pairs = [one.rpartition(":") for one in hosts.split(",")]
    if not name or parts.query or parts.fragment or not all(host for host, _, _ in pairs):
        raise ValueError(url)
    options: dict[str, str | int] = {"username": user, "password": password, "db": int(db or 0)}
    return (
        [(host.strip("[]"), int(port)) for host, _, port in pairs],
        name,
        {key: value for key, value in options.items() if value},
    )


class _PrimaryConnection(SentinelManagedConnection):
    """Asks the sentinels at each new connection.

    redis-py asks them only for a connection's first one, and then connects to the same server again until it gives up:
    https://github.com/redis/redis-py/issues/3874
    """

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - as redis-py has it
        if not self._sock:
            self.connect_to(self.connection_pool.get_master_address())  # type: ignore[no-untyped-call]
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]
