"""Read one container that a workflow, a compose file or ``.dayhand.toml`` declares: which service it is, and its address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from dayhand.environment.services.all_services import OTHERS, find_service, service_of_image
from dayhand.environment.services.base import ServiceDeclaration
from dayhand.environment.yaml_file import Value

HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
NAME = re.compile(r"[\w.@$/+-]{1,63}", re.ASCII)  # of a user or a database: it stands in quotes in SQL
MAX_PORT = 65_535
FIRST_PORT = 1024  # a box may not use those below
BITNAMI = {"POSTGRESQL_": "POSTGRES_", "_USERNAME": "_USER", "POSTGRES_DATABASE": "POSTGRES_DB"}


def read_container(
    name: str, container: Value, *, source: str, published: bool = True
) -> ServiceDeclaration | None:
    """The service in a container called ``name``; None if it is the repository's own program, or nothing that tests need.

    ``published``: tests reach it by the port that it is published on, else by the one that it listens on.
    """
    if isinstance(container, str):
        container = {"image": container}
    if not isinstance(container, dict) or not HOST.fullmatch(name):
        return None
    image = _text(container.get("image"))
    last, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    service = service_of_image(last)
    kind = service.KIND if service else last
    if not service and last not in OTHERS:
        return None
    declared = ServiceDeclaration(
        kind,
        name,
        _port(container.get("ports") or container.get("port"), published=published),
        _version(tag),
        env=_variables(container.get("env") or container.get("environment")),
        arguments=_words(container.get("command")),
        source=source,
    )
    return _checked(declared)


def read_containers(
    containers: Mapping[str, Value], *, source: str, published: bool = True
) -> tuple[ServiceDeclaration, ...]:
    """The services among several containers, by their names: the ``services`` of a workflow's job or of a compose file."""
    read = (
        read_container(name, value, source=source, published=published) for name, value in containers.items()
    )
    return tuple(filter(None, read))


def _checked(declared: ServiceDeclaration) -> ServiceDeclaration:
    """With the image's defaults, and without names that cannot be given to a server."""
    service = find_service(declared.kind)
    if service is None:
        return declared
    full = service.with_defaults(declared)
    if all(not name or NAME.fullmatch(name) for name in (full.user, full.database)):
        return full
    plain = service.with_defaults(replace(declared, env={}))
    return replace(plain, password=full.password)


def _version(tag: str) -> str:
    """The number in a tag: 16 of 16-alpine, 14 of latest-pg14."""
    found = re.match(r"\d+(\.\d+)*", tag) or re.search(r"(?<=pg)\d+", tag)
    return found[0] if found else ""


def published_port(ports: Value | None, port: str) -> str:
    """Where a container's port is published. One that the runner would choose is the container's own here."""
    addresses = map(_address, ports if isinstance(ports, list) else ())
    return next((published or port for published, target in addresses if target == port), port)


def _port(ports: Value | None, *, published: bool) -> int:
    """The port of the first entry; 0 where none is declared, or the box may not use it."""
    first, target = _address(ports[0] if isinstance(ports, list) and ports else ports)
    word = (first or target) if published else target
    number = int(word) if re.fullmatch(r"\d{1,5}", word) else 0
    return number if FIRST_PORT <= number <= MAX_PORT else 0


def _address(entry: Value | None) -> tuple[str, str]:
    """The published port, which may be empty, and the container's own."""
    if isinstance(entry, dict):  # https://docs.docker.com/reference/compose-file/services/#long-syntax-4
        return _text(entry.get("published")), _text(entry.get("target"))
    words = _text(entry).partition("/")[0].split(":")
    return (words[-2] if len(words) > 1 else ""), words[-1]


def _variables(env: Value | None) -> Mapping[str, str]:
    """A mapping, or a list of ``NAME=value``."""
    items: Iterable[tuple[str, Value]] = env.items() if isinstance(env, dict) else ()
    if isinstance(env, list):
        items = [
            (name, value) for name, _, value in (part.partition("=") for part in env if isinstance(part, str))
        ]
    found = {}
    for name, value in items:
        text = _text(value)
        if text.isprintable():
            for bitnami, official in BITNAMI.items():
                name = name.replace(bitnami, official)  # noqa: PLW2901
            found[name] = text
    return found


def _words(command: Value | None) -> str:
    if isinstance(command, list):
        command = " ".join(part for part in command if isinstance(part, str))
    return _text(command)


def _text(value: Value | None) -> str:
    return value.strip() if isinstance(value, str) else ""
