"""The tests that a change is nearest to. They run first, so that a failure goes back early; they never make a verdict.

A simple rule: test files that changed, that are named like a changed file, or that import one. Where those are a good part
of all tests, or the command cannot be told to run them alone, everything runs at once.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace

from dayhand.environment.ecosystems.base import Check, Files
from dayhand.file_kinds import is_source, is_test
from dayhand.verify.runner import PYTEST
from dayhand.verify.scope.unmentioned import imports_in, tied

MIN_TESTS = 8  # files: fewer are run at once
MAX_TESTS = 1000  # more are not read
SHARE = 3  # the nearest are at most a third of all
SHELL = re.compile(r"[;|&<>$`*?()\n\\]")
NPM = re.compile(r"npm run ([\w:.-]+)")
# Scripts whose words the files can follow: https://docs.npmjs.com/cli/commands/npm-run-script
FOLLOWED = re.compile(r"(?:node --test|jest|vitest run|ava)(?: --?[\w-]+(?:=[\w./-]+)?)*")
SCRIPT = re.compile(r"\.[cm]?[jt]sx?$")
Narrow = Callable[[tuple[str, ...]], str]


def narrowed(
    check: Check, before: Files, after: Files, *, paths: tuple[str, ...]
) -> tuple[Check, Check | None] | None:
    """The check on the nearest tests alone: of the change, and of what was there before, where any of them was.

    None where nothing is to be gained, or where the command cannot be narrowed.
    """
    narrow = _narrow(check, after)
    if check.kind != "test" or narrow is None:
        return None
    near = _nearest(check, after, paths)
    if not near:
        return None
    was = frozenset(before.paths())
    old = tuple(path for path in near if path in was)
    start = len(check.folder) + 1 if check.folder else 0
    at = replace(check, command=narrow(tuple(path[start:] for path in near)))
    return at, replace(check, command=narrow(tuple(path[start:] for path in old))) if old else None


def _nearest(check: Check, after: Files, paths: tuple[str, ...]) -> tuple[str, ...]:
    """The nearest test files of the check's language and folder; none where they are few in all, or most of them."""
    start = f"{check.folder}/" if check.folder else ""
    ending = SCRIPT if NPM.search(check.command) else re.compile(r"\.py$")
    tests = [
        path for path in after.paths() if is_test(path) and path.startswith(start) and ending.search(path)
    ]
    tests = [path for path in tests if not path.endswith("conftest.py")]
    if not MIN_TESTS <= len(tests) <= MAX_TESTS:
        return ()
    changed = [path for path in paths if is_source(path) and ending.search(path)]
    imports = {path: imports_in(after.read(path)) for path in [*tests, *changed]}
    near = [one for one in tests if one in paths or any(tied(one, two, imports) for two in changed)]
    return tuple(near) if len(near) * SHARE <= len(tests) else ()


def _narrow(check: Check, files: Files) -> Narrow | None:
    """How the command is told to run some test files alone; None where that is not known."""
    plain = (
        check.command.removeprefix(f"cd {shlex.quote(check.folder)} && ") if check.folder else check.command
    )
    entered = check.command.removesuffix(plain)
    if SHELL.search(plain):
        return None
    if script := NPM.fullmatch(plain):
        package = f"{check.folder}/package.json" if check.folder else "package.json"
        if not FOLLOWED.fullmatch(_script(files.read(package), script[1])):
            return None
        return lambda tests: f"{entered}{plain} -- {shlex.join(tests)}"
    found = PYTEST.match(plain)
    if not found:
        return None
    there = frozenset(files.paths())
    words = [word for word in shlex.split(plain[found.end() :]) if not _is_place(word, check.folder, there)]
    return lambda tests: f"{entered}{found[0]} {shlex.join([*words, *tests])}"


def _script(package: str, name: str) -> str:
    try:
        read = json.loads(package)
        return str(read["scripts"][name])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _is_place(word: str, folder: str, there: frozenset[str]) -> bool:
    """Whether a word names a file or folder of the tree."""
    path = "/".join(part for part in (folder, word.removeprefix("./").rstrip("/")) if part and part != ".")
    return not word.startswith("-") and (path in there or any(one.startswith(f"{path}/") for one in there))
