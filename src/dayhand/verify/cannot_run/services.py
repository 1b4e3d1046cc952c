"""Servers by the port and the host name that tests try to reach."""

from __future__ import annotations

from dayhand.environment.services.all_services import SERVICES
from dayhand.startup.regex import regex

STARTED = frozenset(service.NAME for service in SERVICES)  # by Dayhand, where they are declared
SERVERS = {
    **{service.PORT: service.NAME for service in SERVICES},
    5433: "PostgreSQL",
    27017: "MongoDB",
    5672: "RabbitMQ",
    9200: "Elasticsearch or OpenSearch",
    9092: "Kafka",
    1433: "SQL Server",
    1521: "Oracle Database",
    8123: "ClickHouse",
    9042: "Cassandra",
    2181: "ZooKeeper",
    2379: "etcd",
    1025: "a mail server",
    4566: "LocalStack",
    9000: "S3 storage",
    4444: "Selenium",
}
# What names of hosts contain, in compose files and workflows.
HOST_WORDS = {
    "postgres": 5432,
    "pg": 5432,
    "mysql": 3306,
    "maria": 3306,
    "redis": 6379,
    "valkey": 6379,
    "mongo": 27017,
    "rabbit": 5672,
    "memcache": 11211,
    "elastic": 9200,
    "opensearch": 9200,
    "kafka": 9092,
    "minio": 9000,
    "localstack": 4566,
    "nats": 4222,
    "mssql": 1433,
    "clickhouse": 8123,
}
# Debian's packages, for what an operator can install.
DEBIAN = {
    **{service.NAME: service.PACKAGES[0] for service in SERVICES},
    "RabbitMQ": "rabbitmq-server",
    "etcd": "etcd-server",
}
# What starts a server of another kind, where one command does.
STARTS = {
    "MongoDB": "mongod --fork --dbpath /tmp --logpath /tmp/mongod.log",
    "S3 storage": "{ moto_server -p 9000 & }",
    "LocalStack": "{ moto_server -p 4566 & }",
}
LOOPBACK = regex(r"localhost|127(?:\.\d{1,3}){3}|\[?::1\]?|0\.0\.0\.0|::ffff:127\.\d+\.\d+\.\d+")
FIRST_EPHEMERAL_PORT = 32768  # from here on, a port is one that a test's own server was given
ADDRESS = regex(
    r"""[("'](?P<host>localhost|127\.0\.0\.1|::1|[a-z][a-z0-9-]*)["'], *(?P<port>\d{2,5})\b"""
    r"""|(?:host(?:name)?=)["']?(?P<host2>[\w.-]+)["']?,? *port=(?P<port2>\d{2,5})"""
    r"""|(?:\b|//|@)(?P<host3>localhost|127\.0\.0\.1|\[::1\]):(?P<port3>\d{2,5})\b"""
)


def server_name(host: str, port: str) -> str:
    """The server at an address, for people: "PostgreSQL on localhost:5432"; "" if it is not a service.

    A host with a dot is on the internet, and a port that the system gave out is a server that a test started itself.
    """
    number = int(port) if port.isdecimal() else 0
    local = bool(LOOPBACK.fullmatch(host))
    if (not local and "." in host) or number >= FIRST_EPHEMERAL_PORT:
        return ""
    number = number or next((known for word, known in HOST_WORDS.items() if word in host.lower()), 0)
    address = "localhost" if local else host
    where = f"{address}:{number}" if number else address
    return f"{SERVERS.get(number, 'a server')} on {where}"


def find_address(text: str) -> tuple[str, str]:
    """The host and port that a failing test names somewhere, for an error that does not; empty if there is none."""
    for found in ADDRESS.finditer(text):
        host = found["host"] or found["host2"] or found["host3"]
        port = found["port"] or found["port2"] or found["port3"]
        if server_name(host, port):
            return host, port
    return "", ""
