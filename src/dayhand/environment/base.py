"""A repository's toolchain: as it is planned, and as it was installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from dayhand.environment.ecosystems.base import Check, SetupPlan
from dayhand.environment.registries.python_npm import Extra
from dayhand.sandbox.base import Snapshot
from dayhand.task import Blocked


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
