"""RabbitMQ: how it is recognised and started."""

from __future__ import annotations

import shlex
from dataclasses import replace

from dayhand.environment.services.base import NO_TEMPLATE, Names, ServiceDeclaration, Started

KIND = "rabbitmq"
NAME = "RabbitMQ"
IMAGES: Names = ("rabbitmq",)
PORT = 5672
PACKAGES: Names = ("rabbitmq-server",)
SLOW = True  # seven seconds on two cores
FOLDERS = (
    "/usr/lib/rabbitmq/bin /opt/rabbitmq/sbin /usr/local/sbin"  # Debian's program in /usr/sbin wants root
)
LIMITS = "-rabbit disk_free_limit 1000000"  # bytes: /tmp of a box may be smaller than the usual 50 MB


def with_defaults(declared: ServiceDeclaration) -> ServiceDeclaration:
    """The variables of its image; of others than guest, that is who may connect, to the one virtual host."""
    env = declared.env
    return replace(
        declared,
        user=declared.user or env.get("RABBITMQ_DEFAULT_USER", "") or env.get("RABBITMQ_USERNAME", "guest"),
        password=declared.password
        or env.get("RABBITMQ_DEFAULT_PASS", "")
        or env.get("RABBITMQ_PASSWORD", "guest"),
        database=declared.database or env.get("RABBITMQ_DEFAULT_VHOST", "") or env.get("RABBITMQ_VHOST", "/"),
    )


def find(_: ServiceDeclaration) -> str:
    programs = f'for folder in {FOLDERS}; do test ! -x "$folder/rabbitmq-server" || rabbitmq="$folder/rabbitmq-server"; done'
    return f'rabbitmq=""; {programs}; test -n "$rabbitmq" && command -v erl'


def template(_: Started) -> str:
    return NO_TEMPLATE


def start(started: Started) -> str:
    declared = started.declaration
    settings = {
        "RABBITMQ_NODENAME": f"{started.name}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": started.address,
        "RABBITMQ_NODE_PORT": str(started.port),
        "RABBITMQ_DEFAULT_USER": declared.user,
        "RABBITMQ_DEFAULT_PASS": declared.password,
        "RABBITMQ_DEFAULT_VHOST": declared.database,
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"+sbwt none {LIMITS}",  # no busy waiting
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    words = " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())
    folders = 'HOME="$data" RABBITMQ_MNESIA_BASE="$data" RABBITMQ_LOG_BASE="$data" RABBITMQ_ENABLED_PLUGINS_FILE="$data/plugins"'
    return f'env {words} {folders} "$rabbitmq"'


def ready(_: Started) -> str:
    """The last of what it writes once its users exist and it listens."""
    return 'grep -q "Server startup complete" "$log"'
