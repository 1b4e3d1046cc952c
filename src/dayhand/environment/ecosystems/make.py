"""The last resort: a Makefile, a justfile, a Taskfile or scripts, which any repository can have; nothing is installed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment import yaml_file
from dayhand.environment.ecosystems import base
from dayhand.environment.ecosystems.base import Check, Files, Names, Runtime, SetupPlan, Step

MAKEFILES: Names = ("GNUmakefile", "makefile", "Makefile")
JUSTFILES: Names = ("justfile", "Justfile", ".justfile", "JUSTFILE")
TASKFILES: Names = ("Taskfile.yml", "taskfile.yml", "Taskfile.yaml", "taskfile.yaml")
MANIFESTS = base.NO_NAMES
LOCKS = base.NO_NAMES
SETTINGS: Names = (*MAKEFILES, *JUSTFILES, *TASKFILES)
SETTINGS_PATTERN = base.NO_PATTERN
SETUP_ENV = base.NO_ENV
OFFLINE = base.NO_ENV
LANGUAGE = base.NO_LANGUAGE
PINS = base.NO_NAMES
CLIENT = base.NO_CLIENT
NESTED = base.NOT_NESTED

WORDS = {
    "lint": "lint",
    "typecheck": "types",
    "types": "types",
    "test": "test",
    "tests": "test",
    "check": "test",
}
TASK_HOME = f"{ENVIRONMENT}/task"
JUST_HOME = f"{ENVIRONMENT}/just"
# The head of a recipe with its parameters: https://just.systems/man/en/grammar.html
RECIPE = re.compile(r"^@?([A-Za-z_][\w-]*)((?:[ \t]+[^:\n]+?)?)[ \t]*:(?!=)", re.MULTILINE)
FOLDERS = ("", "scripts/", "script/", "bin/", "tools/")

members = base.no_members
compile_only = base.no_compiler
read_pin = base.first_word
required_versions = base.no_versions
find_registry = base.no_registry


def plan(files: Files) -> SetupPlan | None:
    """The checks of a Makefile, else a justfile, else a Taskfile, else scripts with the names of checks; None without any."""
    paths = frozenset(files.paths())
    if checks := _sort(tuple(_make(files, paths))):
        return SetupPlan("Make", (), checks, {}, (), last_resort=True)
    if checks := _sort(tuple(_just(files, paths))):
        env = {"PATH": f"{JUST_HOME}/bin"}
        return SetupPlan("just", (), checks, env, (), runtime=_runtime(), last_resort=True)
    if checks := _sort(tuple(_tasks(files, paths))):
        env = {"PATH": f"{TASK_HOME}/bin"}
        return SetupPlan("Task", (), checks, env, (), runtime=_task_runtime(), last_resort=True)
    checks = _sort(tuple(_scripts(files, paths)))
    return SetupPlan("scripts", (), checks, {}, (), last_resort=True) if checks else None


def _runtime() -> Runtime:
    """Just from the Python index, which has it as a wheel."""
    get = f"uv pip install --target {JUST_HOME} rust-just && {JUST_HOME}/bin/just --version"
    return Runtime("just", "just --version", Step("get just", (get,)), "python")


def _task_runtime() -> Runtime:
    """Task from the Python index, which has it as a wheel."""
    get = f"uv pip install --target {TASK_HOME} go-task-bin && {TASK_HOME}/bin/task --version"
    return Runtime("Task", "task --version", Step("get Task", (get,)), "python")


def _tasks(files: Files, paths: frozenset[str]) -> Iterator[Check]:
    """https://taskfile.dev/docs/reference/schema."""
    taskfile = next((name for name in TASKFILES if name in paths), "")
    value, _problem = yaml_file.parse(files.read(taskfile) if taskfile else "")
    names = value.get("tasks") if isinstance(value, dict) else None
    for word, kind in WORDS.items():
        if isinstance(names, dict) and word in names:
            yield Check(kind, f"task {word}", "task --version", "task", f"{taskfile}, task {word}")


def _make(files: Files, paths: frozenset[str]) -> Iterator[Check]:
    makefile = next((name for name in MAKEFILES if name in paths), "")
    targets = (
        re.findall(r"^([A-Za-z][\w \t-]*):(?![=:])", files.read(makefile), re.MULTILINE) if makefile else []
    )
    names = {name for target in targets for name in target.split()}
    for word, kind in WORDS.items():
        if word in names:
            yield Check(kind, f"make {word}", "make --version", "make", f"{makefile}, target {word}")


def _just(files: Files, paths: frozenset[str]) -> Iterator[Check]:
    justfile = next((name for name in JUSTFILES if name in paths), "")
    heads = RECIPE.findall(files.read(justfile)) if justfile else []
    names = {name for name, parameters in heads if not _needs_argument(parameters)}
    for word, kind in WORDS.items():
        if word in names:
            yield Check(kind, f"just {word}", "just --version", "just", f"{justfile}, recipe {word}")


def _needs_argument(parameters: str) -> bool:
    """Whether a recipe cannot run without an argument: a parameter without a default that is not variadic (“*”)."""
    bare = re.sub(r"=\s*('[^']*'|\"[^\"]*\"|\S+)", "=", parameters)
    return any("=" not in word and not word.startswith("*") for word in bare.split())


def _scripts(files: Files, paths: frozenset[str]) -> Iterator[Check]:
    for word, kind in WORDS.items():
        for path in (f"{folder}{word}{ending}" for folder in FOLDERS for ending in (".sh", "")):
            if path in paths and files.read(path).startswith("#!"):
                interpreter = _interpreter(files.read(path))
                probe = f"test -x {shlex.quote(path)} && command -v {shlex.quote(interpreter)}"
                yield Check(kind, f"./{path}", probe, path, path)
                break


def _interpreter(script: str) -> str:
    """The program that a script's first line names: ``#!/usr/bin/env -S python3 -u`` means python3."""
    words = script.partition("\n")[0][2:].split()
    if words and words[0].endswith("/env"):
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    return words[0] if words else "sh"


def _sort(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """Drop “check” where there are lint and test checks; where there are only tests, it is the lint."""
    kinds = {check.kind for check in checks if not _is_check(check)}
    kept = []
    for check in checks:
        if not _is_check(check):
            kept.append(check)
        elif "lint" not in kinds:
            kept.append(Check("lint", check.command, check.probe, check.tool, check.source))
        elif "test" not in kinds:
            kept.append(check)
    return tuple(kept)


def _is_check(check: Check) -> bool:
    return bool(re.search(r"\bcheck(\.sh)?$", check.command))
