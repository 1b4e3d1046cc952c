"""The contract of a service: how it is recognised, and how it is started inside a box.

One module a service; each satisfies ``Service`` as a module, and ``all_services.py`` lists them. A service is a program of
the machine or of the sandbox image that a box's user starts before a command. It ends with that command.

A module only writes shell code. In it, ``$data`` is the service's own folder, below /tmp and empty, or as the template
left it; ``$log`` is the file for its output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Protocol

from dayhand.box_paths import ENVIRONMENT
from dayhand.startup.records import dataclass

Names = tuple[str, ...]
LOCALHOST = "localhost"
FIRST_ADDRESS = "127.0.0.1"
NO_TEMPLATE = ""
FOLDER = f"{ENVIRONMENT}/services"
SCRIPT = f"{FOLDER}/start"  # see ``start.py``
QUICK_SCRIPT = f"{SCRIPT}-quick"  # the same without those that are slow


@dataclass(frozen=True, slots=True)
class ServiceDeclaration:
    """A service that a repository declares for its tests. What is not declared has the default of the service's image."""

    kind: str  # ``Service.KIND``; of a service that Dayhand does not know, the last part of its image's name
    host: str = LOCALHOST  # the name that tests know it by; it is always reachable on localhost as well
    port: int = 0  # that it listens on; 0: the service's own
    version: str = ""  # as it is written: "16", "7.2-alpine"
    user: str = ""
    password: str = ""
    database: str = ""
    env: Mapping[str, str] = field(default_factory=dict)  # of its container
    arguments: str = ""  # of its container's command
    source: str = ""  # for people: "ci.yml, job test"


@dataclass(frozen=True, slots=True)
class Started:
    """A declared service as a box starts it."""

    declaration: ServiceDeclaration
    address: str  # its own where several services have the same port, else 127.0.0.1
    port: int
    name: str  # distinguishes it from the others of its box, in file names: "postgresql-5432"


class Service(Protocol):
    """One service, as a module."""

    KIND: str  # "postgresql"
    NAME: str  # "PostgreSQL"
    IMAGES: (
        Names  # the last parts of the names of images that contain it, or a part of a longer name: "postgis"
    )
    PORT: int
    PACKAGES: Names  # of Debian, for the operator
    SLOW: bool  # it takes seconds to start, so only checks have it

    def with_defaults(self, declared: ServiceDeclaration, /) -> ServiceDeclaration:
        """The declaration with the user, password and database that the service's image takes from its variables."""

    def find(self, declared: ServiceDeclaration, /) -> str:
        """Shell code that fails unless the service's programs are here; it may set variables for what follows it."""

    def template(self, started: Started, /) -> str:
        """Shell code that fills ``$data``, once, during set-up; ``NO_TEMPLATE`` if the service starts in an empty folder."""

    def start(self, started: Started, /) -> str:
        """A shell command that runs the service in ``$data`` until it is killed. It may not go to the background."""

    def ready(self, started: Started, /) -> str:
        """A shell command that passes when the service accepts connections."""
