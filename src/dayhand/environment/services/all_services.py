"""Every service that Dayhand starts, and those that it knows by name alone. To add one: write its module, and list it here."""

from __future__ import annotations

from dayhand.environment.services import mariadb, memcached, nats, postgresql, rabbitmq, redis
from dayhand.environment.services.base import Service

SERVICES: tuple[Service, ...] = (postgresql, mariadb, redis, memcached, nats, rabbitmq)

# Servers that tests are known to need and that Dayhand does not start: by the last part of their image's name.
OTHERS = {
    "mongo": "MongoDB",
    "mongodb": "MongoDB",
    "elasticsearch": "Elasticsearch",
    "opensearch": "OpenSearch",
    "kafka": "Kafka",
    "redpanda": "Kafka",
    "minio": "MinIO (S3)",
    "localstack": "LocalStack",
    "mssql": "SQL Server",
    "server": "SQL Server",  # mcr.microsoft.com/mssql/server
    "oracle": "Oracle Database",
    "clickhouse": "ClickHouse",
    "clickhouse-server": "ClickHouse",
    "cassandra": "Cassandra",
    "etcd": "etcd",
    "zookeeper": "ZooKeeper",
    "neo4j": "Neo4j",
    "selenium": "Selenium",
    "standalone-chrome": "Selenium",
}
# In names of images that only work with a server: postgres-exporter, redis-commander.
BESIDE = frozenset({"exporter", "commander", "backup", "admin", "ui", "insight", "client", "proxy"})


def find_service(kind: str) -> Service | None:
    """The service of this kind."""
    return next((service for service in SERVICES if kind == service.KIND), None)


def service_of_image(name: str) -> Service | None:
    """The service in an image whose name's last part is ``name``."""
    for service in SERVICES:
        if name in service.IMAGES:
            return service
    words = set(name.replace("_", "-").split("-"))
    if words & BESIDE:
        return None
    return next((service for service in SERVICES if words & set(service.IMAGES)), None)
