"""``dayhand doctor``: can this machine do what its settings ask for, and which limits does the sandbox enforce?

The libraries of what is not set up here (an App, Redis, Docker) are not imported: they take a second.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from dayhand.commands.file_modes import examine_modes
from dayhand.commands.model_check import examine_model
from dayhand.errors import DayhandError, ExitCode, SettingsError
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.sandbox.health import (
    Health,
    HealthFinding,
    examine_bubblewrap,
    examine_docker,
)
from dayhand.settings.dashboard_token import FILE, TOKEN_NAME, read_token
from dayhand.settings.required import app_key, require_app, require_data
from dayhand.settings.table import Settings
from dayhand.wiring.prices import read_prices
from dayhand.wiring.sandboxes import choose_sandbox, engine_has_image

MARKS = {Health.GOOD: ("✓", "green"), Health.WEAK: ("!", "yellow"), Health.BAD: ("✗", "red")}


def examine(settings: Settings, *, as_json: bool) -> int:
    """Check everything and print the findings; 0 if tasks can be done here, else 1."""
    findings = list(look(settings))
    if as_json:
        print(json.dumps([asdict(each) for each in findings]))
    else:
        _show(findings)
    return ExitCode.FAILED if any(each.health is Health.BAD for each in findings) else ExitCode.OK


def look(settings: Settings) -> Iterator[HealthFinding]:
    """Everything that a task needs, in the order in which it needs it."""
    yield from _app(settings)
    data = _data(settings)
    yield data
    yield from examine_modes(settings)
    yield _dashboard(settings)
    yield from _queue(settings)
    yield from _model(settings)
    if data.health is Health.GOOD:  # a sandbox keeps its files there
        yield from _sandboxes(settings)


def _app(settings: Settings) -> Iterator[HealthFinding]:
    try:
        require_app(settings)
        from dayhand.hub.client import Hub

        bot = Hub(settings.api_url, settings.app_id, app_key(settings)).bot()
    except DayhandError as error:
        yield HealthFinding(Health.BAD, f"GitHub App: {error}", error.advice)
        return
    yield HealthFinding(Health.GOOD, f"GitHub App: {bot.name} at {settings.api_url}")


def _data(settings: Settings) -> HealthFinding:
    try:
        require_data(settings)
    except SettingsError as error:
        return HealthFinding(Health.BAD, f"data folder: {error}", error.advice)
    return HealthFinding(Health.GOOD, f"data folder: {settings.data}")


def _dashboard(settings: Settings) -> HealthFinding:
    """Where the token is, but not the token: people paste this output into bug reports."""
    path = settings.data / FILE
    if settings.dashboard_token:
        return HealthFinding(Health.GOOD, f"dashboard: {settings.url}/tasks opens with {TOKEN_NAME}")
    if not path.is_symlink() and not path.exists():
        return HealthFinding(
            Health.GOOD,
            "dashboard: `dayhand up` makes its token at the first start, and prints the link that opens it",
        )
    try:
        read_token(path)
    except SettingsError as error:
        return HealthFinding(Health.BAD, f"dashboard: {error}", error.advice)
    return HealthFinding(Health.GOOD, f"dashboard: {settings.url}/tasks opens with the token in {path}")


def _queue(settings: Settings) -> Iterator[HealthFinding]:
    if not settings.redis_url:
        yield HealthFinding(Health.GOOD, "Redis: REDIS_URL is not set, so `dayhand up` starts its own")
        return
    from redis import Redis
    from redis.exceptions import RedisError

    try:
        with Redis.from_url(settings.redis_url, socket_timeout=5, socket_connect_timeout=5) as redis:
            kept = dict(redis.config_get("appendonly")).get("appendonly")
            policy = dict(redis.config_get("maxmemory-policy")).get("maxmemory-policy", "noeviction")
    except (RedisError, ValueError) as error:
        yield HealthFinding(
            Health.BAD, f"Redis: it does not answer: {error}", "Start it, or remove REDIS_URL."
        )
        return
    yield HealthFinding(Health.GOOD, "Redis: it answers")
    if kept == "no":
        yield HealthFinding(
            Health.WEAK,
            "Redis: it has no append-only file, so a crash loses tasks",
            "Set `appendonly yes`.",
        )
    if policy != "noeviction":
        yield HealthFinding(
            Health.WEAK,
            f"Redis: with {policy} it drops tasks when it is full",
            "Set `maxmemory-policy noeviction`.",
        )


def _model(settings: Settings) -> Iterator[HealthFinding]:
    yield from examine_model(settings)
    try:
        read_prices(settings)
    except SettingsError as error:
        yield HealthFinding(Health.BAD, f"prices: {error}", error.advice)


def _sandboxes(settings: Settings) -> Iterator[HealthFinding]:
    """The backend that tasks get, in detail; the other is only named."""
    chosen = choose_sandbox(settings)
    set_by = f"DAYHAND_SANDBOX={settings.sandbox}"
    yield HealthFinding(Health.GOOD, f"sandbox: tasks run in {chosen.name} ({set_by})")
    if isinstance(chosen, BubblewrapSandbox):
        yield from examine_bubblewrap(chosen)
        if settings.sandbox == "auto":
            yield from _unused_engine(settings)
    else:
        yield from examine_docker(chosen)


def _unused_engine(settings: Settings) -> Iterator[HealthFinding]:
    """An engine that answers is not used if it does not have the sandbox's image."""
    if engine_has_image(settings) is None:
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
