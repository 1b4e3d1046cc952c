"""What an empty box has, the languages that it lacks, and the registries that set-up may reach."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

from dayhand.environment.base import CombinedPlan, Installed, Log
from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.environment.ecosystems.base import CACHE, SetupPlan
from dayhand.environment.registries.base import Registry
from dayhand.environment.registries.machine import HostMachine
from dayhand.environment.services.all_services import SERVICES
from dayhand.environment.services.base import ServiceDeclaration
from dayhand.environment.setup.build_lock import building, private_folder
from dayhand.environment.setup.steps import PROBE, Installer, reason
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Egress, Sandbox, Snapshot
from dayhand.startup.records import dataclass
from dayhand.task import Blocked
from dayhand.typed_json import parse

FRESH_SECONDS = 24 * 3600
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
LANGUAGES = "\n".join(ecosystem.LANGUAGE.survey for ecosystem in ECOSYSTEMS if ecosystem.LANGUAGE.survey)
SERVERS = "\n".join(f"( {service.find(ServiceDeclaration(service.KIND))} )" for service in SERVICES)
SURVEY = f"""
printf '%s\\n' "$PATH"
test -r {CERTIFICATES} && echo {CERTIFICATES} || echo
{{ uname -sm; cat /usr/lib/os-release
{LANGUAGES}
{SERVERS}
}} 2>/dev/null
"""


@dataclass(frozen=True, slots=True)
class BaseImage:
    """What an empty box has."""

    path: str
    certificates: str  # the system's certificate bundle; "" where the box has none
    identity: str  # the versions of what is in it


def survey(sandbox: Sandbox) -> BaseImage:
    """What an empty box has, from a survey of the last day with the same fingerprint or from a new one.

    A survey starts every language once, which takes longer than everything else before a task's first request.
    """
    kept = survey_file(sandbox)
    with suppress(
        OSError, ValueError, TypeError
    ):  # no survey yet, half written, or of another version of Dayhand
        if time.time() - kept.stat().st_mtime < FRESH_SECONDS:
            return parse(BaseImage, kept.read_text("utf-8"))
    base_image = _survey_box(sandbox)
    part = kept.with_suffix(f".{secrets.token_hex(8)}")
    part.write_text(json.dumps(asdict(base_image)), "utf-8")
    part.rename(kept)
    return base_image


def survey_file(sandbox: Sandbox) -> Path:
    """Where the survey of an empty box with this fingerprint is kept."""
    parts = (SURVEY, sandbox.name, sandbox.fingerprint())
    return private_folder() / f"base-image-{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"


def _survey_box(sandbox: Sandbox) -> BaseImage:
    with sandbox.open() as box:
        result = box.run(["/bin/sh", "-c", SURVEY], cwd="/", limits=PROBE)
    path, _, rest = result.text().partition("\n")
    certificates, _, identity = rest.partition("\n")
    if "/" not in path:
        raise SandboxError(f"An empty box has no PATH: {result.text()[:200]}")
    return BaseImage(path, certificates, identity)


class Runtimes:
    """The languages that a box lacks, and the registries that set-up may reach."""

    def __init__(self, sandbox: Sandbox, base_image: BaseImage, plan: CombinedPlan, *, log: Log) -> None:
        self.sandbox = sandbox
        self.base_image = base_image
        self.env = plan.env
        self.own_hosts = plan.extra.hosts
        self.environ = plan.extra.environ(os.environ)
        self.finders = {ecosystem.CLIENT: ecosystem.find_registry for ecosystem in plan.ecosystems}
        self.log = log
        self.failures: tuple[str, ...] = ()
        self.failed: tuple[Installed, ...] = ()
        self.blocked: tuple[Blocked, ...] = ()
        self.registries: dict[str, Registry] = {}

    def install_missing(self, plans: tuple[SetupPlan, ...]) -> Snapshot | None:
        """A snapshot with the languages that the box lacks; None where it lacks none or none can be installed."""
        origin: Snapshot | None = None
        for plan in plans:
            if plan.runtime and not self._has(plan.runtime.probe, origin):
                origin = self._install(plan, origin) or origin
        return origin

    def _has(self, probe: str, origin: Snapshot | None) -> bool:
        with self.sandbox.open(origin=origin) as box:
            return box.run(probe, cwd="/", env=self.env, limits=PROBE).passed

    def _install(self, plan: SetupPlan, origin: Snapshot | None) -> Snapshot | None:
        """Install one runtime, once for all repositories: nothing of a repository is in its box."""
        runtime = plan.runtime
        assert runtime  # noqa: S101 - install_missing checked it
        parts = (repr(runtime), self.sandbox.name, self.base_image.identity, repr(origin))
        key = "runtime-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
        with building(key):
            if snapshot := self.sandbox.find_snapshot(key):
                return snapshot
            self.log.line("say", f"The box has no {runtime.name}: it comes from a package registry.")
            registry = self._registry(runtime.client, origin)
            egress = Egress((*registry.hosts, *self.own_hosts), self.own_hosts)
            with self.sandbox.open(origin=origin, egress=egress) as box:
                installer = Installer(box, self.env, self._client_env(registry), log=self.log)
                installer.copy_uv()
                step = installer.take(runtime.step)
                self.blocked += egress.refused
                self.log_connections(egress)
                if step.passed:
                    box.run(f"rm -rf {CACHE}", cwd="/", limits=PROBE)
                    return box.save(key)
        self.failed += (step,)
        self.failures += (f"{step.title}: {reason(step.output)}",)
        return None

    def log_connections(self, egress: Egress) -> None:
        """Log which hosts a box was connected to, and how often."""
        if egress.reached:
            hosts = (f"{host} ({count})" for host, count in Counter(egress.reached).items())
            self.log.line("result", f"Connections: {', '.join(hosts)}.")

    def open_registries(
        self, plans: tuple[SetupPlan, ...], origin: Snapshot | None
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        """The hosts that set-up may reach, and the variables that configure its clients for them."""
        hosts: list[str] = []
        env: dict[str, str] = {}
        for client in dict.fromkeys(plan.client for plan in plans if plan.client):
            registry = self._registry(client, origin)
            hosts += registry.hosts
            env |= self._client_env(registry)
        return tuple(dict.fromkeys(hosts)), env

    def _registry(self, client: str, origin: Snapshot | None) -> Registry:
        if client not in self.registries:
            machine = HostMachine(self.environ, partial(self.ask_box, origin))
            registry = self.registries[client] = self.finders[client](machine)
            if registry.problem:
                self.log.line("error", registry.problem)
        return self.registries[client]

    def ask_box(self, origin: Snapshot | None, command: str) -> str:
        """The last line that a command prints in a box without a repository; "" where it fails."""
        with self.sandbox.open(origin=origin) as box:
            result = box.run(command, cwd="/", env=self.env, limits=PROBE)
        return result.text().strip().rpartition("\n")[2] if result.passed else ""

    def _client_env(self, registry: Registry) -> dict[str, str]:
        if not self.base_image.certificates:
            return dict(registry.env)
        names = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        return {**registry.env, **dict.fromkeys(names, self.base_image.certificates)}
