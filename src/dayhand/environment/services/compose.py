"""Services in the compose files of a repository, and in its devcontainer."""

from __future__ import annotations

import json
import posixpath
import re

from dayhand.environment import yaml_file
from dayhand.environment.ecosystems.base import Files
from dayhand.environment.services.base import ServiceDeclaration
from dayhand.environment.services.containers import read_containers
from dayhand.environment.yaml_file import Value

# In the order in which Compose looks for them, then those of continuous integration and of devcontainers.
NAMES = (
    "compose.yaml",
    "compose.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
    "docker-compose.test.yml",
    "docker-compose.ci.yml",
    ".devcontainer/compose.yaml",
    ".devcontainer/compose.yml",
    ".devcontainer/docker-compose.yaml",
    ".devcontainer/docker-compose.yml",
)
DEVCONTAINERS = (".devcontainer/devcontainer.json", ".devcontainer.json")
# $NAME, ${NAME}, ${NAME:-default}; $$ is a dollar: https://docs.docker.com/reference/compose-file/interpolation/
VARIABLE = re.compile(r"\$\$|\$\{\w+(?::?-([^${}]*)|[^}]*)\}|\$\w+")
COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)  # devcontainer.json has comments


def read_compose(files: Files) -> tuple[ServiceDeclaration, ...]:
    """The services of the first file that has any. What cannot be read declares none."""
    paths = frozenset(files.paths())
    for path in (*_of_devcontainers(files, paths), *NAMES):
        if path in paths and (found := _services(files.read(path), path)):
            return found
    return ()


def _services(text: str, path: str) -> tuple[ServiceDeclaration, ...]:
    parsed, problem = yaml_file.parse(text)
    services = parsed.get("services") if isinstance(parsed, dict) and not problem else None
    if not isinstance(services, dict):
        return ()
    in_container = path.startswith(".devcontainer")  # then the tests are in one of its containers
    filled = {name: _interpolated(value) for name, value in services.items()}
    return read_containers(filled, source=path, published=not in_container)


def _interpolated(value: Value) -> Value:
    """With the defaults of its variables; one without a default is empty, because nothing here sets it."""
    if isinstance(value, dict):
        return {name: _interpolated(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_interpolated(each) for each in value]
    return VARIABLE.sub(lambda found: "$" if found[0] == "$$" else found[1] or "", value)


def _of_devcontainers(files: Files, paths: frozenset[str]) -> list[str]:
    """The compose files that a devcontainer names, the last one first: it overrides the others."""
    for path in DEVCONTAINERS:
        if path not in paths:
            continue
        text = COMMENT.sub(lambda found: found[1] or "", files.read(path))
        try:
            parsed = json.loads(re.sub(r",(\s*[}\]])", r"\1", text))
        except (ValueError, RecursionError):
            continue
        named = parsed.get("dockerComposeFile") if isinstance(parsed, dict) else None
        listed = [named] if isinstance(named, str) else named if isinstance(named, list) else []
        folder = posixpath.dirname(path)
        return [
            posixpath.normpath(posixpath.join(folder, each))
            for each in reversed(listed)
            if isinstance(each, str)
        ]
    return []
