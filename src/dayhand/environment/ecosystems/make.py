"""The last resort: what any repository can have, a Makefile, a justfile or scripts of its own, with nothing to install."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.ecosystems.base import Check, Files, Runtime, SetupPlan, Step

MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
WORDS = {
    "lint": "lint",
    "typecheck": "types",
    "types": "types",
    "test": "test",
    "tests": "test",
    "check": "test",
}
JUSTFILES = ("justfile", "Justfile", ".justfile", "JUSTFILE")
JUST_HOME = f"{ENVIRONMENT}/just"
# A recipe's head, its parameters among them: https://just.systems/man/en/grammar.html
RECIPE = re.compile(r"^@?([A-Za-z_][\w-]*)((?:[ \t]+[^:\n]+?)?)[ \t]*:(?!=)", re.MULTILINE)
FOLDERS = ("", "scripts/", "script/", "bin/", "tools/")


def plan(files: Files) -> SetupPlan | None:
    """The checks of a Makefile, else of a justfile, else of scripts that are named like checks; None without any."""
    paths = frozenset(files.paths())
    if checks := _sort(tuple(_make(files, paths))):
        return SetupPlan("Make", (), checks, {}, (), last_resort=True)
    if checks := _sort(tuple(_just(files, paths))):
        env = {"PATH": f"{JUST_HOME}/bin"}
        return SetupPlan("just", (), checks, env, (), runtime=_runtime(), last_resort=True)
    checks = _sort(tuple(_scripts(files, paths)))
    return SetupPlan("scripts", (), checks, {}, (), last_resort=True) if checks else None


def _runtime() -> Runtime:
    """Just from the Python index, which has it as a program."""
    get = f"uv pip install --target {JUST_HOME} rust-just && {JUST_HOME}/bin/just --version"
    return Runtime("just", "just --version", Step("get just", (get,)), "python")


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
    names = {name for name, parameters in heads if not _demands(parameters)}
    for word, kind in WORDS.items():
        if word in names:
            yield Check(kind, f"just {word}", "just --version", "just", f"{justfile}, recipe {word}")


def _demands(parameters: str) -> bool:
    """Whether a recipe has to be told something: a parameter without a value of its own that is not any number of words."""
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
    """Drop “check” where lint and test both stand beside it; where only tests do, it is the lint."""
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
