"""What every journey works with, on GitHub or on a local repository."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from dayhand.agent.guard import WorkLimits
from dayhand.agent.model.retry import RetryPolicy
from dayhand.checkout.repository import Checkout
from dayhand.environment.registries.base import ExtraRegistries
from dayhand.journey_tools import Tools
from dayhand.ledger import facts
from dayhand.ledger.journal import Journal
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.repository_notes import RepositoryNotes
from dayhand.publish.base import Publication
from dayhand.sandbox.base import Sandbox
from dayhand.settings.table import Settings
from dayhand.task import Ask, Task
from dayhand.usage import AskedLimits, Limit, Resource
from dayhand.verification import Scope
from dayhand.verify.base_cache import BaseCache
from dayhand.wiring.models import open_model


@contextmanager
def open_tools(
    settings: Settings,
    ledger: Ledger,
    task: Task,
    *,
    claim: Claim,
    checkout: Checkout,
    sandbox: Sandbox,
    publication: Publication,
    retry_policy: RetryPolicy | None = None,
) -> Iterator[Tools]:
    """Open the models of the settings."""
    with open_model(settings, ledger.redis, claim.facts, retry_policy=retry_policy) as model:
        yield Tools(
            checkout=checkout,
            sandbox=sandbox,
            registries=ExtraRegistries.of(settings.registries),
            model=model,
            publication=publication,
            journal=Journal(ledger.redis, task.id, claim, replies=settings.data / "replies"),
            notes=RepositoryNotes(ledger, claim, task.repository),
            bases=BaseCache(settings.data / "bases"),
            size_limits=Scope(max_lines=settings.max_lines, max_files=settings.max_files),
            work_limits=replace(work_limits(settings), find_asked=partial(_asked_now, claim)),
        )


def _asked_now(claim: Claim, ask: Ask) -> AskedLimits:
    """The limits that people set, the last ones if they changed them."""
    return claim.facts.get(facts.ASKED_LIMITS) or ask.limits


def work_limits(settings: Settings) -> WorkLimits:
    """The operator's limits of the model's work on one task; 0 means no limit."""
    limits = (
        Limit(Resource.MONEY, settings.max_dollars, "DAYHAND_MAX_DOLLARS"),
        Limit(Resource.MINUTES, settings.max_minutes, "DAYHAND_MAX_MINUTES"),
        Limit(Resource.TOKENS, settings.max_tokens, "DAYHAND_MAX_TOKENS"),
    )
    return WorkLimits(turns=settings.max_turns, limits=tuple(limit for limit in limits if limit.maximum))
