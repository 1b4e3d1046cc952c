"""Which services a repository's tests need, and where each of them listens."""

from __future__ import annotations

from collections.abc import Iterable

from dayhand.environment.ecosystems.base import Files
from dayhand.environment.services.all_services import find_service
from dayhand.environment.services.base import FIRST_ADDRESS, LOCALHOST, ServiceDeclaration, Started
from dayhand.environment.services.compose import read_compose

MAX_SERVICES = 8  # of one repository: each takes memory in every box


def plan_services(
    files: Files,
    *,
    decided: tuple[ServiceDeclaration, ...] | None = None,
    of_ci: tuple[ServiceDeclaration, ...] = (),
) -> tuple[Started, ...]:
    """The services to start.

    ``decided`` are those of ``.dayhand.toml``, which count alone (None: it declares none). Else what continuous
    integration declares counts, and of the compose files the kinds that it does not have.
    """
    if decided is not None:
        return assign_addresses(decided)
    kinds = {each.kind for each in of_ci}
    return assign_addresses((*of_ci, *(each for each in read_compose(files) if each.kind not in kinds)))


def assign_addresses(declared: Iterable[ServiceDeclaration]) -> tuple[Started, ...]:
    """Each with its port. Where several have the same, the others get an address each, for their own host name only.

    Of several with one name and one port, in different jobs for example, the first counts.
    """
    started: list[Started] = []
    unique: dict[tuple[str, str, int], ServiceDeclaration] = {}
    for each in declared:
        unique.setdefault((each.kind, each.host, each.port), each)
    for one in list(unique.values())[:MAX_SERVICES]:
        service = find_service(one.kind)
        port = one.port or (service.PORT if service else 0)
        before = sum(1 for other in started if port and other.port == port)
        address = (
            FIRST_ADDRESS if not before else f"127.0.0.{before + 2}"
        )  # 127.0.1.1 and .2 may be the host's own
        started.append(
            Started(one, address, port, f"{one.kind}-{port}" + (f"-{before + 1}" if before else ""))
        )
    return tuple(started)


def host_addresses(services: Iterable[Started]) -> dict[str, str]:
    """The address of each host name that tests may use besides localhost, also of a service that cannot be started."""
    found: dict[str, str] = {}
    for each in services:
        if each.declaration.host != LOCALHOST:
            found.setdefault(each.declaration.host, each.address)
    return found
