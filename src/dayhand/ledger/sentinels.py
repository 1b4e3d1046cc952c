"""A Redis with a standby, which sentinels watch: they name the server that takes writes, the primary."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.retry import Retry
from redis.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)

from dayhand.startup.records import dataclass

# HOST:PORT,HOST:PORT/NAME or …/NAME/DATABASE, then options after “?”. With the second one, all of them speak TLS.
SCHEMES = ("redis+sentinel://", TLS := "rediss+sentinel://")
# Of the sentinels, and what redis-py calls it.
LOGIN = {"sentinel_username": "username", "sentinel_password": "password"}
CERTIFICATES = "ssl_ca_certs"
SENTINEL_SECONDS = 1.0  # for one of them to answer


@dataclass(frozen=True, slots=True)
class SentinelAddress:
    """Where the sentinels are, and how to log in to them and to their primary."""

    sentinels: list[tuple[str, int]]
    name: str  # of the primary
    of_sentinels: dict[str, Any]  # redis-py's options
    of_primary: dict[str, Any]


def connect_to_primary(url: str, options: dict[str, Any]) -> Redis:
    """A client of the server that is the primary at each moment. Raises ``ValueError`` if the address is none."""
    address = read_sentinel_address(url)
    asked = {
        "socket_connect_timeout": SENTINEL_SECONDS,
        "socket_timeout": SENTINEL_SECONDS,
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 0),  # another one is asked instead
    }
    connection = _PrimaryTLSConnection if url.startswith(TLS) else _PrimaryConnection
    sentinel = _Sentinels(address.sentinels, sentinel_kwargs={**asked, **address.of_sentinels})  # type: ignore[no-untyped-call]
    options = {**options, **address.of_primary, "connection_class": connection}
    primary: Redis = sentinel.master_for(address.name, **options)  # type: ignore[no-untyped-call]
    return primary


def read_sentinel_address(url: str) -> SentinelAddress:
    """The parts of the address. Raises ``ValueError``.

    >>> address = read_sentinel_address("redis+sentinel://:secret@one:26379,two:26380/main/2?sentinel_password=other")
    >>> address.sentinels, address.name
    ([('one', 26379), ('two', 26380)], 'main')
    >>> address.of_sentinels, address.of_primary
    ({'password': 'other'}, {'password': 'secret', 'db': 2})
    """
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    user, _, password = (unquote(one) for one in login.partition(":"))
    name, _, db = parts.path.removeprefix("/").partition("/")
    pairs = [one.rpartition(":") for one in hosts.split(",")]
    options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True) if parts.query else ())
    tls = url.startswith(TLS)
    known = {*LOGIN, *([CERTIFICATES] if tls else [])}
    if not name or parts.fragment or not all(host for host, _, _ in pairs) or not options.keys() <= known:
        raise ValueError(url)
    trust = {CERTIFICATES: options[CERTIFICATES]} if CERTIFICATES in options else {}
    of_sentinels = {LOGIN[option]: value for option, value in options.items() if option in LOGIN}
    of_primary = {"username": user, "password": password, "db": int(db or 0)}
    return SentinelAddress(
        [(host.strip("[]"), int(port)) for host, _, port in pairs],
        name,
        {**({"ssl": True} if tls else {}), **trust, **of_sentinels},
        {**trust, **{option: value for option, value in of_primary.items() if value}},
    )


class _Sentinels(Sentinel):
    """Say why none of them names a primary: redis-py's own text names classes."""

    def discover_master(self, service_name: str) -> tuple[str, int]:
        """Where the primary is now. Raises redis-py's ``MasterNotFoundError``."""
        try:
            found: tuple[str, int] = super().discover_master(service_name)  # type: ignore[no-untyped-call]
        except MasterNotFoundError as error:
            reasons = "; ".join(f"{_place(one)}: {_reason(one, service_name)}" for one in self.sentinels)
            raise MasterNotFoundError(
                f"no sentinel names a primary for “{service_name}” ({reasons})"
            ) from error
        return found


def _place(sentinel: Redis) -> str:
    at = sentinel.connection_pool.connection_kwargs
    return f"{at['host']}:{at['port']}"


def _reason(sentinel: Redis, name: str) -> str:
    """Why this one names none."""
    try:
        known = sentinel.sentinel_masters()
    except AuthenticationError as error:
        has_password = sentinel.connection_pool.connection_kwargs.get("password")
        return str(error) if has_password else "it has a password: append ?sentinel_password=… to the address"
    except RedisError as error:
        return str(error)
    return "it is down" if name in known else "it knows no primary of that name"


class _PrimaryConnection(SentinelManagedConnection):
    """Asks the sentinels at each new connection.

    redis-py asks them only for a connection's first one, and then connects to the same server again until it gives up:
    https://github.com/redis/redis-py/issues/3874
    """

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - as redis-py has it
        if not self._sock:
            self.connect_to(self.connection_pool.get_master_address())  # type: ignore[no-untyped-call]
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]


class _PrimaryTLSConnection(_PrimaryConnection, SentinelManagedSSLConnection):
    """The same with TLS."""
