"""What a journey needs, chosen once in ``wiring.py``, and what its work ends with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from dayhand.agent.guard import WorkLimits
from dayhand.agent.model.base import Model
from dayhand.checkout.repository import Checkout, Taken
from dayhand.environment.registries.base import ExtraRegistries
from dayhand.ledger.journal import Journal
from dayhand.ledger.repository_notes import RepositoryNotes
from dayhand.publish.base import Publication
from dayhand.reading.conversation import Conversation
from dayhand.sandbox.base import Sandbox
from dayhand.task import Change, Solution
from dayhand.verification import Scope, Verification
from dayhand.verify.base_cache import BaseCache


@dataclass(frozen=True, slots=True)
class Tools:
    """The parts of Dayhand that a journey uses."""

    checkout: Checkout
    sandbox: Sandbox
    model: Model
    publication: Publication
    journal: Journal  # with checkpoints: another worker continues there if this one is killed
    bases: BaseCache  # results of checks on base commits
    notes: RepositoryNotes  # what is kept about the repository for later tasks
    size_limits: Scope  # the operator's; a repository may set its own
    snapshot: Conversation = field(default_factory=Conversation)  # what people wrote before the request
    work_limits: WorkLimits = field(default_factory=WorkLimits)  # of the model; a repository may lower them
    registries: ExtraRegistries = field(default_factory=ExtraRegistries)  # the operator's own
    clock: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class CheckedChange:
    """A change that the model made, and the worker's verification of it."""

    solution: Solution
    change: Change
    head: str  # the commit that contains the change
    verification: Verification


@dataclass(frozen=True, slots=True)
class NoChange:
    """What the model says where it changed nothing that can be part of a change."""

    solution: Solution
    taken: Taken
