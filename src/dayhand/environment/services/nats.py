"""NATS, with JetStream: how it is recognised and started."""

from __future__ import annotations

from dayhand.environment.services.base import NO_TEMPLATE, Names, ServiceDeclaration, Started

KIND = "nats"
NAME = "NATS"
IMAGES: Names = ("nats", "nats-streaming")
PORT = 4222
PACKAGES: Names = ("nats-server",)
SLOW = False


def with_defaults(declared: ServiceDeclaration) -> ServiceDeclaration:
    """Its image declares no user."""
    return declared


def find(_: ServiceDeclaration) -> str:
    return "command -v nats-server"


def template(_: Started) -> str:
    return NO_TEMPLATE


def start(started: Started) -> str:
    return f'nats-server --jetstream --store_dir "$data" --addr {started.address} --port {started.port}'


def ready(_: Started) -> str:
    return 'grep -q "Server is ready" "$log"'
