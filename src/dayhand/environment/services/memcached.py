"""Memcached: how it is recognised and started."""

from __future__ import annotations

from dayhand.environment.services.base import NO_TEMPLATE, Names, ServiceDeclaration, Started

KIND = "memcached"
NAME = "Memcached"
IMAGES: Names = ("memcached",)
PORT = 11211
PACKAGES: Names = ("memcached",)
SLOW = False


def with_defaults(declared: ServiceDeclaration) -> ServiceDeclaration:
    """It has no users."""
    return declared


def find(_: ServiceDeclaration) -> str:
    return "command -v memcached"


def template(_: Started) -> str:
    return NO_TEMPLATE


def start(started: Started) -> str:
    return f"memcached -vv -m 64 -U 0 -l {started.address} -p {started.port}"


def ready(_: Started) -> str:
    """With -vv it writes which sockets it listens on."""
    return 'grep -q "server listening" "$log"'
