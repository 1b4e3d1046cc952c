"""Boxes whose environment has services."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from dayhand.environment.base import Environment
from dayhand.environment.services.plan import host_addresses, plan_services
from dayhand.environment.services.start import set_up
from dayhand.sandbox.base import Box, Sandbox
from tests.environment.conftest import Notes, Texts

ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
KEY = "services-of-a-test"


class ServiceBox:
    """A box and the environment that it was opened from."""

    def __init__(self, box: Box, environment: Environment, notes: Notes) -> None:
        self.box, self.environment, self.notes = box, environment, notes

    def run(self, command: str) -> str:
        """The output of a command that runs beside the services."""
        words = [*self.environment.launcher, "/bin/sh", "-c", command]
        return self.box.run(words, env=ENV).text()


@pytest.fixture
def serve():
    """A function that opens a box with the services of a compose file."""
    return open_services


@contextlib.contextmanager
def open_services(sandbox: Sandbox, compose: str) -> Iterator[ServiceBox]:
    notes = Notes()
    services = plan_services(Texts({"compose.yaml": f"services:\n{compose}"}))
    with sandbox.open() as box:
        missing = set_up(box, services, env=ENV, log=notes)
        snapshot = box.save(KEY)
    started = tuple(each for each in services if each.name not in missing)
    environment = Environment(
        KEY,
        snapshot,
        ENV,
        (),
        {},
        (),
        (),
        cached=False,
        seconds=0,
        services=started,
        missing_services=tuple(missing.values()),
        hosts=host_addresses(services),
    )
    try:
        with sandbox.open(origin=snapshot, hosts=environment.hosts) as box:
            yield ServiceBox(box, environment, notes)
    finally:
        sandbox.delete_snapshots([KEY])
