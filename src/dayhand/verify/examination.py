"""The environment doctor: can every declared check run on this commit, and would a different set-up work better?"""

from __future__ import annotations

from dataclasses import field, replace

from dayhand.environment.base import Environment, Log, Source
from dayhand.environment.declared.improvement import Improvement
from dayhand.environment.declared.suggestion import FilesWithSuggestion, suggest
from dayhand.environment.ecosystems.base import Check, Files
from dayhand.environment.prepare import prepare
from dayhand.environment.registries.base import ExtraRegistries
from dayhand.environment.setup.steps import reason
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Sandbox
from dayhand.startup.records import dataclass
from dayhand.task import Examined, ExaminedCheck, SetupStep
from dayhand.verify.base_cache import BaseCache
from dayhand.verify.cannot_run.absent import explain_absent
from dayhand.verify.cannot_run.recognise import diagnose, runs_no_test, unrunnable_tests
from dayhand.verify.cannot_run.wording import describe_unrunnable
from dayhand.verify.runner import CheckResult, Runner
from dayhand.verify.trees import Fill

DECLARE_TESTS = "Declare the command that runs the tests as `[checks] test` in `.dayhand.toml`."


def examine(
    environment: Environment,
    sandbox: Sandbox,
    fill: Fill,
    *,
    log: Log,
    commit: str,
    bases: BaseCache | None = None,
) -> Examined:
    """Run each declared check once, in a clean box with the commit that ``fill`` puts there.

    ``bases`` keeps the results, so that a task on this commit need not run the checks on its base again.
    """
    runner = Runner(environment, sandbox, log)
    steps = tuple(
        SetupStep(
            step.title,
            step.command,
            step.passed,
            step.seconds,
            step.instead if step.passed else reason(step.output),
        )
        for step in environment.steps
    )
    return Examined(
        commit=commit,
        toolchains=environment.ecosystems,
        steps=steps,
        checks=tuple(
            _examine_check(runner, check, fill, commit=commit, bases=bases) for check in environment.checks
        ),
        blocked=environment.blocked,
        pins=environment.lacking,
        ci=environment.ci,
        known=environment.cached,
        seconds=round(environment.seconds, 2),
    )


def _examine_check(
    runner: Runner, check: Check, fill: Fill, *, commit: str, bases: BaseCache | None
) -> ExaminedCheck:
    log, environment = runner.log, runner.environment
    if missing := environment.missing.get(check.command):
        log.line("result", f"{check.kind}: {check.command}: not run. {missing.why}")
        return ExaminedCheck(check.kind, check.command, check.source, None, missing.why)
    result = runner.run(check, fill)
    if missing_tool := result.missing_tool(check):
        return ExaminedCheck(check.kind, check.command, check.source, None, missing_tool)
    if bases:
        bases.keep(commit, environment.results_key, check, result=result)
    examined = describe_run(check, result)
    absent = "" if result.run.passed else explain_absent(result.run.output, environment.absent)
    if absent and examined.missing:
        examined = replace(examined, missing=f"{absent} {examined.missing}")
    outcome = f"cannot run. {examined.missing}" if examined.missing else "runs, and fails"
    log.line("result", f"{check.kind}: {check.command}: {'passes' if _passes(examined) else outcome}")
    return examined


def describe_run(check: Check, result: CheckResult) -> ExaminedCheck:
    """What one run of a check shows: a test command that runs no test, or of which none can run, cannot run here."""
    examined = ExaminedCheck(check.kind, check.command, check.source, result.run)
    if check.kind == "test" and runs_no_test(result):
        return replace(examined, missing="it passes, but no test ran.", cure=DECLARE_TESTS)
    if found := diagnose(result):
        return replace(examined, missing=found.sentence, cure=found.cure)
    count = len(result.results.tests) if result.results else 0
    return replace(examined, note=describe_unrunnable(unrunnable_tests(result), count))


def _passes(examined: ExaminedCheck) -> bool:
    return examined.can_run and examined.run is not None and examined.run.passed


@dataclass(frozen=True, slots=True)
class ImprovementSearch:
    """Looks for a set-up with which more checks of a commit can run."""

    files: Files
    sandbox: Sandbox
    fill: Fill
    source: Source
    log: Log
    registries: ExtraRegistries = field(default_factory=ExtraRegistries)  # the operator's own

    def run(self, environment: Environment, before: Examined) -> Improvement | None:
        """Suggest a set-up, examine the commit with it, and return it only if the result is better."""
        missing = {check.command: check.missing for check in before.checks if not check.can_run}
        suggestion = None if before.ready else suggest(self.files, environment, missing)
        if suggestion is None:
            return None
        self.log.line("say", "Trying a different set-up, which may work better.")
        files = FilesWithSuggestion(self.files, suggestion.text)
        try:
            changed = prepare(
                files,
                self.sandbox,
                self.fill,
                log=self.log,
                source=self.source,
                extra=self.registries,
            )
            after = examine(changed, self.sandbox, self.fill, log=self.log, commit=before.commit)
        except SandboxError as error:  # the first examination is still worth reporting
            self.log.line("error", f"The different set-up could not be tried: {error}")
            return None
        if is_better(before, after):
            self.log.line("result", "The different set-up works better, so it is proposed.")
            return Improvement(suggestion, before, after)
        self.log.line("result", "The different set-up does not work better, so it is not proposed.")
        return None


def is_better(before: Examined, after: Examined) -> bool:
    """Whether more checks can run, or everything is ready at last, and nothing got worse."""
    kept = _kinds(after) >= _kinds(before) and _passing_kinds(after) >= _passing_kinds(before)
    if not kept or _failed_steps(after) > _failed_steps(before):
        return False
    cannot_run_before, cannot_run_after = _cannot_run(before), _cannot_run(after)
    becomes_ready = after.ready and not before.ready
    return cannot_run_after < cannot_run_before or (cannot_run_after == cannot_run_before and becomes_ready)


def _kinds(examined: Examined) -> set[str]:
    """The kinds of check of which at least one can run."""
    return {check.kind for check in examined.checks if check.can_run}


def _passing_kinds(examined: Examined) -> set[str]:
    return {check.kind for check in examined.checks if _passes(check)}


def _cannot_run(examined: Examined) -> int:
    return sum(not check.can_run for check in examined.checks)


def _failed_steps(examined: Examined) -> int:
    return sum(not step.passed for step in examined.steps)
