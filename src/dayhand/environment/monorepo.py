"""Monorepos: the projects in a repository's folders, each set up and checked where it stands.

A workspace's members (npm, pnpm, Yarn, Bun, uv) are installed by the workspace's own lock, and only checked where they are.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from dayhand.box_paths import WORKSPACE
from dayhand.environment.ecosystems import (
    go,
    java,
    node,
    php,
    python,
    ruby,
    rust,
)
from dayhand.environment.ecosystems.base import Check, Ecosystem, Files, SetupPlan, Step
from dayhand.environment.ecosystems.python_project import strings
from dayhand.environment.manifest import json_object, table, toml

DEPTH = 3  # folders above a nested project's manifest
MOST = 16  # nested projects that are set up
MANIFESTS: Mapping[str, Ecosystem] = {
    "pyproject.toml": python,
    "setup.py": python,
    "requirements.txt": python,
    "package.json": node,
    "go.mod": go,
    "Cargo.toml": rust,
    "Gemfile": ruby,
    "composer.json": php,
    "pom.xml": java,
    "build.gradle": java,
    "build.gradle.kts": java,
}
WHOLE = (rust, java)  # whose top manifest builds what is below it
# A check of these at the top looks at the whole tree: a nested project adds the kinds that the top has not.
DESCENDING = (python, node)
NO_PROJECT = re.compile(
    r"(^|/)(\.[^/]*|node_modules|vendor|third_party|site-packages|venv|fixtures?|__fixtures__|testdata|tests?|__tests__|"
    r"examples?|samples?|labextension|templates?|docs?|dist|build|target|benchmarks?)/"
)
SHELL = re.compile(r"[|;&\n]")


@dataclass(frozen=True, slots=True)
class Within:
    """The files of one folder, as if it were the whole repository."""

    files: Files
    folder: str

    def paths(self) -> tuple[str, ...]:
        start = f"{self.folder}/"
        return tuple(path.removeprefix(start) for path in self.files.paths() if path.startswith(start))

    def read(self, path: str) -> str:
        return self.files.read(f"{self.folder}/{path}")


@dataclass(frozen=True, slots=True)
class Printable:
    """All files but those whose path has a line break, a control character or bytes that are no text.

    Nothing of such a path could be said to anybody, nor stand in a key.
    """

    files: Files

    def paths(self) -> tuple[str, ...]:
        return tuple(path for path in self.files.paths() if path.isprintable())

    def read(self, path: str) -> str:
        return self.files.read(path)


@dataclass(frozen=True, slots=True)
class Without:
    """All files but those of some folders."""

    files: Files
    folders: tuple[str, ...]

    def paths(self) -> tuple[str, ...]:
        starts = tuple(f"{folder}/" for folder in self.folders)
        return tuple(path for path in self.files.paths() if not path.startswith(starts))

    def read(self, path: str) -> str:
        return self.files.read(path)


def plans(files: Files, ecosystems: tuple[Ecosystem, ...]) -> tuple[tuple[SetupPlan, ...], tuple[str, ...]]:
    """The plans of the top and of each nested project, and the folders that were too many to be set up."""
    files = Printable(files)
    found = tuple(_projects(files))
    taken, left = found[:MOST], tuple(folder for folder, _ in found[MOST:])
    planned: list[SetupPlan] = []
    tops: dict[Ecosystem, frozenset[str]] = {}
    for each in ecosystems:
        # Python is seen in any .py file: those of nested projects are not the top's, where it declares nothing itself.
        inner = tuple(folder for folder, ecosystem in taken if ecosystem is each)
        seen = Without(files, inner) if inner and not _at_top(files, each) else files
        if plan := each.plan(seen):
            planned.append(plan)
            tops[each] = frozenset(check.kind for check in plan.checks)
    made = any(step.always for plan in planned for step in plan.steps)
    for folder, ecosystem in taken:
        plan = ecosystem.plan(Within(files, folder))
        if plan is None:
            continue
        member = _is_member(files, folder, ecosystem)
        if ecosystem is node and not plan.checks and not set(node.LOCKS).intersection(plan.locks):
            continue  # a marker, or what a build left: nothing of it is ever run
        kinds = tops.get(ecosystem, frozenset()) if ecosystem in DESCENDING else frozenset()
        nested = _nest(plan, folder, member=member, kinds=kinds, made=made)
        made = made or any(step.always for step in nested.steps)
        planned.append(nested)
    return tuple(sorted(planned, key=lambda plan: plan.last_resort)), left


def _projects(files: Files) -> Iterator[tuple[str, Ecosystem]]:
    """Each nested project's folder, those nearest the top first; what is inside another of its kind is that one's."""
    seen: set[tuple[str, int]] = set()
    for path in sorted(files.paths(), key=lambda path: (path.count("/"), path)):
        folder, _, name = path.rpartition("/")
        ecosystem = MANIFESTS.get(name)
        if not folder or ecosystem is None or path.count("/") > DEPTH or NO_PROJECT.search(path):
            continue
        if ecosystem in WHOLE and _at_top(files, ecosystem):
            continue
        parts = folder.split("/")
        above = ["/".join(parts[: at + 1]) for at in range(len(parts))]
        if not any((one, id(ecosystem)) in seen for one in above):
            seen.add((folder, id(ecosystem)))
            yield folder, ecosystem


def _at_top(files: Files, ecosystem: Ecosystem) -> bool:
    return any(MANIFESTS.get(path) is ecosystem for path in files.paths())


def _nest(plan: SetupPlan, folder: str, *, member: bool, kinds: frozenset[str], made: bool) -> SetupPlan:
    """A plan that was made for a folder as if that were all, moved to where it stands."""
    steps = () if member else tuple(step for step in plan.steps if not (step.always and made))
    if not any(not step.always for step in steps) and not plan.checks:
        steps = ()
    return replace(
        plan,
        steps=tuple(_step(step, folder) for step in steps),
        checks=tuple(
            _check(check, folder, member=member) for check in plan.checks if check.kind not in kinds
        ),
        locks=tuple(f"{folder}/{path}" for path in plan.locks),
    )


def _step(step: Step, folder: str) -> Step:
    # One virtual environment for all: what another project needs stays in it.
    commands = (command.replace("uv sync", "uv sync --inexact") for command in step.commands)
    return replace(
        step, title=f"{folder}: {step.title}", commands=tuple(_in(folder, one) for one in commands)
    )


def _check(check: Check, folder: str, *, member: bool) -> Check:
    local = '"$PWD/node_modules/.bin:'
    return replace(
        check,
        command=_in(folder, check.command),
        probe=_in(folder, check.probe.replace(local, f"{local}{WORKSPACE}/node_modules/.bin:")),
        source=f"{folder}/{check.source}",
        remedy=_in(folder, check.remedy) if check.remedy and not member else "",
        folder=folder,
    )


def _in(folder: str, command: str) -> str:
    return f"cd {shlex.quote(folder)} && {f'{{ {command}; }}' if SHELL.search(command) else command}"


def _is_member(files: Files, folder: str, ecosystem: Ecosystem) -> bool:
    """Whether the top's own lock and install bring what this folder needs."""
    if ecosystem is node:
        patterns = tuple(_node_members(files))
    elif ecosystem is python:
        patterns = tuple(_uv_members(files))
    else:
        return False
    excluded = any(_matches(folder, one[1:]) for one in patterns if one.startswith("!"))
    return not excluded and any(_matches(folder, one) for one in patterns if not one.startswith("!"))


def _matches(folder: str, pattern: str) -> bool:
    pattern = pattern.removeprefix("./").rstrip("/")
    if "**" in pattern:
        return fnmatchcase(folder, pattern.replace("/**", "*").replace("**", "*"))
    return folder.count("/") == pattern.count("/") and fnmatchcase(folder, pattern)


def _node_members(files: Files) -> Iterator[str]:
    declared = json_object(files.read("package.json")).get("workspaces")
    if isinstance(declared, dict):
        declared = declared.get("packages")
    yield from strings(declared)
    # https://pnpm.io/pnpm-workspace_yaml: a list under "packages:", and the rest of the file is not about members
    listed = re.search(
        r"^packages:\s*\n((?:[ \t]*(?:-.*|#.*)?\n?)+)", files.read("pnpm-workspace.yaml"), re.MULTILINE
    )
    yield from re.findall(r"^\s*-\s*['\"]?([^'\"#\s]+)", listed[1] if listed else "", re.MULTILINE)


def _uv_members(files: Files) -> Iterator[str]:
    workspace = table(toml(files.read("pyproject.toml")), "tool", "uv", "workspace")
    yield from strings(workspace.get("members"))
    yield from (f"!{one}" for one in strings(workspace.get("exclude")))
