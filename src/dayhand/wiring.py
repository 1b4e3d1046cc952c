"""From settings to objects: this is the only module that names concrete classes."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import httpx2

from dayhand.agent.guard import WorkLimits
from dayhand.agent.model import prices
from dayhand.agent.model.client import ModelClient
from dayhand.agent.model.fallback import FallbackModels
from dayhand.agent.model.remote import RemoteModel, Style
from dayhand.agent.model.retry import RetryPolicy
from dayhand.checkout.mirror import Author
from dayhand.checkout.repository import Checkout, open_mirror
from dayhand.checkout.target_branch import TargetBranches, find_target_branches
from dayhand.checkout.trust import People
from dayhand.environment.registries.base import ExtraRegistries
from dayhand.errors import HubError, SandboxError
from dayhand.hub.client import Hub
from dayhand.hub.repository import RepositoryHub
from dayhand.intake.permission import may_ask
from dayhand.journey import Tools
from dayhand.ledger import facts
from dayhand.ledger.facts import Facts
from dayhand.ledger.feature_store import RedisFeatureStore
from dayhand.ledger.journal import Journal
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.repository_notes import (
    RepositoryNotes,
    head_is_accepted,
    who_pushed,
    who_pushed_head,
)
from dayhand.publish.base import Publication
from dayhand.publish.github import GitHubPublication
from dayhand.publish.local import LocalPublication
from dayhand.sandbox.base import Sandbox
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.sandbox.docker.backend import DockerSandbox
from dayhand.sandbox.snapshot_cache import SnapshotCache
from dayhand.scripted_model.moves import SCRIPTED_MODEL
from dayhand.settings.required import app_key
from dayhand.settings.table import Settings
from dayhand.task import Task, TaskKind
from dayhand.usage import Limit, Resource
from dayhand.verification import Scope
from dayhand.verify.base_cache import BaseCache

LOCAL_AUTHOR = Author("Dayhand", "dayhand@localhost")


class GitHubServices:
    """What tasks from GitHub work with."""

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self.settings = settings
        self.ledger = ledger
        self.app = Hub(settings.api_url, settings.app_id, app_key(settings))

    @contextmanager
    def publication(self, task: Task, claim: Claim) -> Iterator[Publication]:
        """Publish on GitHub, with a token for this one repository that is revoked afterwards."""
        hub = self.app.repository(task.installation, task.repository)
        try:
            yield GitHubPublication(
                hub,
                self.ledger,
                claim,
                task=task,
                task_url=f"{self.settings.url}/tasks/{task.id}",
                repository_url=task.clone_url.removesuffix(".git"),
                every=self.settings.progress_seconds,
            )
        finally:
            hub.close()

    @contextmanager
    def tools(self, task: Task, claim: Claim, publication: Publication) -> Iterator[Tools]:
        """Everything else that the journey needs."""
        hub = self.app.repository(task.installation, task.repository)
        try:
            if task.ask.kind is TaskKind.ENVIRONMENT:
                claim.allow_same_request()
            clone_url, branch = task.clone_url, task.default_branch
            if not clone_url:
                clone_url, branch = hub.location()
            checkout = Checkout(
                mirror=open_mirror(self.settings.data, task.repository, clone_url),
                default_branch=branch,
                facts=claim.facts,
                token=hub.token,
                author=self._author,
                co_author=lambda login: _co_author(hub, login),
                branches=_target_branches(hub, task, claim.facts),
                people=_people(self.ledger, hub, task.repository),
            )
            with _tools(
                self.settings, self.ledger, task, claim=claim, checkout=checkout, publication=publication
            ) as tools:
                yield tools
        finally:
            hub.close()

    def _author(self) -> Author:
        bot = self.app.bot()
        return Author(bot.name, bot.email)


def _people(ledger: Ledger, hub: RepositoryHub, repository: str) -> People:
    """Whether those who pushed have write access is asked now, and once each."""

    @cache
    def may_write(login: str) -> bool:
        return bool(login) and may_ask(hub, login)

    return People(
        accepted=lambda commit: head_is_accepted(ledger, repository, commit),
        pushed_head=lambda commit: may_write(who_pushed_head(ledger, repository, commit)),
        pushed_first=lambda commit: may_write(who_pushed(ledger, repository, commit)),
    )


@contextmanager
def open_local_tools(settings: Settings, ledger: Ledger, task: Task, *, claim: Claim) -> Iterator[Tools]:
    """What ``dayhand run`` works with: a branch in the repository itself, and no GitHub."""
    checkout = Checkout(
        mirror=open_mirror(settings.data, task.repository, task.clone_url),
        facts=claim.facts,
        token=str,
        author=lambda: LOCAL_AUTHOR,
        co_author=lambda _login: None,
    )
    with _tools(
        settings, ledger, task, claim=claim, checkout=checkout, publication=LocalPublication(sys.stdout)
    ) as tools:
        yield tools


def open_sandbox(settings: Settings) -> Sandbox:
    """The sandbox of the settings, tried out. Raises ``SandboxError``: nothing runs without a sandbox."""
    sandbox = choose_sandbox(settings)
    sandbox.self_test()
    return sandbox


def open_snapshot_cache(settings: Settings) -> Sandbox:
    """The same, with a limit on the bytes of its snapshots."""
    sandbox = open_sandbox(settings)
    return SnapshotCache(sandbox, settings.data / "shelf" / sandbox.name, settings.cache_bytes)


def choose_sandbox(settings: Settings) -> Sandbox:
    """The backend of the settings; ``auto`` is Docker if an engine answers that has our image, else bubblewrap."""
    docker = DockerSandbox(
        settings.data,
        image=settings.sandbox_image,
        runtime=settings.sandbox_runtime,
        docker_host=settings.docker_host,
    )
    if settings.sandbox == "docker" or (settings.sandbox == "auto" and _has_image(docker)):
        return docker
    return _bubblewrap(settings.data)


@cache
def _bubblewrap(data: Path) -> BubblewrapSandbox:
    """One for a process and its forks: what it finds out about bwrap and the kernel holds for all jobs of a worker."""
    return BubblewrapSandbox(data)


def _has_image(docker: DockerSandbox) -> bool:
    try:
        return docker.find_image() is not None
    except SandboxError:
        return False


@cache
def model_certificates() -> ssl.SSLContext:
    """The certificates that a model's server is checked against, read once by the parent of the workers."""
    return httpx2.create_ssl_context()


def read_prices(settings: Settings) -> prices.Prices:
    """What tokens cost: the operator's table over ours. Raises ``SettingsError`` if the file is not a price table."""
    usual = settings.data / "prices.toml"
    return prices.load(settings.prices or (usual if usual.exists() else None))


@contextmanager
def open_model(
    settings: Settings, redis: TextRedis, task_facts: Facts, *, retry_policy: RetryPolicy | None = None
) -> Iterator[FallbackModels]:
    """The models of the settings in their order; the demo's scripted model is recognised by its name."""
    table = read_prices(settings)
    policy = retry_policy or RetryPolicy()
    names = settings.models
    with ModelClient(
        settings.openai_base_url, settings.openai_api_key, verify=model_certificates()
    ) as client:
        models = [
            RemoteModel(
                client,
                name,
                scripted=name == SCRIPTED_MODEL,
                prices=table,
                style=Style(settings.effort, settings.verbosity),
                window=settings.window,
                retry_policy=policy if name == names[-1] else policy.with_fallback_left(),
                feature_store=RedisFeatureStore(redis, client.base_url, name),
            )
            for name in names
        ]
        yield FallbackModels(models, task_facts)


@contextmanager
def _tools(
    settings: Settings,
    ledger: Ledger,
    task: Task,
    *,
    claim: Claim,
    checkout: Checkout,
    publication: Publication,
) -> Iterator[Tools]:
    with open_model(settings, ledger.redis, claim.facts) as model:
        yield Tools(
            checkout=checkout,
            sandbox=open_snapshot_cache(settings),
            registries=ExtraRegistries.of(settings.registries),
            model=model,
            publication=publication,
            journal=Journal(ledger.redis, task.id, claim),
            notes=RepositoryNotes(ledger, claim, task.repository),
            bases=BaseCache(settings.data / "bases"),
            size_limits=Scope(max_lines=settings.max_lines, max_files=settings.max_files),
            work_limits=_work_limits(settings),
        )


def _work_limits(settings: Settings) -> WorkLimits:
    """The operator's limits of the model's work on one task; 0 means no limit."""
    limits = (
        Limit(Resource.MONEY, settings.max_dollars, "DAYHAND_MAX_DOLLARS"),
        Limit(Resource.MINUTES, settings.max_minutes, "DAYHAND_MAX_MINUTES"),
        Limit(Resource.TOKENS, settings.max_tokens, "DAYHAND_MAX_TOKENS"),
    )
    return WorkLimits(turns=settings.max_turns, limits=tuple(limit for limit in limits if limit.maximum))


def _target_branches(hub: RepositoryHub, task: Task, task_facts: Facts) -> TargetBranches:
    """Look once and keep the result: the pull request that this task opens must not count as an earlier one."""
    own = task_facts.get(facts.OWN_BRANCH)
    if own is not None:
        return TargetBranches(onto=task_facts.get(facts.TARGET_BRANCH) or "", own=own)
    found = find_target_branches(hub, task)
    task_facts.put(facts.TARGET_BRANCH, found.onto)
    task_facts.put(facts.OWN_BRANCH, found.own)
    return found


def _co_author(hub: RepositoryHub, login: str) -> Author | None:
    """The address under which GitHub credits a person: ``ID+login@users.noreply.github.com``."""
    try:
        number = hub.user_id(login)
    except HubError:
        return None  # a commit without its co-author is better than no commit
    return Author(login, f"{number}+{login}@users.noreply.github.com")
