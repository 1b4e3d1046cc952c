"""One set-up box: steps with their fallbacks, probes, and one more attempt for declared tools that are missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import uv

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.base import Installed, Log, Missing
from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.environment.ecosystems.base import Check, Step
from dayhand.environment.registries.authentication import advice, refusing_host
from dayhand.environment.setup.record import OUTPUT_CHARACTERS
from dayhand.sandbox.base import Box, CommandLimits, Reason, Result
from dayhand.sandbox.output import LiveOutput
from dayhand.startup.records import dataclass
from dayhand.task import Blocked

BIN = f"{ENVIRONMENT}/bin"
STEP = CommandLimits(seconds=900.0)
PROBE = CommandLimits(seconds=60.0)

# These keep the installers' files inside the snapshot and their output short.
SETUP_ENV = {
    "CI": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "HUSKY": "0",
    **{name: value for ecosystem in ECOSYSTEMS for name, value in ecosystem.SETUP_ENV.items()},
}
OFFLINE = {name: value for ecosystem in ECOSYSTEMS for name, value in ecosystem.OFFLINE.items()}
NO_VARIABLES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class StepAttempt:
    """One command in the set-up box and its result."""

    command: str
    result: Result

    @property
    def text(self) -> str:
        return self.result.text().strip()


class Installer:
    """Runs steps in one set-up box and logs every command and its result."""

    def __init__(
        self,
        box: Box,
        env: Mapping[str, str],
        client_env: Mapping[str, str],
        *,
        log: Log,
        limits: CommandLimits = STEP,
        launcher: tuple[str, ...] = (),
    ) -> None:
        self.box = box
        self.launcher = launcher  # the words in front of a step's command, which starts services
        self.limits = limits  # of each command of a step
        self.env = env
        self.setup_env = {**env, **SETUP_ENV, **client_env}
        self.log = log
        self.steps: list[Installed] = []

    def copy_uv(self) -> None:
        """Copy Dayhand's own uv into a box that has none; where it does not run there, pip is the fallback."""
        if self.box.run("command -v uv", env=self.env, limits=PROBE).passed:
            return
        with Path(uv.find_uv_bin()).open("rb") as stream:
            script = f"mkdir -p {BIN} && cat > {BIN}/uv && chmod 755 {BIN}/uv && {BIN}/uv --version"
            copied = self.box.run(["/bin/sh", "-c", script], stdin=stream, limits=STEP)
        if not copied.passed:
            self.log.line(
                "error", f"uv does not run in this box, so pip is used: {copied.text().strip()[-200:]}"
            )

    def take(self, step: Step, *, offline_first: bool = False) -> Installed:
        """Try a step's commands in turn until one passes or times out: the next would take as long.

        ``offline_first``: what it needs was downloaded before, so its first command is first tried without a network.
        """
        attempts: list[StepAttempt] = []
        if offline_first and (attempt := self.attempt(step.commands[0], OFFLINE)).result.passed:
            attempts.append(attempt)
        for command in () if attempts else step.commands:
            attempts.append(self.attempt(command))
            if attempts[-1].result.passed or attempts[-1].result.reason is Reason.TIMEOUT:
                break
        last = attempts[-1]
        shown = last.text if last.result.passed else "\n".join(map(_output, attempts))
        seconds = sum(attempt.result.seconds for attempt in attempts)
        output = shown if len(shown) <= OUTPUT_CHARACTERS else f"…{shown[-OUTPUT_CHARACTERS:]}"
        first = attempts[0]
        instead = "" if first is last or not last.result.passed else f"{first.command}: {_failure(first)}"
        done = Installed(step.title, last.command, last.result.passed, round(seconds, 2), output, instead)
        self.steps.append(done)
        return done

    def attempt(self, command: str, variables: Mapping[str, str] = NO_VARIABLES) -> StepAttempt:
        self.log.line("command", command)
        live = LiveOutput(lambda text: self.log.line("output", text), self.limits.keep_bytes)
        result = self.box.run(
            [*self.launcher, "/bin/sh", "-c", command] if self.launcher else command,
            env={**self.setup_env, **variables},
            limits=self.limits,
            on_output=live.write,
            cancelled=live.flush_if_due,
        )
        live.finish(result)
        self.log.line("result", verdict(result))
        return StepAttempt(command, result)

    def compile(self, steps: tuple[Step, ...]) -> None:
        """Fill the build cache. A step that fails leaves what it compiled: the check itself says why."""
        for step in steps:
            self.attempt(step.commands[0])

    def prove(self, checks: tuple[Check, ...], failures: tuple[str, ...] = ()) -> dict[str, Missing]:
        """Probe each check's tool, try once more to install those that are missing, and name those that still are."""
        probes = " &&\n".join(f"(\n{probe}\n)" for probe in dict.fromkeys(check.probe for check in checks))
        if not checks or self.box.run(probes, env=self.env, limits=PROBE).passed:
            return {}  # nearly always, and one command tells
        failed = [f"{step.title}: {reason(step.output)}" for step in self.steps if not step.passed]
        missing = {}
        for check in checks:
            if why := self._probe(check, (*failures, *failed)):
                missing[check.command] = Missing(check.tool, why)
                self.log.line("result", f"Missing: {check.tool}. {why}")
        return missing

    def _probe(self, check: Check, failures: tuple[str, ...]) -> str:
        """Why a check cannot run; "" where it can."""
        probed = self.box.run(check.probe, env=self.env, limits=PROBE)
        if probed.passed:
            return ""
        if check.remedy:
            self.log.line(
                "say", f"{check.tool} ({check.source}) does not start here: one more attempt to install it."
            )
            remedy = self.attempt(check.remedy)
            if self.box.run(check.probe, env=self.env, limits=PROBE).passed:
                return ""
            if not remedy.result.passed:
                return f"{check.tool} could not be installed: {reason(remedy.text)}"
        because = f" Set-up failed before: {failures[0]}" if failures else ""
        return f"{check.tool} does not start ({reason(probed.text()) or check.probe}).{because}"


PREFIX = re.compile(r"^[\s×╰─▶│|:]*(?:cause: |npm (?:error|ERR!) (?:code \w+$|404\b|notarget\b)?\s*)?")
TELLING = (  # the first of these that matches any line names the cause
    r"^error: timed out after \d+ s$",  # our own words
    r"was not found in|no versions? of|not in this registry|could not be found|No matching (distribution|version)",
    r"requires-python|Requires-Python|incompatible with the project's Python|No interpreter found",
    r"\b(403|407|404)\b|tunnel|proxy|blocked|dns error|ENOTFOUND|ECONNREFUSED|Could not resolve|timed out",
    r"not found|No module named|unrecognized arguments|cannot|could not|unknown",
    r"error|ERR!|failed|×",
)


def reason(output: str) -> str:
    """The line of an installer's output that names the cause, at most 300 characters; "" where there is no output."""
    if host := refusing_host(output):
        return advice(host)
    text = re.sub(
        r"\n[ \t]*│?[ \t]{2,}(?!cause: )(?=[a-z0-9])", " ", output
    )  # uv breaks its sentences into indented lines
    lines = [PREFIX.sub("", line).strip() for line in text.splitlines()]
    for pattern in TELLING:
        for line in lines:
            if re.search(pattern, line):
                return line[:300]
    return next((line[:300] for line in reversed(lines) if line), "")


def _output(attempt: StepAttempt) -> str:
    """What a command wrote, and whether it timed out."""
    if attempt.result.reason is not Reason.TIMEOUT:
        return attempt.text
    return f"{attempt.text}\nerror: timed out after {attempt.result.seconds:.0f} s".strip()


def _failure(attempt: StepAttempt) -> str:
    return reason(_output(attempt)) or verdict(attempt.result)


def verdict(result: Result) -> str:
    if result.passed:
        return f"passed in {result.seconds:.1f} s"
    how = f"exit code {result.code}" if result.reason == "exit" else f"ended by {result.reason}"
    return f"failed ({how}) after {result.seconds:.1f} s"


def log_blocked(blocked: tuple[Blocked, ...], log: Log) -> None:
    for request in blocked:
        log.line(
            "error",
            f"{request.command or 'Set-up'} asked for {request.host}:{request.port} and was refused: {request.reason}.",
        )
