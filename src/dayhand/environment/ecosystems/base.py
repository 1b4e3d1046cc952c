"""The contract of an ecosystem: how its projects are recognised, installed and checked.

One module an ecosystem; each satisfies ``Ecosystem`` as a module, and ``all_ecosystems.py`` lists them.
Detection reads only the base commit in the bare mirror, so it is safe on the host; everything else is a command
that runs inside a box.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Files(Protocol):
    """The files of one commit, read from the bare mirror: data, never a path on the host."""

    def paths(self) -> tuple[str, ...]:
        """All file paths of the tree."""

    def read(self, path: str) -> str:
        """A file's text, at most a megabyte, undecodable bytes replaced; "" where there is none."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to install; ``commands`` are tried in turn until one passes."""

    title: str  # "install with npm ci"
    commands: tuple[str, ...]
    always: bool = False  # also where the maintainers declare the set-up: it makes the place for all else


@dataclass(frozen=True, slots=True)
class Check:
    """One of the repository's own checks."""

    kind: str  # "lint", "types" or "test"
    command: str
    probe: str  # exits 0 where the tool is there: "ruff --version"
    tool: str  # its name for people
    source: str  # where the command was found: "package.json scripts.lint"
    remedy: str = ""  # the one more attempt to get the tool where set-up did not bring it; "": there is none
    folder: str = (
        ""  # of the nested project whose check it is, from the top; its command goes there by itself
    )


@dataclass(frozen=True, slots=True)
class Runtime:
    """A language that the box itself may lack, and that another ecosystem's registry can bring."""

    name: str
    probe: str  # exits 0 where the box has it already
    step: Step
    client: str  # whose registry it comes from


@dataclass(frozen=True, slots=True)
class SetupPlan:
    """What one ecosystem wants for one repository."""

    ecosystem: str
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]
    env: Mapping[str, str]  # for every later command; PATH entries are joined in front of the box's own
    locks: tuple[str, ...]  # the paths whose content decides what is installed: part of the cache key
    client: str = ""  # whose configured registries set-up may reach: "python", "npm" or "": none
    runtime: Runtime | None = None
    last_resort: bool = False  # its checks count only for kinds that no other ecosystem has


class Ecosystem(Protocol):
    """A module with one function."""

    def plan(self, files: Files) -> SetupPlan | None:
        """What to do for this repository; None where this ecosystem is not in it."""
