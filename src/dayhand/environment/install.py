"""What happens inside the set-up box: runtimes, steps with their fall-backs, probes, one more attempt, clearing up."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uv

from dayhand.environment import registries
from dayhand.environment.base import Check, Installed, Log, Missing, Plan, Step, Whole
from dayhand.environment.lock import building
from dayhand.environment.registries import Registry
from dayhand.environment.remembered import OUTPUT_CHARACTERS, Outcome
from dayhand.errors import SandboxError
from dayhand.sandbox.base import ENVIRONMENT, Blocked, Box, Egress, Limits, Result, Sandbox, Snapshot

BIN = f"{ENVIRONMENT}/bin"
CACHE = f"{ENVIRONMENT}/.cache"  # on the snapshot's own disk, so that files are linked and not copied; then removed
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
STEP = Limits(seconds=900.0)
PROBE = Limits(seconds=60.0)

# uv runs with many defaults of its own; these keep its and npm's work inside the snapshot and their words short.
SETUP_ENV = {
    "CI": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "HUSKY": "0",
    "PIP_CACHE_DIR": f"{CACHE}/pip",
    "UV_CACHE_DIR": f"{CACHE}/uv",
    "UV_HTTP_RETRIES": "1",  # a host that is refused stays refused
    "UV_COMPILE_BYTECODE": "1",  # later boxes cannot write here: without it every command compiles all anew
    "npm_config_audit": "false",
    "npm_config_cache": f"{CACHE}/npm",
    "npm_config_fund": "false",
    "npm_config_update_notifier": "false",
}

SURVEY = f"""
printf '%s\\n' "$PATH"
test -r {CERTIFICATES} && echo {CERTIFICATES} || echo
{{ uname -sm; cat /usr/lib/os-release; python3 -VV; node --version; }} 2>/dev/null
"""

CLEAR = f"""
cd /workspace || exit 1
git ls-files -z | xargs -0 -r rm -f -- 2>/dev/null
rm -rf .git {CACHE}
"""


@dataclass(frozen=True, slots=True)
class Ground:
    """What the empty box has of its own."""

    path: str
    certificates: str  # the system's certificate bundle; "" where the box has none
    identity: str  # the versions of what is in it


@dataclass(frozen=True, slots=True)
class Attempt:
    """One command in the set-up box and what it came to."""

    command: str
    result: Result

    @property
    def text(self) -> str:
        return self.result.text().strip()


def survey(sandbox: Sandbox) -> Ground:
    """Ask an empty box what it has."""
    with sandbox.open() as box:
        told = box.run(["/bin/sh", "-c", SURVEY], cwd="/", limits=PROBE)
    path, _, rest = told.text().partition("\n")
    certificates, _, identity = rest.partition("\n")
    if "/" not in path:
        raise SandboxError(f"An empty box does not even say its PATH: {told.text()[:200]}")
    return Ground(path, certificates, identity)


def examine(whole: Whole, sandbox: Sandbox, fill: Callable[[Box], None], say: Log) -> Outcome:
    """Probe the tools where nothing is to be installed."""
    if not whole.checks:
        return Outcome({}, (), ())
    with sandbox.open() as box:
        fill(box)
        return Outcome(_SetUp(box, whole.env, {}, say).prove(whole.checks), (), ())


@contextmanager
def installed(
    whole: Whole, ground: Ground, sandbox: Sandbox, fill: Callable[[Box], None], say: Log
) -> Iterator[tuple[Box, Outcome]]:
    """Install everything in a set-up box and give it, cleared of the repository's own files, ready to be saved."""
    supply = _Supply(sandbox, ground, whole.env, say)
    origin = supply.bring_runtimes(whole.plans)
    allowed, client_env = supply.open_registries(whole.plans, origin)
    egress = Egress(allowed)
    with sandbox.open(origin=origin, egress=egress) as box:
        fill(box)
        setup = _SetUp(box, whole.env, client_env, say)
        if any(plan.client == "python" for plan in whole.plans):
            setup.lay_uv()
        for plan in whole.plans:
            for step in plan.steps:
                setup.take(step)
        missing = setup.prove(whole.checks, supply.failures)
        blocked = tuple(dict.fromkeys(egress.blocked))
        _tell_blocked(blocked, say)
        cleared = box.run(["/bin/sh", "-c", CLEAR], limits=STEP)
        if not cleared.passed:
            raise SandboxError(f"The set-up box could not be cleared: {cleared.text()[-300:]}")
        yield box, Outcome(missing, tuple(setup.steps), blocked)


class _SetUp:
    """One set-up box at work: every command and its outcome is told."""

    def __init__(self, box: Box, env: Mapping[str, str], client_env: Mapping[str, str], say: Log) -> None:
        self.box = box
        self.env = env
        self.setup_env = {**env, **SETUP_ENV, **client_env}
        self.say = say
        self.steps: list[Installed] = []

    def lay_uv(self) -> None:
        """Put our own uv into a box that has none; where it does not run there, pip is the fall-back."""
        if self.box.run("command -v uv", env=self.env, limits=PROBE).passed:
            return
        with Path(uv.find_uv_bin()).open("rb") as stream:
            script = f"mkdir -p {BIN} && cat > {BIN}/uv && chmod 755 {BIN}/uv && {BIN}/uv --version"
            laid = self.box.run(["/bin/sh", "-c", script], stdin=stream, limits=STEP)
        if not laid.passed:
            self.say.line(
                "error", f"uv does not run in this box, so pip is used: {laid.text().strip()[-200:]}"
            )

    def take(self, step: Step) -> Installed:
        """Try a step's commands in turn until one passes."""
        attempts: list[Attempt] = []
        for command in step.commands:
            attempts.append(self.attempt(command))
            if attempts[-1].result.passed:
                break
        last = attempts[-1]
        shown = last.text if last.result.passed else "\n".join(attempt.text for attempt in attempts)
        seconds = sum(attempt.result.seconds for attempt in attempts)
        output = shown if len(shown) <= OUTPUT_CHARACTERS else f"…{shown[-OUTPUT_CHARACTERS:]}"
        done = Installed(step.title, last.command, last.result.passed, round(seconds, 2), output)
        self.steps.append(done)
        return done

    def attempt(self, command: str) -> Attempt:
        self.say.line("command", command)
        tried = Attempt(command, self.box.run(command, env=self.setup_env, limits=STEP))
        if tried.text:
            self.say.line("output", tried.text)
        self.say.line("result", _verdict(tried.result))
        return tried

    def prove(self, checks: tuple[Check, ...], failures: tuple[str, ...] = ()) -> dict[str, Missing]:
        """Probe each check's tool, try once more to get what is not there, and name what then still lacks."""
        failed = [f"{step.title}: {reason(step.output)}" for step in self.steps if not step.passed]
        missing = {}
        for check in checks:
            if why := self._lack(check, (*failures, *failed)):
                missing[check.command] = Missing(check.tool, why)
                self.say.line("result", f"Missing: {check.tool}. {why}")
        return missing

    def _lack(self, check: Check, failures: tuple[str, ...]) -> str:
        """Why a check cannot run; "" where its tool is there."""
        probed = self.box.run(check.probe, env=self.env, limits=PROBE)
        if probed.passed:
            return ""
        told = reason(probed.text())
        if check.remedy:
            self.say.line(
                "say", f"{check.tool} is declared ({check.source}) but not there: one more attempt."
            )
            remedy = self.attempt(check.remedy)
            if self.box.run(check.probe, env=self.env, limits=PROBE).passed:
                return ""
            if not remedy.result.passed:
                return f"{check.tool} could not be installed: {reason(remedy.text)}"
        because = f" Set-up failed before: {failures[0]}" if failures else ""
        return f"{check.tool} does not start ({told or check.probe}).{because}"


class _Supply:
    """Where a repository's packages come from, and the runtimes that the box lacks."""

    def __init__(self, sandbox: Sandbox, ground: Ground, env: Mapping[str, str], say: Log) -> None:
        self.sandbox = sandbox
        self.ground = ground
        self.env = env
        self.say = say
        self.failures: tuple[str, ...] = ()
        self.asked: dict[str, Registry] = {}

    def bring_runtimes(self, plans: tuple[Plan, ...]) -> Snapshot | None:
        """A snapshot with the languages that the box lacks; None where it lacks none, or they cannot be had."""
        origin: Snapshot | None = None
        for plan in plans:
            if plan.runtime and not self._has(plan.runtime.probe, origin):
                origin = self._runtime(plan, origin) or origin
        return origin

    def _has(self, probe: str, origin: Snapshot | None) -> bool:
        with self.sandbox.open(origin=origin) as box:
            return box.run(probe, cwd="/", env=self.env, limits=PROBE).passed

    def _runtime(self, plan: Plan, origin: Snapshot | None) -> Snapshot | None:
        """Get one runtime, once for all repositories: nothing of a repository is in its box."""
        runtime = plan.runtime
        assert runtime  # noqa: S101 - bring_runtimes asked
        parts = (repr(runtime), self.sandbox.name, self.ground.identity, repr(origin))
        key = "runtime-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
        with building(key):
            if snapshot := self.sandbox.find(key):
                return snapshot
            self.say.line("say", f"The box has no {runtime.name}: it comes from a package registry.")
            registry = self._registry(runtime.client, origin)
            egress = Egress(registry.hosts)
            with self.sandbox.open(origin=origin, egress=egress) as box:
                setup = _SetUp(box, self.env, self._client_env(registry), self.say)
                setup.lay_uv()
                done = setup.take(runtime.step)
                if done.passed:
                    box.run(f"rm -rf {CACHE}", cwd="/", limits=PROBE)
                    return box.save(key)
        _tell_blocked(tuple(dict.fromkeys(egress.blocked)), self.say)
        self.failures += (f"{done.title}: {reason(done.output)}",)
        return None

    def open_registries(
        self, plans: tuple[Plan, ...], origin: Snapshot | None
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
                self.asked[client] = registries.npm_registry(lambda: self._ask_npm(origin))
            else:
                self.asked[client] = registries.python_registry()
            if problem := self.asked[client].problem:
                self.say.line("error", problem)
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


PREFIX = re.compile(r"^[\s×╰─▶│|]*(?:cause: |npm (?:error|ERR!) (?:code \w+$|404\b|notarget\b)?\s*)?")
TELLING = (  # the first of these that matches any line says what is wrong
    r"was not found in|no versions? of|not in this registry|could not be found|No matching (distribution|version)",
    r"requires-python|Requires-Python|incompatible with the project's Python|No interpreter found",
    r"\b(403|407|404)\b|tunnel|proxy|blocked|dns error|ENOTFOUND|ECONNREFUSED|Could not resolve|timed out",
    r"not found|No module named|unrecognized arguments|cannot|could not|unknown",
    r"error|ERR!|failed|×",
)


def reason(output: str) -> str:
    """The line of an installer's output that says what is wrong, at most 300 characters; "" where it said nothing."""
    text = re.sub(
        r"\n\s*│?\s{2,}(?!cause: )(?=[a-z0-9])", " ", output
    )  # uv breaks its sentences into indented lines
    lines = [PREFIX.sub("", line).strip() for line in text.splitlines()]
    for pattern in TELLING:
        for line in lines:
            if re.search(pattern, line):
                return line[:300]
    return next((line[:300] for line in reversed(lines) if line), "")


def _verdict(result: Result) -> str:
    if result.passed:
        return f"passed in {result.seconds:.1f} s"
    how = f"exit code {result.code}" if result.reason == "exit" else f"ended by {result.reason}"
    return f"failed ({how}) after {result.seconds:.1f} s"


def _tell_blocked(blocked: tuple[Blocked, ...], say: Log) -> None:
    for one in blocked:
        say.line("error", f"Set-up asked for {one.host}:{one.port} and was refused: {one.reason}.")
