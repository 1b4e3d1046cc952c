"""One set-up box at work: steps with their fall-backs, probes, and one more attempt for what is declared but missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import uv

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.base import Installed, Log, Missing
from dayhand.environment.ecosystems.base import Check, Step
from dayhand.environment.setup.record import OUTPUT_CHARACTERS
from dayhand.sandbox.base import Box, CommandLimits, Reason, Result
from dayhand.sandbox.live_output import LiveOutput
from dayhand.task import Blocked

BIN = f"{ENVIRONMENT}/bin"
CACHE = f"{ENVIRONMENT}/.cache"  # on the snapshot's own disk, so that files are linked and not copied; then removed
STEP = CommandLimits(seconds=900.0)
PROBE = CommandLimits(seconds=60.0)

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
    "npm_config_fetch_retries": "2",
    "npm_config_fetch_retry_mintimeout": "1000",  # npm waits 10 s and then 60 s, for each package in turn
    "npm_config_fetch_retry_maxtimeout": "5000",
    "npm_config_cache": f"{CACHE}/npm",
    "npm_config_fund": "false",
    "npm_config_update_notifier": "false",
}


@dataclass(frozen=True, slots=True)
class StepAttempt:
    """One command in the set-up box and what it came to."""

    command: str
    result: Result

    @property
    def text(self) -> str:
        return self.result.text().strip()


class Installer:
    """One set-up box at work: every command and its outcome is told."""

    def __init__(
        self,
        box: Box,
        env: Mapping[str, str],
        client_env: Mapping[str, str],
        *,
        log: Log,
        limits: CommandLimits = STEP,
    ) -> None:
        self.box = box
        self.limits = limits  # of each command of a step
        self.env = env
        self.setup_env = {**env, **SETUP_ENV, **client_env}
        self.log = log
        self.steps: list[Installed] = []

    def lay_uv(self) -> None:
        """Put our own uv into a box that has none; where it does not run there, pip is the fall-back."""
        if self.box.run("command -v uv", env=self.env, limits=PROBE).passed:
            return
        with Path(uv.find_uv_bin()).open("rb") as stream:
            script = f"mkdir -p {BIN} && cat > {BIN}/uv && chmod 755 {BIN}/uv && {BIN}/uv --version"
            laid = self.box.run(["/bin/sh", "-c", script], stdin=stream, limits=STEP)
        if not laid.passed:
            self.log.line(
                "error", f"uv does not run in this box, so pip is used: {laid.text().strip()[-200:]}"
            )

    def take(self, step: Step) -> Installed:
        """Try a step's commands in turn until one passes, or hangs: what comes after would hang for as long."""
        attempts: list[StepAttempt] = []
        for command in step.commands:
            attempts.append(self.attempt(command))
            if attempts[-1].result.passed or attempts[-1].result.reason is Reason.WALL:
                break
        last = attempts[-1]
        shown = last.text if last.result.passed else "\n".join(map(_told, attempts))
        seconds = sum(attempt.result.seconds for attempt in attempts)
        output = shown if len(shown) <= OUTPUT_CHARACTERS else f"…{shown[-OUTPUT_CHARACTERS:]}"
        first = attempts[0]
        instead = "" if first is last or not last.result.passed else f"{first.command}: {_failure(first)}"
        done = Installed(step.title, last.command, last.result.passed, round(seconds, 2), output, instead)
        self.steps.append(done)
        return done

    def attempt(self, command: str) -> StepAttempt:
        self.log.line("command", command)
        live = LiveOutput(lambda text: self.log.line("output", text), self.limits.keep_bytes)
        result = self.box.run(
            command, env=self.setup_env, limits=self.limits, on_output=live.take, cancelled=live.tick
        )
        live.finish(result)
        tried = StepAttempt(command, result)
        self.log.line("result", verdict(tried.result))
        return tried

    def prove(self, checks: tuple[Check, ...], failures: tuple[str, ...] = ()) -> dict[str, Missing]:
        """Probe each check's tool, try once more to get what is not there, and name what then still lacks."""
        failed = [f"{step.title}: {reason(step.output)}" for step in self.steps if not step.passed]
        missing = {}
        for check in checks:
            if why := self._lack(check, (*failures, *failed)):
                missing[check.command] = Missing(check.tool, why)
                self.log.line("result", f"Missing: {check.tool}. {why}")
        return missing

    def _lack(self, check: Check, failures: tuple[str, ...]) -> str:
        """Why a check cannot run; "" where its tool is there."""
        probed = self.box.run(check.probe, env=self.env, limits=PROBE)
        if probed.passed:
            return ""
        told = reason(probed.text())
        if check.remedy:
            self.log.line(
                "say", f"{check.tool} ({check.source}) does not start here: one more attempt to get it."
            )
            remedy = self.attempt(check.remedy)
            if self.box.run(check.probe, env=self.env, limits=PROBE).passed:
                return ""
            if not remedy.result.passed:
                return f"{check.tool} could not be installed: {reason(remedy.text)}"
        because = f" Set-up failed before: {failures[0]}" if failures else ""
        return f"{check.tool} does not start ({told or check.probe}).{because}"


PREFIX = re.compile(r"^[\s×╰─▶│|:]*(?:cause: |npm (?:error|ERR!) (?:code \w+$|404\b|notarget\b)?\s*)?")
TELLING = (  # the first of these that matches any line says what is wrong
    r"^error: it was not done after \d+ s and was ended$",  # our own words
    r"was not found in|no versions? of|not in this registry|could not be found|No matching (distribution|version)",
    r"requires-python|Requires-Python|incompatible with the project's Python|No interpreter found",
    r"\b(403|407|404)\b|tunnel|proxy|blocked|dns error|ENOTFOUND|ECONNREFUSED|Could not resolve|timed out",
    r"not found|No module named|unrecognized arguments|cannot|could not|unknown",
    r"error|ERR!|failed|×",
)


def reason(output: str) -> str:
    """The line of an installer's output that says what is wrong, at most 300 characters; "" where it said nothing."""
    text = re.sub(
        r"\n[ \t]*│?[ \t]{2,}(?!cause: )(?=[a-z0-9])", " ", output
    )  # uv breaks its sentences into indented lines
    lines = [PREFIX.sub("", line).strip() for line in text.splitlines()]
    for pattern in TELLING:
        for line in lines:
            if re.search(pattern, line):
                return line[:300]
    return next((line[:300] for line in reversed(lines) if line), "")


def _told(attempt: StepAttempt) -> str:
    """What a command wrote, and that it never came to an end."""
    if attempt.result.reason is not Reason.WALL:
        return attempt.text
    return (
        f"{attempt.text}\nerror: it was not done after {attempt.result.seconds:.0f} s and was ended".strip()
    )


def _failure(attempt: StepAttempt) -> str:
    return reason(_told(attempt)) or verdict(attempt.result)


def verdict(result: Result) -> str:
    if result.passed:
        return f"passed in {result.seconds:.1f} s"
    how = f"exit code {result.code}" if result.reason == "exit" else f"ended by {result.reason}"
    return f"failed ({how}) after {result.seconds:.1f} s"


def tell_blocked(blocked: tuple[Blocked, ...], log: Log) -> None:
    for one in blocked:
        log.line(
            "error",
            f"{one.command or 'Set-up'} asked for {one.host}:{one.port} and was refused: {one.reason}.",
        )
