"""What an ecosystem is: how a repository's own toolchain is found, installed, proved and asked.

One module an ecosystem; each satisfies ``Ecosystem`` as a module, and ``ECOSYSTEMS`` in ``prepare.py`` lists them.
Detection reads only the base commit in the bare mirror, so it is safe on the host; everything else is a command
that runs inside a box.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from dayhand.environment.registries.python_npm import Extra
from dayhand.sandbox.base import Snapshot
from dayhand.task import Blocked


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


@dataclass(frozen=True, slots=True)
class CombinedPlan:
    """The plans of all ecosystems of one repository, as one."""

    plans: tuple[SetupPlan, ...]
    env: Mapping[str, str]  # with the whole PATH
    checks: tuple[Check, ...]
    allow: tuple[str, ...] = ()  # hosts that the maintainers allow beside the registries
    pins: tuple[str, ...] = ()  # sentences about pinned versions that the box does not have
    extra: Extra = field(default_factory=Extra)  # the operator's own registries

    @property
    def installs(self) -> bool:
        return any(plan.steps for plan in self.plans) or any(check.remedy for check in self.checks)


class Log(Protocol):
    """Where notes go: ``dayhand.ledger.log.Say``, of which set-up needs no more than this."""

    def line(self, kind: str, text: str) -> int:
        """Write one note; give its line number."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What came of one step."""

    title: str
    command: str  # the one that passed, or the last that was tried
    passed: bool
    seconds: float
    output: str  # cut, safe to show
    instead: str = ""  # where a fall-back passed: what was tried first, and what came of it


@dataclass(frozen=True, slots=True)
class Missing:
    """A tool that a check needs and that is not there."""

    tool: str
    why: str  # one sentence, with what would bring it


@dataclass(frozen=True, slots=True)
class Environment:
    """A repository's toolchain as it really is: installed and probed, or its absence stated."""

    key: str
    snapshot: Snapshot | None  # None: nothing to install
    env: Mapping[str, str]
    checks: tuple[Check, ...]
    missing: Mapping[str, Missing]  # by ``Check.command``: these cannot run, and why
    steps: tuple[Installed, ...]
    blocked: tuple[Blocked, ...]
    cached: bool
    seconds: float
    pins: tuple[str, ...] = ()  # sentences about pinned versions that the box does not have
    ecosystems: tuple[str, ...] = ()  # that were recognised
