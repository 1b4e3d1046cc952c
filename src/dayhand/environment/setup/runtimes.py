"""Where a repository's packages come from, and the languages that the box itself lacks."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from dayhand.environment import version_pins
from dayhand.environment.base import CombinedPlan, Log
from dayhand.environment.ecosystems.base import SetupPlan
from dayhand.environment.registries import other_clients, python_npm
from dayhand.environment.registries.python_npm import Registry
from dayhand.environment.setup.build_lock import building, own_folder
from dayhand.environment.setup.steps import (
    CACHE,
    PROBE,
    Installer,
    reason,
)
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Egress, Sandbox, Snapshot
from dayhand.task import Blocked

FRESH_SECONDS = 24 * 3600
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
SURVEY = f"""
printf '%s\\n' "$PATH"
test -r {CERTIFICATES} && echo {CERTIFICATES} || echo
{{ uname -sm; cat /usr/lib/os-release; python3 -VV; node --version; {version_pins.SURVEY} }} 2>/dev/null
"""


@dataclass(frozen=True, slots=True)
class BaseImage:
    """What the empty box has of its own."""

    path: str
    certificates: str  # the system's certificate bundle; "" where the box has none
    identity: str  # the versions of what is in it


def survey(sandbox: Sandbox) -> BaseImage:
    """What an empty box has: as one of the same stamp said within the day, else by asking one.

    Asking starts every language once, which takes longer than all else before a task's first request.
    """
    kept = kept_at(sandbox)
    with suppress(OSError, ValueError, TypeError):  # never asked, half written, or of another version of ours
        if time.time() - kept.stat().st_mtime < FRESH_SECONDS:
            return BaseImage(**json.loads(kept.read_text("utf-8")))
    ground = _ask(sandbox)
    part = kept.with_suffix(f".{secrets.token_hex(8)}")
    part.write_text(json.dumps(asdict(ground)), "utf-8")
    part.rename(kept)
    return ground


def kept_at(sandbox: Sandbox) -> Path:
    """Where it is kept what an empty box of this stamp said."""
    parts = (SURVEY, sandbox.name, sandbox.stamp())
    return own_folder() / f"ground-{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"


def _ask(sandbox: Sandbox) -> BaseImage:
    with sandbox.open() as box:
        told = box.run(["/bin/sh", "-c", SURVEY], cwd="/", limits=PROBE)
    path, _, rest = told.text().partition("\n")
    certificates, _, identity = rest.partition("\n")
    if "/" not in path:
        raise SandboxError(f"An empty box does not even say its PATH: {told.text()[:200]}")
    return BaseImage(path, certificates, identity)


class Runtimes:
    """Where a repository's packages come from, and the runtimes that the box lacks."""

    def __init__(self, sandbox: Sandbox, ground: BaseImage, whole: CombinedPlan, *, log: Log) -> None:
        self.sandbox = sandbox
        self.ground = ground
        self.env = whole.env
        self.own = whole.extra.hosts
        self.environ = whole.extra.environ(os.environ)
        self.log = log
        self.failures: tuple[str, ...] = ()
        self.blocked: tuple[Blocked, ...] = ()
        self.asked: dict[str, Registry] = {}

    def bring_runtimes(self, plans: tuple[SetupPlan, ...]) -> Snapshot | None:
        """A snapshot with the languages that the box lacks; None where it lacks none, or they cannot be had."""
        origin: Snapshot | None = None
        for plan in plans:
            if plan.runtime and not self._has(plan.runtime.probe, origin):
                origin = self._runtime(plan, origin) or origin
        return origin

    def _has(self, probe: str, origin: Snapshot | None) -> bool:
        with self.sandbox.open(origin=origin) as box:
            return box.run(probe, cwd="/", env=self.env, limits=PROBE).passed

    def _runtime(self, plan: SetupPlan, origin: Snapshot | None) -> Snapshot | None:
        """Get one runtime, once for all repositories: nothing of a repository is in its box."""
        runtime = plan.runtime
        assert runtime  # noqa: S101 - bring_runtimes asked
        parts = (repr(runtime), self.sandbox.name, self.ground.identity, repr(origin))
        key = "runtime-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
        with building(key):
            if snapshot := self.sandbox.find(key):
                return snapshot
            self.log.line("say", f"The box has no {runtime.name}: it comes from a package registry.")
            registry = self._registry(runtime.client, origin)
            egress = Egress((*registry.hosts, *self.own), self.own)
            with self.sandbox.open(origin=origin, egress=egress) as box:
                setup = Installer(box, self.env, self._client_env(registry), log=self.log)
                setup.lay_uv()
                done = setup.take(runtime.step)
                self.blocked += egress.refused
                if done.passed:
                    box.run(f"rm -rf {CACHE}", cwd="/", limits=PROBE)
                    return box.save(key)
        self.failures += (f"{done.title}: {reason(done.output)}",)
        return None

    def open_registries(
        self, plans: tuple[SetupPlan, ...], origin: Snapshot | None
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        """The hosts that set-up may reach, and how its clients are told of them."""
        hosts: list[str] = []
        env: dict[str, str] = {}
        for client in dict.fromkeys(plan.client for plan in plans if plan.client):
            registry = self._registry(client, origin)
            hosts += registry.hosts
            env |= self._client_env(registry)
        return tuple(dict.fromkeys(hosts)), env

    def _registry(self, client: str, origin: Snapshot | None) -> Registry:
        if client not in self.asked:
            if client == "npm":
                self.asked[client] = python_npm.npm_registry(lambda: self._ask_npm(origin), self.environ)
            elif client == "python":
                self.asked[client] = python_npm.python_registry(self.environ)
            else:
                self.asked[client] = other_clients.registry_of(client, self.environ)
            if problem := self.asked[client].problem:
                self.log.line("error", problem)
        return self.asked[client]

    def _ask_npm(self, origin: Snapshot | None) -> str:
        with self.sandbox.open(origin=origin) as box:
            told = box.run("npm config get registry", cwd="/", env=self.env, limits=PROBE)
        return told.text().strip().rpartition("\n")[2] if told.passed else ""

    def _client_env(self, registry: Registry) -> dict[str, str]:
        if not self.ground.certificates:
            return dict(registry.env)
        names = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        return {**registry.env, **dict.fromkeys(names, self.ground.certificates)}
