"""Monorepos: the projects in a repository's folders, each set up and checked where it is.

A workspace's members (npm, pnpm, Yarn, Bun, uv) are installed by the workspace's own lock, and only checked in their folders.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import field, replace
from fnmatch import fnmatchcase

from dayhand.environment.ecosystems.base import Check, Ecosystem, Fetch, Files, Nested, SetupPlan, Step
from dayhand.startup.records import dataclass

MAX_DEPTH = 3  # folders above a nested project's manifest
MAX_PROJECTS = 16  # nested projects that are set up
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
    """All files except those whose path has a line break, a control character or bytes that are not text.

    Such a path can be neither shown nor part of a cache key.
    """

    files: Files
    _paths: tuple[str, ...] = field(init=False)  # read by every ecosystem

    def __post_init__(self) -> None:
        paths = tuple(path for path in self.files.paths() if path.isprintable())
        object.__setattr__(self, "_paths", paths)

    def paths(self) -> tuple[str, ...]:
        return self._paths

    def read(self, path: str) -> str:
        return self.files.read(path)


@dataclass(frozen=True, slots=True)
class Without:
    """All files except those of some folders."""

    files: Files
    folders: tuple[str, ...]

    def paths(self) -> tuple[str, ...]:
        starts = tuple(f"{folder}/" for folder in self.folders)
        return tuple(path for path in self.files.paths() if not path.startswith(starts))

    def read(self, path: str) -> str:
        return self.files.read(path)


def plans(files: Files, ecosystems: tuple[Ecosystem, ...]) -> tuple[tuple[SetupPlan, ...], tuple[str, ...]]:
    """The plans of the top and of each nested project, and the folders that exceed ``MAX_PROJECTS``."""
    files = Printable(files)
    found = tuple(_projects(files, ecosystems))
    taken, left = found[:MAX_PROJECTS], tuple(folder for folder, _ in found[MAX_PROJECTS:])
    planned: list[SetupPlan] = []
    top_kinds: dict[Ecosystem, frozenset[str]] = {}
    for each in ecosystems:
        # Any .py file makes a Python project: those of nested projects do not, where the top declares none itself.
        inner = tuple(folder for folder, ecosystem in taken if ecosystem is each)
        seen = Without(files, inner) if inner and not _at_top(files, each) else files
        if plan := each.plan(seen):
            planned.append(plan)
            top_kinds[each] = frozenset(check.kind for check in plan.checks)
    made = any(step.always for plan in planned for step in plan.steps)
    for folder, ecosystem in taken:
        plan = ecosystem.plan(Within(files, folder))
        if plan is None:
            continue
        if not (ecosystem.NESTED.bare or plan.checks or set(ecosystem.LOCKS).intersection(plan.locks)):
            continue  # a marker file, or the output of a build: nothing of it is ever run
        member = _is_member(files, folder, ecosystem)
        kinds = top_kinds.get(ecosystem, frozenset()) if ecosystem.NESTED.checked_from_top else frozenset()
        nested = _nest(plan, folder, ecosystem.NESTED, member=member, kinds=kinds, made=made)
        made = made or any(step.always for step in nested.steps)
        planned.append(nested)
    return tuple(sorted(planned, key=lambda plan: plan.last_resort)), left


def _projects(files: Files, ecosystems: tuple[Ecosystem, ...]) -> Iterator[tuple[str, Ecosystem]]:
    """Each nested project's folder, those nearest the top first, without those inside another one of its ecosystem."""
    by_file = {name: ecosystem for ecosystem in ecosystems for name in ecosystem.NESTED.files}
    seen: set[tuple[str, int]] = set()
    manifests = [path for path in files.paths() if path.rpartition("/")[2] in by_file]
    for path in sorted(manifests, key=lambda path: (path.count("/"), path)):
        folder, _, name = path.rpartition("/")
        ecosystem = by_file[name]
        if not folder or path.count("/") > MAX_DEPTH or NO_PROJECT.search(path):
            continue
        if ecosystem.NESTED.built_from_top and _at_top(files, ecosystem):
            continue
        parts = folder.split("/")
        above = ["/".join(parts[: at + 1]) for at in range(len(parts))]
        if not any((outer, id(ecosystem)) in seen for outer in above):
            seen.add((folder, id(ecosystem)))
            yield folder, ecosystem


def _at_top(files: Files, ecosystem: Ecosystem) -> bool:
    return any(path in ecosystem.NESTED.files for path in files.paths())


def _nest(
    plan: SetupPlan, folder: str, rules: Nested, *, member: bool, kinds: frozenset[str], made: bool
) -> SetupPlan:
    """A plan that was made for a folder as if it were the repository, moved to its place in the repository."""
    steps = () if member else tuple(step for step in plan.steps if not (step.always and made))
    if not any(not step.always for step in steps) and not plan.checks:
        steps = ()
    return replace(
        plan,
        fetch=_fetch(plan.fetch, folder, rules) if plan.fetch and steps else None,
        steps=tuple(_step(step, folder, rules) for step in steps),
        checks=tuple(
            _check(check, folder, rules, member=member) for check in plan.checks if check.kind not in kinds
        ),
        locks=tuple(f"{folder}/{path}" for path in plan.locks),
        problems=tuple(f"{folder}/{problem}" for problem in plan.problems),
    )


def _fetch(fetch: Fetch, folder: str, rules: Nested) -> Fetch:
    return Fetch(
        {f"{folder}/{path}": text for path, text in fetch.files.items()},
        _step(fetch.step, folder, rules),
        None if fetch.then is None else tuple(_step(step, folder, rules) for step in fetch.then),
    )


def _step(step: Step, folder: str, rules: Nested) -> Step:
    commands = tuple(in_folder(folder, command.replace(*rules.step_rewrite)) for command in step.commands)
    return replace(step, title=f"{folder}: {step.title}", commands=commands)


def _check(check: Check, folder: str, rules: Nested, *, member: bool) -> Check:
    return replace(
        check,
        command=in_folder(folder, check.command),
        probe=in_folder(folder, check.probe.replace(*rules.probe_rewrite)),
        source=f"{folder}/{check.source}",
        remedy=in_folder(folder, check.remedy) if check.remedy and not member else "",
        folder=folder,
    )


def in_folder(folder: str, command: str) -> str:
    return f"cd {shlex.quote(folder)} && {f'{{ {command}; }}' if SHELL.search(command) else command}"


def _is_member(files: Files, folder: str, ecosystem: Ecosystem) -> bool:
    """Whether the top's own lock and install cover this folder."""
    patterns = tuple(ecosystem.members(files))
    excluded = any(_matches(folder, pattern[1:]) for pattern in patterns if pattern.startswith("!"))
    return not excluded and any(
        _matches(folder, pattern) for pattern in patterns if not pattern.startswith("!")
    )


def _matches(folder: str, pattern: str) -> bool:
    pattern = pattern.removeprefix("./").rstrip("/")
    if "**" in pattern:
        return fnmatchcase(folder, pattern.replace("/**", "*").replace("**", "*"))
    return folder.count("/") == pattern.count("/") and fnmatchcase(folder, pattern)
