"""The tests nearest to a change. They run first, so that a failure goes back to the model early; they decide no verdict.

The rule: test files that changed, that are named like a changed file, or that import one. If these are more than a
third of all tests, or the command cannot run single test files, everything runs at once.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace

from dayhand.environment.ecosystems.base import Check, Files
from dayhand.file_kinds import is_source, is_test
from dayhand.verify.runner import PYTEST
from dayhand.verify.scope.unmentioned import are_related, imported_words

MIN_TESTS = 8  # files: with fewer, all run at once
MAX_TESTS = 1000  # files: more are not read
SHARE = 3  # the nearest tests are at most a third of all tests
SHELL_SYNTAX = re.compile(r"[;|&<>$`*?()\n\\]")
NPM_RUN = re.compile(r"npm run ([\w:.-]+)")
# Scripts that accept test files as further arguments: https://docs.npmjs.com/cli/commands/npm-run-script
TAKES_FILES = re.compile(r"(?:node --test|jest|vitest run|ava)(?: --?[\w-]+(?:=[\w./-]+)?)*")
SCRIPT_SUFFIX = re.compile(r"\.[cm]?[jt]sx?$")
PYTHON_SUFFIX = re.compile(r"\.py$")
CommandFor = Callable[[tuple[str, ...]], str]  # from paths of tests, relative to the check's folder


@dataclass(frozen=True, slots=True)
class NarrowedCheck:
    """A check on the nearest tests only."""

    on_head: Check
    on_base: Check | None  # on those of the tests that exist on the base; None if there are none


def narrow_to_nearest(
    check: Check, before: Files, after: Files, *, paths: tuple[str, ...]
) -> NarrowedCheck | None:
    """Narrow a check to the tests nearest to ``paths``; None if that saves little or the command does not allow it."""
    command_for = _command_for_tests(check, after)
    if check.kind != "test" or command_for is None:
        return None
    nearest = _nearest_tests(check, after, paths)
    if not nearest:
        return None
    prefix = len(check.folder) + 1 if check.folder else 0

    def narrowed(tests: tuple[str, ...]) -> Check:
        return replace(check, command=command_for(tuple(test[prefix:] for test in tests)))

    on_base = frozenset(before.paths())
    old_tests = tuple(path for path in nearest if path in on_base)
    return NarrowedCheck(narrowed(nearest), narrowed(old_tests) if old_tests else None)


def _nearest_tests(check: Check, after: Files, paths: tuple[str, ...]) -> tuple[str, ...]:
    """The nearest test files of the check's language and folder; none if there are few tests, or most are near."""
    folder = f"{check.folder}/" if check.folder else ""
    suffix = SCRIPT_SUFFIX if NPM_RUN.search(check.command) else PYTHON_SUFFIX
    tests = [
        path
        for path in after.paths()
        if is_test(path)
        and path.startswith(folder)
        and suffix.search(path)
        and not path.endswith("conftest.py")
    ]
    if not MIN_TESTS <= len(tests) <= MAX_TESTS:
        return ()
    changed = [path for path in paths if is_source(path) and suffix.search(path)]
    imports = {path: imported_words(after.read(path)) for path in [*tests, *changed]}
    nearest = [
        test for test in tests if test in paths or any(are_related(test, path, imports) for path in changed)
    ]
    return tuple(nearest) if len(nearest) * SHARE <= len(tests) else ()


def _command_for_tests(check: Check, files: Files) -> CommandFor | None:
    """How to build the command that runs only some test files; None if that is not known."""
    command = (
        check.command.removeprefix(f"cd {shlex.quote(check.folder)} && ") if check.folder else check.command
    )
    change_folder = check.command.removesuffix(command)
    if SHELL_SYNTAX.search(command):
        return None
    if npm_run := NPM_RUN.fullmatch(command):
        package = f"{check.folder}/package.json" if check.folder else "package.json"
        if not TAKES_FILES.fullmatch(_package_script(files.read(package), npm_run[1])):
            return None
        return lambda tests: f"{change_folder}{command} -- {shlex.join(tests)}"
    pytest = PYTEST.match(command)
    if not pytest:
        return None
    paths = frozenset(files.paths())
    options = [
        word for word in shlex.split(command[pytest.end() :]) if not _names_path(word, check.folder, paths)
    ]
    return lambda tests: f"{change_folder}{pytest[0]} {shlex.join([*options, *tests])}"


def _package_script(package: str, name: str) -> str:
    """A script of a ``package.json``; "" if there is none."""
    try:
        return str(json.loads(package)["scripts"][name])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _names_path(word: str, folder: str, paths: frozenset[str]) -> bool:
    """Whether a word of the command names a file or folder of the tree."""
    path = "/".join(part for part in (folder, word.removeprefix("./").rstrip("/")) if part and part != ".")
    return not word.startswith("-") and (
        path in paths or any(other.startswith(f"{path}/") for other in paths)
    )
