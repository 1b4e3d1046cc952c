"""What in a change acts beyond the code that checks can judge: on agents, on whoever installs or opens the repository."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from dayhand.environment.ecosystems.base import Files
from dayhand.file_kinds import (
    acts_on_developer_machines,
    declares_dependencies,
    is_install_script,
    steers_agents,
)
from dayhand.verification import Concern

MOST = 50
PACKAGE = re.compile(r"(^|/)package\.json$")
NPM_LOCK = re.compile(r"(^|/)(package-lock|npm-shrinkwrap)\.json$")
PNPM_LOCK = re.compile(r"(^|/)pnpm-lock\.yaml$")
ON_INSTALL = ("preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare", "prepublish")
ALLOWING = ("trustedDependencies", "onlyBuiltDependencies", "allowScripts")
ADDRESS = re.compile(r"(?:git\+|git://|https?://|git@|github:|\bgit\s*[=:]\s*[\"'])\S+")
ABOUT = re.compile(
    r"home-?page|repository|documentation|bugs|\burls?\b|funding|author|license|issues|changelog|source\b|registry|index|\$schema",
    re.IGNORECASE,
)


def look_beyond(
    before: Files, after: Files, paths: tuple[str, ...], *, binaries: tuple[str, ...]
) -> tuple[Concern, ...]:
    """Everything in the changed ``paths`` that a person should know of before it is merged, at most 50."""
    found = [Concern("large binary", path, 0, "no check reads it") for path in binaries]
    for path in paths:
        old, new = before.read(path), after.read(path)
        if steers_agents(path):
            found.append(Concern("steers agents", path, 0, _how(old, new)))
        elif acts_on_developer_machines(path) and new:
            found.append(Concern("acts on developers' machines", path, 0, _how(old, new)))
        found += [Concern("runs on install", path, 0, what) for what in _on_install(path, old, new)]
        found += [
            Concern("dependency from an address", path, n, row) for n, row in _addressed(path, old, new)
        ]
    return tuple(found[:MOST])


def _on_install(path: str, old: str, new: str) -> Iterator[str]:
    name = path.rpartition("/")[2]
    if is_install_script(path) and new and not old:
        yield "added"
    elif name == "setup.py" and "cmdclass" in new and "cmdclass" not in old:
        yield "cmdclass"
    elif PACKAGE.search(path):
        yield from _changed(_scripts(old), _scripts(new))
    elif NPM_LOCK.search(path):
        yield from _changed(_npm_builds(old), _npm_builds(new))
    elif PNPM_LOCK.search(path):
        yield from _changed(_pnpm_builds(old), _pnpm_builds(new))


def _changed(was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name, value in now.items():
        if was.get(name) != value:
            yield f"{name}: {value}"


def _scripts(text: str) -> Mapping[str, str]:
    """What ``npm install`` runs of the package itself, and whom it lets run something."""
    package = _object(text)
    scripts = package.get("scripts")
    pnpm = package.get("pnpm")
    found = {key: json.dumps(package[key]) for key in ALLOWING if key in package}
    if isinstance(pnpm, dict):
        found |= {f"pnpm.{key}": json.dumps(pnpm[key]) for key in ALLOWING if key in pnpm}
    if isinstance(scripts, dict):
        found |= {f"scripts.{name}": str(scripts[name]) for name in ON_INSTALL if name in scripts}
    return found


def _npm_builds(text: str) -> Mapping[str, str]:
    """The locked packages that have an install script, with their versions."""
    packages = _object(text).get("packages")
    if not isinstance(packages, dict):
        return {}
    return {
        path.rpartition("node_modules/")[2]: str(one.get("version", ""))
        for path, one in packages.items()
        if path and isinstance(one, dict) and one.get("hasInstallScript")
    }


def _pnpm_builds(text: str) -> Mapping[str, str]:
    found, name = {}, ""
    for row in text.splitlines():
        if match := re.fullmatch(r"  ['\"/]*(@?[^\s'\"@]+)[@/]([^\s'\"()]+).*:", row):
            name, version = match.groups()
        elif name and re.fullmatch(r" +requiresBuild: true", row):
            found[name] = version
    return found


def _addressed(path: str, old: str, new: str) -> Iterator[tuple[int, str]]:
    """The lines of a manifest that bring something from an address instead of a registry, and are new."""
    if not declares_dependencies(path):
        return
    there = {row.strip() for row in old.splitlines()}
    for number, row in enumerate(new.splitlines(), 1):
        plain = row.strip()
        fresh = plain not in there and not plain.startswith(("#", "//"))
        if fresh and ADDRESS.search(plain) and not ABOUT.search(plain):
            yield number, plain


def _how(old: str, new: str) -> str:
    return "changed" if old and new else "added" if new else "deleted"


def _object(text: str) -> Mapping[str, object]:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
