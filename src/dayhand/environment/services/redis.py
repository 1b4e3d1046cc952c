"""Redis, or Valkey in its place: the machine's, or the Valkey that Dayhand brings."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

from dayhand.environment.services.base import (
    FIRST_ADDRESS,
    FOLDER,
    NO_TEMPLATE,
    Names,
    ServiceDeclaration,
    Started,
)

KIND = "redis"
NAME = "Redis"
IMAGES: Names = ("redis", "valkey", "keydb", "dragonfly", "redis-stack", "redis-stack-server")
PORT = 6379
PACKAGES: Names = ("redis-server",)
SLOW = False
BROUGHT = f"{FOLDER}/bin"  # where set-up copies Dayhand's own to if the box has none


def with_defaults(declared: ServiceDeclaration) -> ServiceDeclaration:
    """Bitnami's image has a variable for the password; the official one takes it from the command's arguments."""
    named = re.search(r"--requirepass[ =](\S+)", declared.arguments)
    password = (
        declared.password
        or declared.env.get("REDIS_PASSWORD", "")
        or (named[1].strip("'\"") if named else "")
    )
    return replace(declared, password=password)


def find(_: ServiceDeclaration) -> str:
    return f'PATH="$PATH:{BROUGHT}"; redis=$(command -v redis-server || command -v valkey-server) && "$redis" --version'


def template(_: Started) -> str:
    return NO_TEMPLATE


def start(started: Started) -> str:
    address = started.address + (" -::1" if started.address == FIRST_ADDRESS else "")  # -: if there is IPv6
    password = (
        f" --requirepass {shlex.quote(started.declaration.password)}" if started.declaration.password else ""
    )
    return (
        f'"$redis" --bind {address} --port {started.port} --save "" --appendonly no --dir "$data"{password}'
    )


def ready(_: Started) -> str:
    """A line in its own output, because not every package brings a client."""
    return 'grep -q "Ready to accept connections" "$log"'
