"""The environment doctor: every declared check run once on a commit as it is, to tell whether it can run at all."""

from __future__ import annotations

from dayhand.environment.base import Check, Environment, Log
from dayhand.environment.set_up import reason
from dayhand.sandbox.base import Sandbox
from dayhand.task import Checkup, Examined, SetUpStep
from dayhand.verify.running import Runner
from dayhand.verify.trees import Fill

NOT_THERE = (126, 127)  # what a POSIX shell says of a command that is not there


def examine(place: Environment, sandbox: Sandbox, fill: Fill, say: Log, *, commit: str) -> Examined:
    """Run each declared check once, in a clean box with the commit that ``fill`` brings."""
    runner = Runner(place, sandbox, say)
    steps = tuple(
        SetUpStep(one.title, one.command, one.passed, one.seconds, "" if one.passed else reason(one.output))
        for one in place.steps
    )
    return Examined(
        commit=commit,
        toolchains=place.ecosystems,
        steps=steps,
        checks=tuple(_check_up(check, runner, fill) for check in place.checks),
        blocked=place.blocked,
        pins=place.pins,
        known=place.cached,
        seconds=round(place.seconds, 2),
    )


def _check_up(check: Check, runner: Runner, fill: Fill) -> Checkup:
    if missing := runner.place.missing.get(check.command):
        runner.say.line("result", f"{check.kind}: {check.command}: not run. {missing.why}")
        return Checkup(check.kind, check.command, check.source, None, missing.why)
    run = runner.run(check, fill).run
    if run.code in NOT_THERE:
        last = run.output.strip().rpartition("\n")[2] or "command not found"
        return Checkup(check.kind, check.command, check.source, None, f"{check.tool} is not there: {last}")
    runner.say.line(
        "result", f"{check.kind}: {check.command}: {'passes' if run.passed else 'runs, and fails'}"
    )
    return Checkup(check.kind, check.command, check.source, run)
