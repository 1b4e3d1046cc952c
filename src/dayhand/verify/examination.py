"""The environment doctor: every declared check run once on a commit as it is, to tell whether it can run at all."""

from __future__ import annotations

from dataclasses import dataclass

from dayhand.environment.base import Environment, Log
from dayhand.environment.ecosystems.base import Check
from dayhand.environment.setup.steps import reason
from dayhand.exit_codes import NOT_STARTED
from dayhand.sandbox.base import Sandbox
from dayhand.task import Examined, ExaminedCheck, SetupStep
from dayhand.verify.base_cache import BaseCache
from dayhand.verify.runner import Runner
from dayhand.verify.trees import Fill


def examine(
    place: Environment,
    sandbox: Sandbox,
    fill: Fill,
    *,
    log: Log,
    commit: str,
    bases: BaseCache | None = None,
) -> Examined:
    """Run each declared check once, in a clean box with the commit that ``fill`` brings.

    ``bases`` keeps what the checks said, so that a task on this commit need not run them on its base again.
    """
    doctor = _Doctor(Runner(place, sandbox, log), fill, commit, bases)
    steps = tuple(
        SetupStep(
            one.title, one.command, one.passed, one.seconds, one.instead if one.passed else reason(one.output)
        )
        for one in place.steps
    )
    return Examined(
        commit=commit,
        toolchains=place.ecosystems,
        steps=steps,
        checks=tuple(doctor.check_up(check) for check in place.checks),
        blocked=place.blocked,
        pins=place.pins,
        known=place.cached,
        seconds=round(place.seconds, 2),
    )


@dataclass(frozen=True, slots=True)
class _Doctor:
    """Looks at one commit in one environment."""

    runner: Runner
    fill: Fill
    commit: str
    bases: BaseCache | None

    def check_up(self, check: Check) -> ExaminedCheck:
        log, place = self.runner.log, self.runner.place
        if missing := place.missing.get(check.command):
            log.line("result", f"{check.kind}: {check.command}: not run. {missing.why}")
            return ExaminedCheck(check.kind, check.command, check.source, None, missing.why)
        ran = self.runner.run(check, self.fill)
        run = ran.run
        if run.code in NOT_STARTED:
            last = run.output.strip().rpartition("\n")[2] or "command not found"
            why = f"{check.tool} is not there: {last}"
            return ExaminedCheck(check.kind, check.command, check.source, None, why)
        if self.bases:
            self.bases.keep(self.commit, place.key, check, ran=ran)
        log.line("result", f"{check.kind}: {check.command}: {'passes' if run.passed else 'runs, and fails'}")
        return ExaminedCheck(check.kind, check.command, check.source, run)
