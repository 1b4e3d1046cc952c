"""What CI sets up, installs, checks and serves for a change: data, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

from dayhand.environment.yaml_file import Value
from dayhand.startup.records import dataclass

MAX_CHECKS = 8  # of one kind in one folder
MAX_SENTENCES = 20


@dataclass(frozen=True, slots=True)
class CiCheck:
    """One check as CI runs it, made ready for a box."""

    kind: str  # "lint", "types" or "test"
    family: str  # of the tool: "python", "node", …; "" for others
    command: str  # without its folder
    folder: str  # from the top; "" for the top
    words: tuple[str, ...]  # what it means, without runners: the tool and its arguments
    source: str  # "ci.yml, job test"

    @property
    def tool(self) -> str:
        return self.words[0]

    @property
    def identity(self) -> tuple[str, str, tuple[str, ...]]:
        """Equal for checks that differ in variables alone."""
        return self.kind, self.folder, self.words


@dataclass(frozen=True, slots=True)
class CiStep:
    """One set-up command of CI."""

    commands: tuple[str, ...]  # tried in turn
    folder: str
    family: str
    source: str


@dataclass(frozen=True, slots=True)
class CiVersion:
    """A version of a language that CI sets up; alternatives have "||" between them."""

    language: str  # ``Language.key``
    wanted: str
    source: str


@dataclass(frozen=True, slots=True)
class CiServices:
    """The ``services:`` of a job, as they are written, with known expressions replaced."""

    services: Mapping[str, Value]
    env: Mapping[str, str]  # of the job's checks: literal values only
    in_container: bool  # then services have their names as hosts, and their containers' ports
    source: str


@dataclass(frozen=True, slots=True)
class CiPlan:
    """What the workflows run for a change."""

    steps: tuple[CiStep, ...] = ()
    checks: tuple[CiCheck, ...] = ()
    versions: tuple[CiVersion, ...] = ()
    packages: tuple[tuple[str, str], ...] = ()  # of the system, each with its source
    services: tuple[CiServices, ...] = ()
    left_out: tuple[str, ...] = ()  # sentences about checks that only CI can run
    incomplete: frozenset[tuple[str, str]] = (
        frozenset()
    )  # kinds and folders of which a check was not understood
    problems: tuple[str, ...] = ()  # sentences about files that cannot be read


@dataclass(slots=True)
class CiParts:
    """A plan while it is collected."""

    steps: list[CiStep] = field(default_factory=list)
    checks: list[CiCheck] = field(default_factory=list)
    versions: list[CiVersion] = field(default_factory=list)
    packages: dict[str, str] = field(default_factory=dict)
    services: list[CiServices] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    incomplete: set[tuple[str, str]] = field(default_factory=set)

    def plan(self, problems: tuple[str, ...]) -> CiPlan:
        """The plan, with each part once."""
        return CiPlan(
            tuple(dict.fromkeys(self.steps)),
            tuple(self._bounded_checks()),
            tuple(dict.fromkeys(self.versions)),
            tuple(self.packages.items()),
            tuple(self.services),
            tuple(dict.fromkeys(self.left_out))[:MAX_SENTENCES],
            frozenset(self.incomplete),
            problems,
        )

    def _bounded_checks(self) -> Iterator[CiCheck]:
        seen: set[tuple[str, str, tuple[str, ...]]] = set()
        counts: dict[tuple[str, str], int] = {}
        for check in self.checks:
            if check.identity in seen:
                continue
            seen.add(check.identity)
            counts[check.kind, check.folder] = count = counts.get((check.kind, check.folder), 0) + 1
            if count <= MAX_CHECKS:
                yield check
            else:
                self.left_out.append(
                    f"{check.source}: there are more than {MAX_CHECKS} {check.kind} checks; left out: {check.command[:80]}"
                )
