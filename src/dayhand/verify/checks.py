"""The repository's own checks on the exact tree that is pushed, compared with their results on the base.

Each command runs in a clean box: the environment's snapshot and the tree, nothing else. Nothing that the agent left
running, put on the path or wrote outside the tree can change the result.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dayhand.environment.base import Environment
from dayhand.environment.ecosystems.base import Check, Files
from dayhand.file_kinds import is_source
from dayhand.ledger.log import TaskLog
from dayhand.sandbox.base import Sandbox
from dayhand.verification import Finding, Verdict
from dayhand.verify.base_cache import BaseCache
from dayhand.verify.judge import Judgement, judge_failed, judge_passed
from dayhand.verify.nearest import narrow_to_nearest
from dayhand.verify.red_green import can_show_red, show_red_green
from dayhand.verify.runner import CheckResult, Runner
from dayhand.verify.trees import Trees, break_files

# A check that passes on the head and is this quick also runs on the base, to tell "fixed" from "passes".
QUICK_SECONDS = 60.0
PASSES_WHEN_BROKEN = "it also passes with the changed files broken"
REPORT_MISSING = (
    "pytest passed but did not write the report that it was asked for: nothing shows that a test ran"
)


def verify(
    environment: Environment, sandbox: Sandbox, trees: Trees, *, log: TaskLog, bases: BaseCache
) -> tuple[Finding, ...]:
    """Run every check of the environment on the change, and compare the results with the base.

    A check that the environment cannot run is a finding that names what is missing, never a failure.
    """
    if not environment.checks:
        log.line("say", "The repository declares no lint, type check or test command that Dayhand knows.")
    verifier = CheckVerifier(Runner(environment, sandbox, log), trees, bases)
    return tuple(verifier.verify(check) for check in touched_folders_first(environment.checks, trees.paths))


def find_early_failure(
    environment: Environment, sandbox: Sandbox, trees: Trees, *, log: TaskLog, before: Files, after: Files
) -> Finding | None:
    """Run the tests nearest to the change, and return a new failure among them that fails twice.

    None does not mean that the change is good: only ``verify`` decides that.
    """
    runner = Runner(environment, sandbox, log)
    for check in environment.checks:
        if check.command in environment.missing:
            continue
        narrowed = narrow_to_nearest(check, before, after, paths=trees.paths)
        if narrowed and (finding := _new_failure(runner, trees, narrowed.on_head, on_base=narrowed.on_base)):
            log.line("result", f"test: {finding.command}: {finding.verdict}")
            return finding
    return None


def _new_failure(runner: Runner, trees: Trees, check: Check, *, on_base: Check | None) -> Finding | None:
    runner.log.line("say", "Running the tests nearest to the change first.")
    head = runner.run(check, trees.head)
    if head.run.passed or head.run.reason != "exit" or not head.failing:
        return None
    base = runner.run(on_base, trees.base) if on_base else None
    new = head.failing - (base.failing if base else frozenset())
    rerun = runner.run(check, trees.head) if new else head
    failing = tuple(sorted(new & rerun.failing))
    if not failing:
        return None
    return Finding(
        check.kind,
        check.command,
        Verdict.NEW_FAILURE,
        head.run,
        base.run if base else None,
        rerun=rerun.run,
        failing=failing,
    )


def touched_folders_first(checks: tuple[Check, ...], paths: tuple[str, ...]) -> tuple[Check, ...]:
    """The checks of the nested projects that a change touches, then the others; otherwise in the given order."""

    def is_untouched(check: Check) -> bool:
        return not (check.folder and any(path.startswith(f"{check.folder}/") for path in paths))

    return tuple(sorted(checks, key=is_untouched))


@dataclass(frozen=True, slots=True)
class CheckVerifier:
    """Runs one check as often as needed for a verdict."""

    runner: Runner
    trees: Trees
    bases: BaseCache

    def verify(self, check: Check) -> Finding:
        if missing := self.runner.environment.missing.get(check.command):
            self.runner.log.line("result", f"{check.kind}: {check.command}: not run. {missing.why}")
            return Finding(check.kind, check.command, Verdict.CANNOT_RUN, None, missing=missing.why)
        head = self.runner.run(check, self.trees.head)
        if missing_tool := head.missing_tool(check):
            finding = Finding(check.kind, check.command, Verdict.CANNOT_RUN, head.run, missing=missing_tool)
            return self._logged(finding)
        return self._logged(self._passed(check, head) if head.run.passed else self._failed(check, head))

    def _passed(self, check: Check, head: CheckResult) -> Finding:
        base = self._cached_base(check)
        if base is None and head.run.seconds <= QUICK_SECONDS:
            base = self._run_base(check)
        judgement = judge_passed(head, base)
        if judgement.verdict is not Verdict.DOES_NOT_TEST and head.report_missing:
            judgement = Judgement(Verdict.DOES_NOT_TEST, note=REPORT_MISSING)
        elif judgement.verdict is not Verdict.DOES_NOT_TEST and self._passes_when_broken(check, head):
            judgement = Judgement(Verdict.DOES_NOT_TEST, note=PASSES_WHEN_BROKEN)
        finding = _finding(check, judgement, head, base=base if base and not base.run.passed else None)
        if (
            check.kind == "test"
            and judgement.verdict is not Verdict.DOES_NOT_TEST
            and can_show_red(self.trees)
        ):
            red_green = show_red_green(
                check, self.runner, self.trees, head=head, base=lambda: base or self._run_base(check)
            )
            finding = replace(finding, red_green=red_green)
        return finding

    def _failed(self, check: Check, head: CheckResult) -> Finding:
        base = self._cached_base(check) or self._run_base(check)
        judgement, rerun = judge_failed(head, base), None
        if judgement.verdict is Verdict.NEW_FAILURE and head.run.reason == "exit":
            self.runner.log.line(
                "say", f"{check.command} has a new failure; running it again to see whether it is flaky."
            )
            rerun = self.runner.run(check, self.trees.head)
            judgement = judge_failed(head, base, rerun)
        return _finding(check, judgement, head, base=base, rerun=rerun)

    def _cached_base(self, check: Check) -> CheckResult | None:
        base = self.bases.find(self.trees.base_commit, self.runner.environment.results_key, check)
        if base:
            result = "passes" if base.run.passed else "fails"
            self.runner.log.line("say", f"{check.command} {result} on the base: known from an earlier run.")
        return base

    def _run_base(self, check: Check) -> CheckResult:
        self.runner.log.line("say", "Running the same command on the base, to compare.")
        base = self.runner.run(check, self.trees.base)
        self.bases.keep(self.trees.base_commit, self.runner.environment.results_key, check, result=base)
        return base

    def _passes_when_broken(self, check: Check, head: CheckResult) -> bool:
        """Whether a test command without a report passes whatever the changed files contain."""
        paths = tuple(path for path in self.trees.paths if is_source(path))
        if check.kind != "test" or not paths or (head.results and head.results.reported):
            return False
        self.runner.log.line(
            "say",
            f"{check.command} wrote no report of its tests; running it with the changed files broken, "
            "to see whether it notices.",
        )
        return self.runner.run(check, break_files(paths, self.trees.head)).run.passed

    def _logged(self, finding: Finding) -> Finding:
        text = f"{finding.kind}: {finding.command}: {finding.verdict}"
        self.runner.log.line("result", f"{text}. {finding.note}" if finding.note else text)
        return finding


def _finding(
    check: Check,
    judgement: Judgement,
    head: CheckResult,
    *,
    base: CheckResult | None,
    rerun: CheckResult | None = None,
) -> Finding:
    return Finding(
        check.kind,
        check.command,
        judgement.verdict,
        head.run,
        base.run if base else None,
        missing=judgement.missing,
        rerun=rerun.run if rerun else None,
        failing=judgement.failing,
        fixed=judgement.fixed,
        counts=head.results.counts if head.results else None,
        note=judgement.note,
    )
