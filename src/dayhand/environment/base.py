"""A repository's toolchain: as it is planned, and as it was installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Protocol

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.declared.workflows.plan import CiPlan
from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.environment.ecosystems.base import Check, Ecosystem, SetupPlan, Step
from dayhand.environment.registries.base import ExtraRegistries
from dayhand.environment.services.all_services import SERVICES
from dayhand.environment.services.base import QUICK_SCRIPT, SCRIPT, Started
from dayhand.sandbox.base import Snapshot
from dayhand.startup.records import dataclass
from dayhand.task import Blocked


@dataclass(frozen=True, slots=True)
class CombinedPlan:
    """The plans of all ecosystems of one repository, as one."""

    plans: tuple[SetupPlan, ...]
    env: Mapping[str, str]  # with the complete PATH
    checks: tuple[Check, ...]
    allow: tuple[str, ...] = ()  # hosts that the maintainers allow besides the registries
    pins: tuple[str, ...] = ()  # sentences about pinned versions that the box does not have
    ci: CiPlan = field(default_factory=CiPlan)  # what the workflows run
    extra: ExtraRegistries = field(default_factory=ExtraRegistries)
    ecosystems: tuple[Ecosystem, ...] = ECOSYSTEMS  # whose package clients may be used
    services: tuple[Started, ...] = ()
    compiles: tuple[Step, ...] = ()  # what fills the build cache
    languages: tuple[str, ...] = ()  # those that the box has, with their versions: "Python 3.11.2"

    @property
    def installs(self) -> bool:
        return any(plan.steps for plan in self.plans) or any(check.remedy for check in self.checks)


def combined_env(plans: tuple[SetupPlan, ...], path: str) -> dict[str, str]:
    """The variables of several plans; ``path`` is the box's own PATH."""
    env: dict[str, str] = {}
    for plan in plans:
        env |= plan.env
    front = [plan.env["PATH"] for plan in plans if "PATH" in plan.env]
    env["PATH"] = ":".join((*front, *([f"{ENVIRONMENT}/bin"] if front else []), path))
    return env


@dataclass(frozen=True, slots=True)
class Source:
    """Whose files set-up runs: part of the key of everything that they leave."""

    repository: str
    tree: str  # of a trusted commit; else the commit's own id, since set-up can read the history as well
    trusted: bool  # see ``checkout/trust.py``
    handle: str = field(default="dayhand", repr=False)  # the App's, for the comment that would accept it


class Log(Protocol):
    """Where notes go: the part of ``dayhand.ledger.log.TaskLog`` that set-up needs."""

    def line(self, kind: str, text: str) -> int:
        """Write one note and return its line number."""


@dataclass(frozen=True, slots=True)
class Installed:
    """The result of one step."""

    title: str
    command: str  # the one that passed, or the last that was tried
    passed: bool
    seconds: float
    output: str  # cut, safe to show
    instead: str = ""  # where a fallback passed: what was tried first, and how it failed


@dataclass(frozen=True, slots=True)
class Missing:
    """A tool that a check needs and that is not installed."""

    tool: str
    why: str  # one sentence, with what would install it


@dataclass(frozen=True, slots=True)
class Environment:
    """A repository's toolchain as it was installed and probed, and what is missing."""

    key: str
    snapshot: Snapshot | None  # None: nothing to install
    env: Mapping[str, str]
    checks: tuple[Check, ...]
    missing: Mapping[str, Missing]  # by ``Check.command``: the checks that cannot run, and why
    steps: tuple[Installed, ...]
    blocked: tuple[Blocked, ...]
    cached: bool
    seconds: float
    pins: tuple[str, ...] = ()  # sentences about pinned versions that the box does not have
    languages: tuple[str, ...] = ()  # those that the box has, with their versions: "Python 3.11.2"
    ci: tuple[str, ...] = ()  # sentences about what runs here otherwise than in CI
    ecosystems: tuple[str, ...] = ()  # the names of those that were detected
    services: tuple[Started, ...] = ()  # that run beside each command, see ``services/start.py``
    missing_services: tuple[Missing, ...] = ()  # that are declared and cannot be started here
    hosts: Mapping[str, str] = field(
        default_factory=dict
    )  # the names of both, with their addresses, for ``Sandbox.open``
    absent: Mapping[str, str] = field(
        default_factory=dict
    )  # submodules and LFS files by path, and why they are not there
    work_tree: Snapshot | None = None  # the same, with the base commit of a large repository checked out

    @property
    def origin(self) -> Snapshot | None:
        """What boxes are opened from."""
        return self.work_tree or self.snapshot

    @property
    def launcher(self) -> tuple[str, ...]:
        """The words in front of a command that needs the services; none where there are no services."""
        return ("/bin/sh", SCRIPT) if self.services else ()

    @property
    def quick_launcher(self) -> tuple[str, ...]:
        """The same, without the services that take seconds to start."""
        return ("/bin/sh", QUICK_SCRIPT) if len(self.slow_services) < len(self.services) else ()

    @property
    def slow_services(self) -> tuple[Started, ...]:
        """The services that only checks have."""
        slow = {service.KIND for service in SERVICES if service.SLOW}
        return tuple(each for each in self.services if each.declaration.kind in slow)

    @property
    def lacking(self) -> tuple[str, ...]:
        """A sentence for everything declared that the box does not have: pinned versions and services."""
        return (
            *self.pins,
            *self.absent.values(),
            *(f"{service.tool} is missing. {service.why}" for service in self.missing_services),
        )

    @property
    def results_key(self) -> str:
        """The key of what checks say here: that of an incomplete environment must not hold for the complete one."""
        return self.snapshot.key if self.snapshot else self.key
