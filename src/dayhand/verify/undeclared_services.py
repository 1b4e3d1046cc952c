"""Services that nothing declares and that a run of the tests tried to reach: its output names them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from dayhand.environment.services.all_services import SERVICES
from dayhand.environment.services.base import LOCALHOST, ServiceDeclaration
from dayhand.verify.cannot_run.base import Kind
from dayhand.verify.cannot_run.causes import find_causes

SOURCE = "the tests' output"
ADDRESS = re.compile(r"(?P<name>.+) on (?P<host>[\w-]+):(?P<port>\d+)")
# What a PostgreSQL or MySQL server answers: https://www.postgresql.org/docs/current/errcodes-appendix.html
UNKNOWN_ROLE = re.compile(r'role "([\w-]{1,63})" does not exist')
UNKNOWN_DATABASE = re.compile(r"""(?:database "|Unknown database ')([\w-]{1,63})(?:" does not exist|')""")


def find_undeclared(output: str, known: tuple[ServiceDeclaration, ...]) -> tuple[ServiceDeclaration, ...]:
    """What to start for the next run: ``known`` from earlier runs, with what this output says is missing besides."""
    known = tuple(_completed(output, known))
    names = {(each.host, each.port) for each in known}
    found = dict.fromkeys(cause.missing for cause in find_causes(output) if cause.kind is Kind.SERVICE)
    new = []
    for missing in sorted(found):
        address = ADDRESS.fullmatch(missing)
        service = next((each for each in SERVICES if address and address["name"] == each.NAME), None)
        if address and service and (address["host"], int(address["port"])) not in names:
            declared = ServiceDeclaration(service.KIND, address["host"], int(address["port"]), source=SOURCE)
            new.append(service.with_defaults(declared))
    return (*known, *new)


def _completed(output: str, known: tuple[ServiceDeclaration, ...]) -> Iterator[ServiceDeclaration]:
    """With the user and the database that a server did not know."""
    role, database = UNKNOWN_ROLE.search(output), UNKNOWN_DATABASE.search(output)
    for each in known:
        changed = each
        if role and each.kind == "postgresql":
            own = each.database == each.user  # the default
            changed = replace(each, user=role[1], database=role[1] if own else each.database)
        if database and each.kind in ("postgresql", "mysql"):
            changed = replace(changed, database=database[1])
        yield changed


def describe(declared: ServiceDeclaration) -> str:
    """For people: redis on localhost:6379."""
    return f"{declared.kind} on {declared.host or LOCALHOST}:{declared.port}"
