"""The trees that checks run on: the change, what was there before, and mixtures of the two made in a box."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dayhand.errors import SandboxError
from dayhand.sandbox.base import Box

Fill = Callable[[Box], None]

NONSENSE = "<<<<<<< this file was made unreadable, to see whether the tests notice"


@dataclass(frozen=True, slots=True)
class Trees:
    """How a clean box gets the change, and how it gets what was there before."""

    head: Fill
    base: Fill
    base_commit: str
    paths: tuple[str, ...] = ()  # what the change touches


def put_back(paths: tuple[str, ...], commit: str, fill: Fill) -> Fill:
    """``fill``, and then ``paths`` as they are in ``commit``, which the filled tree descends from."""

    def filled(box: Box) -> None:
        fill(box)
        script = (
            'while IFS= read -r path; do if git cat-file -e "$COMMIT:$path" 2>/dev/null; '
            'then git checkout -q "$COMMIT" -- ":(literal)$path" || exit 1; else rm -f -- "$path"; fi; done'
        )
        _each(box, script, paths, {"COMMIT": commit})

    return filled


def spoil(paths: tuple[str, ...], fill: Fill) -> Fill:
    """``fill``, and then nonsense in ``paths``: no parser of any language takes it."""

    def filled(box: Box) -> None:
        fill(box)
        script = 'while IFS= read -r path; do [ ! -f "$path" ] || printf "%s\\n" "$NONSENSE" > "$path"; done'
        _each(box, script, paths, {"NONSENSE": NONSENSE})

    return filled


def _each(box: Box, script: str, paths: tuple[str, ...], env: dict[str, str]) -> None:
    stdin = "".join(f"{path}\n" for path in paths).encode("utf-8", "surrogateescape")
    result = box.run(["/bin/sh", "-c", script], env=env, stdin=stdin)
    if not result.passed:
        raise SandboxError(f"A tree to compare with could not be made: {result.text()[-300:]}")
