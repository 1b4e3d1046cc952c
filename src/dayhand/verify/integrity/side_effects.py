"""What in a change acts beyond the tested code: large binaries, what runs on installation, dependencies from URLs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from dayhand.environment.ecosystems.base import Files
from dayhand.environment.ecosystems.node_managers import NPM_LOCKS, PNPM_LOCK
from dayhand.file_kinds import declares_dependencies, is_install_script
from dayhand.verification import Concern

MAX_CONCERNS = 50
URL = re.compile(r"(?:git\+|git://|https?://|git@|github:|\bgit\s*[=:]\s*[\"'])\S+")
METADATA = re.compile(
    r"home-?page|repository|documentation|bugs|\burls?\b|funding|author|license|issues|changelog|source\b|registry|index|\$schema",
    re.IGNORECASE,
)


def find_side_effects(
    before: Files, after: Files, paths: tuple[str, ...], *, binaries: tuple[str, ...]
) -> tuple[Concern, ...]:
    """Everything in the changed ``paths`` that a person should know before merging, at most 50 places."""
    found = [Concern("large binary", path, 0, "no check reads it") for path in binaries]
    for path in paths:
        old, new = before.read(path), after.read(path)
        found += [Concern("runs on install", path, 0, detail) for detail in _on_install(path, old, new)]
        found += [
            Concern("dependency from a URL", path, number, line)
            for number, line in _url_dependencies(path, old, new)
        ]
    return tuple(found[:MAX_CONCERNS])


def _on_install(path: str, old: str, new: str) -> Iterator[str]:
    name = path.rpartition("/")[2]
    if is_install_script(path) and new and not old:
        yield "added"
    elif name == "setup.py" and "cmdclass" in new and "cmdclass" not in old:
        yield "cmdclass"
    elif name in NPM_LOCKS:
        yield from _differences(_npm_builds(old), _npm_builds(new))
    elif name == PNPM_LOCK:
        yield from _differences(_pnpm_builds(old), _pnpm_builds(new))


def _differences(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for name, value in new.items():
        if old.get(name) != value:
            yield f"{name}: {value}"


def _npm_builds(text: str) -> Mapping[str, str]:
    """The locked packages that have an install script, with their versions."""
    packages = _object(text).get("packages")
    if not isinstance(packages, dict):
        return {}
    return {
        path.rpartition("node_modules/")[2]: str(package.get("version", ""))
        for path, package in packages.items()
        if path and isinstance(package, dict) and package.get("hasInstallScript")
    }


def _pnpm_builds(text: str) -> Mapping[str, str]:
    """The same for pnpm, up to lock files of version 6."""
    found, name = {}, ""
    for line in text.splitlines():
        if match := re.fullmatch(r"  ['\"/]*(@?[^\s'\"@]+)[@/]([^\s'\"()]+).*:", line):
            name, version = match.groups()
        elif name and re.fullmatch(r" +requiresBuild: true", line):
            found[name] = version
    return found


def _url_dependencies(path: str, old: str, new: str) -> Iterator[tuple[int, str]]:
    """The new lines of a manifest that take a dependency from a URL instead of a registry."""
    if not declares_dependencies(path):
        return
    old_lines = {line.strip() for line in old.splitlines()}
    for number, raw_line in enumerate(new.splitlines(), 1):
        line = raw_line.strip()
        is_new = line not in old_lines and not line.startswith(("#", "//"))
        if is_new and URL.search(line) and not METADATA.search(line):
            yield number, line


def _object(text: str) -> Mapping[str, object]:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
