"""``dayhand doctor``: can this machine do what its settings ask for, and which limits hold?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from redis import Redis
from redis.exceptions import RedisError
from rich.console import Console
from rich.text import Text

from dayhand.errors import DayhandError
from dayhand.hub.client import Hub
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.sandbox.docker.backend import DockerSandbox
from dayhand.sandbox.health import (
    Health,
    HealthFinding,
    examine_bubblewrap,
    examine_docker,
)
from dayhand.settings.required import app_key, require_app
from dayhand.settings.table import Settings
from dayhand.wiring import choose_sandbox

MARKS = {Health.GOOD: ("✓", "green"), Health.WEAK: ("!", "yellow"), Health.BAD: ("✗", "red")}


def examine(settings: Settings, *, as_json: bool) -> int:
    """Look at everything, print it; 0 where tasks can be done here, else 1."""
    findings = list(look(settings))
    if as_json:
        print(json.dumps([asdict(each) for each in findings]))
    else:
        _show(findings)
    return int(any(each.health is Health.BAD for each in findings))


def look(settings: Settings) -> Iterator[HealthFinding]:
    """Everything that a task needs, in the order of its road."""
    yield from _app(settings)
    yield from _queue(settings)
    yield from _model(settings)
    yield from _sandboxes(settings)


def _app(settings: Settings) -> Iterator[HealthFinding]:
    try:
        require_app(settings)
        bot = Hub(settings.api_url, settings.app_id, app_key(settings)).bot()
    except DayhandError as error:
        yield HealthFinding(Health.BAD, f"GitHub App: {error}", error.advice)
        return
    yield HealthFinding(Health.GOOD, f"GitHub App: {bot.name} at {settings.api_url}")


def _queue(settings: Settings) -> Iterator[HealthFinding]:
    if not settings.redis_url:
        yield HealthFinding(Health.GOOD, "Redis: none is set, so `dayhand up` brings its own")
        return
    try:
        with Redis.from_url(settings.redis_url, socket_timeout=5, socket_connect_timeout=5) as redis:
            kept = dict(redis.config_get("appendonly")).get("appendonly")
            policy = dict(redis.config_get("maxmemory-policy")).get("maxmemory-policy", "noeviction")
    except (RedisError, ValueError) as error:
        yield HealthFinding(
            Health.BAD, f"Redis: it does not answer: {error}", "Start it, or leave REDIS_URL out."
        )
        return
    yield HealthFinding(Health.GOOD, "Redis: it answers")
    if kept == "no":
        yield HealthFinding(
            Health.WEAK,
            "Redis: it keeps no append-only file, so a crash loses tasks",
            "Set `appendonly yes`.",
        )
    if policy != "noeviction":
        yield HealthFinding(
            Health.WEAK,
            f"Redis: {policy} lets it drop tasks when it is full",
            "Set `maxmemory-policy noeviction`.",
        )


def _model(settings: Settings) -> Iterator[HealthFinding]:
    where = settings.openai_base_url or "OpenAI"
    if settings.real_model:
        yield HealthFinding(
            Health.GOOD, f"model: {', '.join(settings.models)} at {where} (not asked: that would cost)"
        )
    else:
        yield HealthFinding(
            Health.BAD,
            "model: neither OPENAI_API_KEY nor OPENAI_BASE_URL is set",
            "Set the one that your model needs.",
        )


def _sandboxes(settings: Settings) -> Iterator[HealthFinding]:
    """The backend that tasks get, thoroughly; the other is only named."""
    chosen = choose_sandbox(settings)
    set_by = f"DAYHAND_SANDBOX={settings.sandbox}"
    yield HealthFinding(Health.GOOD, f"sandbox: tasks run in {chosen.name} ({set_by})")
    if isinstance(chosen, DockerSandbox):
        yield from examine_docker(chosen)
        return
    if isinstance(chosen, BubblewrapSandbox):
        yield from examine_bubblewrap(chosen)
    if settings.sandbox == "auto":
        yield from _unused_engine(settings)


def _unused_engine(settings: Settings) -> Iterator[HealthFinding]:
    """An engine that answers is not taken where it has no image to make boxes of."""
    try:
        DockerSandbox(settings.data, image=settings.sandbox_image, docker_host=settings.docker_host).engine()
    except DayhandError:
        return
    yield HealthFinding(
        Health.WEAK,
        f"docker: an engine answers, but has no image {settings.sandbox_image}, so it is not used",
        f"Build it: docker build -t {settings.sandbox_image} deploy/sandbox. Or set DAYHAND_SANDBOX=bubblewrap.",
    )


def _show(findings: list[HealthFinding]) -> None:
    console = Console(highlight=False)
    for each in findings:
        mark, colour = MARKS[each.health]
        console.print(Text.assemble((mark, colour), " ", each.what), soft_wrap=True)
        if each.advice:
            console.print(Text(f"  → {each.advice}", style="dim"), soft_wrap=True)
