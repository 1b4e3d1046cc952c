"""The repository's own checks on the exact tree that is pushed, beside what they say of the base.

Each command runs in a clean box: the environment's snapshot with nothing in it but the tree. Nothing that the
agent left running, put on the path or wrote outside the tree can colour the result.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dayhand.environment.base import Environment
from dayhand.environment.ecosystems.base import Check, Files
from dayhand.exit_codes import NOT_STARTED
from dayhand.file_kinds import is_source
from dayhand.ledger.log import TaskLog
from dayhand.sandbox.base import Sandbox
from dayhand.verification import Finding, Verdict
from dayhand.verify.base_cache import BaseCache
from dayhand.verify.judge import Judgement, judge_failed, judge_passed
from dayhand.verify.nearest import narrowed
from dayhand.verify.red_green import can_prove, show_red
from dayhand.verify.runner import CheckResult, Runner
from dayhand.verify.trees import Trees, spoil

# A check that passes on the head runs on the base as well where it is this quick, to tell "fixed" from "passes".
QUICK_SECONDS = 60.0
BLIND = "it passes with the changed files broken too"
SILENT = "pytest was asked for a report of its tests, passed and wrote none: nothing shows that a test ran"


def verify(
    place: Environment, sandbox: Sandbox, trees: Trees, *, log: TaskLog, bases: BaseCache
) -> tuple[Finding, ...]:
    """Run every check of the environment and say how the change stands beside the base.

    A check that the environment cannot run is a finding with the missing thing named, never a failure.
    """
    if not place.checks:
        log.line("say", "The repository declares no lint, type check or test command that Dayhand knows.")
    examiner = Examiner(Runner(place, sandbox, log), trees, bases)
    return tuple(examiner.examine(check) for check in nearest_first(place.checks, trees.paths))


def look_early(
    place: Environment, sandbox: Sandbox, trees: Trees, *, log: TaskLog, before: Files, after: Files
) -> Finding | None:
    """Run the tests that the change is nearest to: a new failure among them, which stays; None for nothing to tell.

    That nothing fails here proves nothing: the verdict is ``verify``'s.
    """
    runner = Runner(place, sandbox, log)
    for check in place.checks:
        near = None if check.command in place.missing else narrowed(check, before, after, paths=trees.paths)
        if near and (found := _fails_early(runner, trees, near[0], on_base=near[1])):
            log.line("result", f"test: {found.command}: {found.verdict}")
            return found
    return None


def _fails_early(runner: Runner, trees: Trees, check: Check, *, on_base: Check | None) -> Finding | None:
    runner.log.line("say", "First the tests that the change is nearest to.")
    head = runner.run(check, trees.head)
    if head.run.passed or head.run.reason != "exit" or not head.failing:
        return None
    base = runner.run(on_base, trees.base) if on_base else None
    new = head.failing - (base.failing if base else frozenset())
    again = runner.run(check, trees.head) if new else head
    stay = tuple(sorted(new & again.failing))
    if not stay:
        return None
    return Finding(
        check.kind,
        check.command,
        Verdict.NEW_FAILURE,
        head.run,
        base.run if base else None,
        rerun=again.run,
        failing=stay,
    )


def nearest_first(checks: tuple[Check, ...], paths: tuple[str, ...]) -> tuple[Check, ...]:
    """The checks of the nested projects that a change touches, then the others, each in their order."""

    def untouched(check: Check) -> bool:
        return not (check.folder and any(path.startswith(f"{check.folder}/") for path in paths))

    return tuple(sorted(checks, key=untouched))


@dataclass(frozen=True, slots=True)
class Examiner:
    """Runs one check as often as it takes to know."""

    runner: Runner
    trees: Trees
    bases: BaseCache

    def examine(self, check: Check) -> Finding:
        if missing := self.runner.place.missing.get(check.command):
            self.runner.log.line("result", f"{check.kind}: {check.command}: not run. {missing.why}")
            return Finding(check.kind, check.command, Verdict.CANNOT_RUN, None, missing=missing.why)
        head = self.runner.run(check, self.trees.head)
        if head.run.code in NOT_STARTED:
            why = f"{check.tool} is not there: {_last_line(head.run.output) or 'command not found'}"
            return self._told(Finding(check.kind, check.command, Verdict.CANNOT_RUN, head.run, missing=why))
        return self._passed(check, head) if head.run.passed else self._failed(check, head)

    def _passed(self, check: Check, head: CheckResult) -> Finding:
        base = self._known(check)
        if base is None and head.run.seconds <= QUICK_SECONDS:
            base = self._base(check)
        judged = judge_passed(head, base)
        if judged.verdict is not Verdict.DOES_NOT_TEST and head.silent:
            judged = Judgement(Verdict.DOES_NOT_TEST, note=SILENT)
        elif judged.verdict is not Verdict.DOES_NOT_TEST and self._blind(check, head):
            judged = Judgement(Verdict.DOES_NOT_TEST, note=BLIND)
        finding = _finding(check, judged, head, base=base if base and not base.run.passed else None)
        if check.kind == "test" and judged.verdict is not Verdict.DOES_NOT_TEST and can_prove(self.trees):
            shown = show_red(
                check, self.runner, self.trees, head=head, base=lambda: base or self._base(check)
            )
            finding = replace(finding, red_green=shown)
        return self._told(finding)

    def _failed(self, check: Check, head: CheckResult) -> Finding:
        base = self._known(check) or self._base(check)
        judged, again = judge_failed(head, base), None
        if judged.verdict is Verdict.NEW_FAILURE and head.run.reason == "exit":
            self.runner.log.line(
                "say", f"{check.command}: a new failure; once more, to see whether it stays."
            )
            again = self.runner.run(check, self.trees.head)
            judged = judge_failed(head, base, again)
        return self._told(_finding(check, judged, head, base=base, again=again))

    def _known(self, check: Check) -> CheckResult | None:
        place = self.runner.place
        known = self.bases.find(self.trees.base_commit, place.key, check)
        if known:
            how = "passes" if known.run.passed else "fails"
            self.runner.log.line("say", f"{check.command} {how} on the base: known from an earlier run.")
        return known

    def _base(self, check: Check) -> CheckResult:
        self.runner.log.line("say", "The same on the base, to compare.")
        base = self.runner.run(check, self.trees.base)
        self.bases.keep(self.trees.base_commit, self.runner.place.key, check, ran=base)
        return base

    def _blind(self, check: Check, head: CheckResult) -> bool:
        """Whether tests that say nothing of themselves pass whatever the changed files hold."""
        paths = tuple(path for path in self.trees.paths if is_source(path))
        if check.kind != "test" or not paths or (head.results and head.results.reported):
            return False
        self.runner.log.line(
            "say",
            f"{check.command} wrote no report of single tests; once more with the changed files broken, "
            "to see whether it notices.",
        )
        return self.runner.run(check, spoil(paths, self.trees.head)).run.passed

    def _told(self, finding: Finding) -> Finding:
        words = f"{finding.kind}: {finding.command}: {finding.verdict}"
        self.runner.log.line("result", f"{words}. {finding.note}" if finding.note else words)
        return finding


def _finding(
    check: Check,
    judged: Judgement,
    head: CheckResult,
    *,
    base: CheckResult | None,
    again: CheckResult | None = None,
) -> Finding:
    return Finding(
        check.kind,
        check.command,
        judged.verdict,
        head.run,
        base.run if base else None,
        rerun=again.run if again else None,
        failing=judged.failing,
        fixed=judged.fixed,
        counts=head.results.counts if head.results else None,
        note=judged.note,
    )


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]
