"""The repository's own checks on the exact tree that is pushed; what fails runs again on the base.

Each command runs in a clean box: the environment's snapshot with nothing in it but the tree. Nothing that the
agent left running, put on the path or wrote outside the tree can colour the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dayhand.environment.base import Check, Environment
from dayhand.ledger.notes import Say
from dayhand.sandbox.base import Box, Limits, Sandbox
from dayhand.task import Finding, Run, Verdict

CHECK_SECONDS = 900.0
NOT_FOUND, NOT_EXECUTABLE = 127, 126  # what a POSIX shell says of a command that is not there

Fill = Callable[[Box], None]


@dataclass(frozen=True, slots=True)
class Trees:
    """How a clean box gets the change, and how it gets what was there before."""

    head: Fill
    base: Fill


def verify(place: Environment, sandbox: Sandbox, trees: Trees, say: Say) -> tuple[Finding, ...]:
    """Run every check of the environment and say how the change stands beside the base.

    A check that the environment cannot run is a finding with the missing thing named, never a failure.
    """
    if not place.checks:
        say.line("say", "The repository declares no lint, type check or test command that Dayhand knows.")
    return tuple(_examine(check, place, sandbox, trees, say) for check in place.checks)


def _examine(check: Check, place: Environment, sandbox: Sandbox, trees: Trees, say: Say) -> Finding:
    missing = place.missing.get(check.command)
    if missing:
        say.line("result", f"{check.kind}: {check.command}: not run. {missing.why}")
        return Finding(check.kind, check.command, Verdict.CANNOT_RUN, None, missing=missing.why)
    head = _run(check, place, sandbox, trees.head, say)
    if head.code in (NOT_FOUND, NOT_EXECUTABLE):
        why = f"{check.tool} is not there: {_last_line(head.output) or 'command not found'}"
        return _told(Finding(check.kind, check.command, Verdict.CANNOT_RUN, head, missing=why), say)
    if head.passed:
        return _told(Finding(check.kind, check.command, Verdict.PASSES, head), say)
    say.line("say", f"{check.command} fails on the change; the same on the base, to compare.")
    base = _run(check, place, sandbox, trees.base, say)
    verdict = Verdict.NEW_FAILURE if base.passed else Verdict.FAILS_ON_BASE_TOO
    return _told(Finding(check.kind, check.command, verdict, head, base), say)


def _run(check: Check, place: Environment, sandbox: Sandbox, fill: Fill, say: Say) -> Run:
    with sandbox.open(origin=place.snapshot) as box:
        fill(box)
        line = say.line("command", check.command)
        result = box.run(check.command, env=place.env, limits=Limits(seconds=CHECK_SECONDS))
    output = result.text()
    say.line("output", output)
    return Run(check.command, result.code, result.reason.value, result.seconds, output, line)


def _told(finding: Finding, say: Say) -> Finding:
    say.line("result", f"{finding.kind}: {finding.command}: {finding.verdict}")
    return finding


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]
