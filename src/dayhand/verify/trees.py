"""The trees that checks run on: the change, what was there before, and mixtures of the two made in a box."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dayhand.errors import SandboxError
from dayhand.sandbox.base import Box

Fill = Callable[[Box], None]

WHY = "this file was broken on purpose, to see whether the tests notice"
# What no parser takes. Where a language has a statement that ends whatever runs the file, that is added instead:
# a check that only compiles does not notice it.
NONSENSE = f"<<<<<<< {WHY}"
ENDING = {
    "PYTHON": f'raise RuntimeError("{WHY}")',
    "SCRIPT": f'throw new Error("{WHY}");',
    "GO": f'func init() {{ panic("{WHY}") }}',
}


@dataclass(frozen=True, slots=True)
class Trees:
    """How a clean box gets the change, and how it gets what was there before."""

    head: Fill
    base: Fill
    base_commit: str
    paths: tuple[str, ...] = ()  # what the change touches
    tests: tuple[str, ...] = ()  # of these, the files with tests that are new or altered


def put_back(paths: tuple[str, ...], commit: str, fill: Fill) -> Fill:
    """``fill``, and then ``paths`` as they are in ``commit``, which the filled tree descends from."""

    def filled(box: Box) -> None:
        fill(box)
        script = (
            'while IFS= read -r path; do if git cat-file -e "$COMMIT:$path" 2>/dev/null; '
            'then git checkout -q "$COMMIT" -- ":(literal)$path" || exit 1; else rm -f -- "$path"; fi; done'
        )
        _each(box, script, paths, env={"COMMIT": commit})

    return filled


def spoil(paths: tuple[str, ...], fill: Fill) -> Fill:
    """``fill``, and then ``paths`` broken: whatever runs one of them fails."""

    def filled(box: Box) -> None:
        fill(box)
        script = (
            'while IFS= read -r path; do [ -f "$path" ] || continue; case "$path" in '
            '*.py) printf "\\n%s\\n" "$PYTHON" >> "$path";; '
            '*.js|*.cjs|*.mjs|*.jsx|*.ts|*.cts|*.mts|*.tsx) printf "\\n%s\\n" "$SCRIPT" >> "$path";; '
            '*.go) printf "\\n%s\\n" "$GO" >> "$path";; '
            '*) printf "%s\\n" "$NONSENSE" > "$path";; esac; done'
        )
        _each(box, script, paths, env={**ENDING, "NONSENSE": NONSENSE})

    return filled


def _each(box: Box, script: str, paths: tuple[str, ...], *, env: dict[str, str]) -> None:
    stdin = "".join(f"{path}\n" for path in paths).encode("utf-8", "surrogateescape")
    result = box.run(["/bin/sh", "-c", script], env=env, stdin=stdin)
    if not result.passed:
        raise SandboxError(f"A tree to compare with could not be made: {result.text()[-300:]}")
