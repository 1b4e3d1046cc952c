"""A guess becomes an improvement: a second examination with it, and the two side by side."""

from __future__ import annotations

from dataclasses import dataclass, field

from dayhand.environment.base import Environment, Log
from dayhand.environment.declared.improvement import Improvement
from dayhand.environment.declared.suggestion import FilesWithSuggestion, suggest
from dayhand.environment.ecosystems.base import Files
from dayhand.environment.prepare import prepare
from dayhand.environment.registries.base import ExtraRegistries
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Sandbox
from dayhand.task import Examined
from dayhand.verify.examination import examine
from dayhand.verify.trees import Fill


@dataclass(frozen=True, slots=True)
class ExaminationTarget:
    """Where a commit is examined."""

    files: Files
    sandbox: Sandbox
    fill: Fill
    scope: str  # the repository's name
    extra: ExtraRegistries = field(default_factory=ExtraRegistries)  # the operator's own registries


def find_better(
    bench: ExaminationTarget, place: Environment, before: Examined, *, log: Log
) -> Improvement | None:
    """Guess, try the guess in boxes, and give it only where it did better."""
    lacking = {one.command: one.missing for one in before.checks if one.run is None}
    found = None if before.ready else suggest(bench.files, place, lacking)
    if found is None:
        return None
    log.line("say", "One more look, with a set-up that might do better.")
    files = FilesWithSuggestion(bench.files, found.text)
    try:
        other = prepare(files, bench.sandbox, bench.fill, log=log, scope=bench.scope, extra=bench.extra)
        after = examine(other, bench.sandbox, bench.fill, log=log, commit=before.commit)
    except SandboxError as error:  # what was found without the guess is worth telling
        log.line("error", f"It could not be tried: {error}")
        return None
    if better(before, after):
        log.line("result", "That did better, so it is proposed.")
        return Improvement(found, before, after)
    log.line("result", "That did no better, so it is not proposed.")
    return None


def better(before: Examined, after: Examined) -> bool:
    """Whether more kinds of check can run, or nothing is left that fails in set-up; and nothing is worse."""
    ran, passed = _kinds(before, passing=False), _kinds(before, passing=True)
    runs, passes = _kinds(after, passing=False), _kinds(after, passing=True)
    if not (runs >= ran and passes >= passed) or _failing(after) > _failing(before):
        return False
    stuck, still = _stuck(before), _stuck(after)
    return still < stuck or (still == stuck and after.ready and not before.ready)


def _kinds(found: Examined, *, passing: bool) -> set[str]:
    runs = [(one.kind, one.run) for one in found.checks if one.run]
    return {kind for kind, run in runs if run.passed or not passing}


def _stuck(found: Examined) -> int:
    return sum(one.run is None for one in found.checks)


def _failing(found: Examined) -> int:
    return sum(not step.passed for step in found.steps)
