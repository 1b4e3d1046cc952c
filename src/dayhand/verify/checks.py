"""The repository's own checks on the exact tree that is pushed, compared with their results on the base.

Each command runs in a clean box: the environment's snapshot and the tree, nothing else. Nothing that the agent left
running, put on the path or wrote outside the tree can change the result.
"""

from __future__ import annotations

from dataclasses import replace

from dayhand.environment.base import Environment, Log
from dayhand.environment.ecosystems.base import Check
from dayhand.sandbox.base import Sandbox
from dayhand.startup.records import dataclass
from dayhand.verification import Finding, Verdict, Verification
from dayhand.verify.base_cache import BaseCache
from dayhand.verify.cannot_run.absent import explain_absent
from dayhand.verify.comparison import Comparison, FourRuns, compare
from dayhand.verify.four_runs import SwappedTests
from dayhand.verify.integrity.by_runs import add_comparison, concerns_of
from dayhand.verify.integrity.inline_tests import changed_inline
from dayhand.verify.integrity.inspect import inspect
from dayhand.verify.judge import Judgement, Meaning, judge_failed, judge_flaky, judge_passed
from dayhand.verify.nearest import narrow_to_nearest
from dayhand.verify.runner import CheckResult, Runner
from dayhand.verify.scope.projects import covers, find_gaps, project_of, source_of, touched_projects
from dayhand.verify.trees import Trees, break_files

# Lint or types that pass on the head and are this quick also run on the base, to tell "fixed" from "passes".
QUICK_SECONDS = 60.0
COMPARED = (Verdict.PASSES, Verdict.FIXED, Verdict.FAILS_ON_BASE_TOO)
MAX_BASE_RUNS = 5  # to see whether a test fails by chance on the base too
MAX_HEAD_RUNS = 5  # of quick tests, where the change draws by chance
PASSES_WHEN_BROKEN = "it also passes with the changed code broken"
REPORT_MISSING = (
    "pytest passed but did not write the report that it was asked for: nothing shows that a test ran"
)


def verify(
    environment: Environment, sandbox: Sandbox, trees: Trees, *, log: Log, bases: BaseCache
) -> Verification:
    """Run every check of the environment on the change, compare the results with the base, and say what they prove.

    A check that the environment cannot run is a finding that names what is missing, never a failure.
    """
    if not environment.checks:
        log.line("say", "The repository declares no lint, type check or test command that Dayhand knows.")
    checks = touched_folders_first(environment.checks, trees.paths)
    verifier = CheckVerifier(Runner(environment, sandbox, log), trees, bases, checks)
    compared = [verifier.verify(check) for check in checks]
    findings = tuple(finding for finding, _ in compared)
    commands = tuple(check.command for check in checks)
    static = inspect(trees.before, trees.after, trees.paths, commands=commands)
    hides_nothing = _all_agree([comparison for _, comparison in compared])
    concerns = concerns_of(static, findings, trees=trees, hides_nothing=hides_nothing)
    for concern in concerns:
        log.line("result", f"{concern.kind}: {concern.path}: {concern.detail}")
    return Verification(trees.tree, findings, concerns, gaps=find_gaps(trees, checks, findings))


def _all_agree(comparisons: list[Comparison]) -> dict[str, bool]:
    """Whether the edits of tests hide nothing in any of the commands that run them."""
    found: dict[str, bool] = {}
    for comparison in comparisons:
        for name, hides_nothing in comparison.hides_nothing.items():
            found[name] = found.get(name, True) and hides_nothing
    return found


def find_early_failure(
    environment: Environment, sandbox: Sandbox, trees: Trees, *, log: Log
) -> Finding | None:
    """Run the tests nearest to the change, and return a new failure among them that fails twice.

    None does not mean that the change is good: only ``verify`` decides that.
    """
    runner = Runner(environment, sandbox, log)
    for check in environment.checks:
        if check.command in environment.missing:
            continue
        narrowed = narrow_to_nearest(check, trees.before, trees.after, paths=trees.paths)
        if (
            narrowed
            and narrowed.on_head
            and (finding := _new_failure(runner, trees, narrowed.on_head, on_base=narrowed.on_base))
        ):
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
    checks: tuple[Check, ...]  # all of them: their folders are the repository's projects

    def verify(self, check: Check) -> tuple[Finding, Comparison]:
        """The finding, and what each test of the check means."""
        if missing := self.runner.environment.missing.get(check.command):
            self.runner.log.line("result", f"{check.kind}: {check.command}: not run. {missing.why}")
            return Finding(
                check.kind, check.command, Verdict.CANNOT_RUN, None, missing=missing.why
            ), Comparison()
        head = self.runner.run(check, self.trees.head)
        if why := head.missing_tool(check):
            finding = Finding(check.kind, check.command, Verdict.CANNOT_RUN, head.run, missing=why)
            return self._logged(finding), Comparison()
        base = self._known_base(check)
        if base is None and (
            check.kind == "test" or not head.run.passed or head.run.seconds <= QUICK_SECONDS
        ):
            base = self._run_base(check)
        head = self._worst_by_chance(check, head)
        finding = (self._passed if head.run.passed else self._failed)(check, head, base)
        comparison = Comparison()
        if check.kind == "test" and finding.verdict in COMPARED:
            finding, comparison = self._compared(check, finding, head=head, base=base)
            if finding.verdict in COMPARED:
                finding = self._proved(check, finding, head=head, comparison=comparison)
        elif finding.verdict is Verdict.DOES_NOT_TEST and self.trees.wording:
            # An edit of the tests may keep all from running. What the text shows of it stands, whatever the old ones say.
            compared, _ = self._compared(check, finding, head=head, base=base)
            finding = replace(finding, weakened=compared.weakened)
        return self._logged(finding), comparison

    def _worst_by_chance(self, check: Check, head: CheckResult) -> CheckResult:
        """The head again, several times if its new code draws by chance and the tests are quick; a failure if one comes."""
        is_quick = check.kind == "test" and head.run.seconds <= QUICK_SECONDS / MAX_HEAD_RUNS
        if not (is_quick and head.run.passed and self.trees.draws_by_chance):
            return head
        for _ in range(MAX_HEAD_RUNS - 1):
            self._say(f"The change may behave differently in each run, so {check.command} runs again.")
            head = self.runner.run(check, self.trees.head)
            if not head.run.passed:
                break
        return head

    def _passed(self, check: Check, head: CheckResult, base: CheckResult | None) -> Finding:
        judgement = judge_passed(head, base)
        if judgement.verdict is not Verdict.NEW_FAILURE and head.report_missing:
            judgement = Judgement(Verdict.DOES_NOT_TEST, note=REPORT_MISSING)
        return _finding(check, judgement, head, base=base if base and not base.run.passed else None)

    def _failed(self, check: Check, head: CheckResult, base: CheckResult | None) -> Finding:
        base = base or self._run_base(check)
        judgement, rerun = judge_failed(head, base), None
        if judgement.verdict is Verdict.NEW_FAILURE and head.run.reason == "exit":
            self._say(f"{check.command} has a new failure; running it again to see whether it is flaky.")
            rerun = self.runner.run(check, self.trees.head)
            if rerun.run.passed:
                judgement = judge_flaky(head.failing - base.failing, self._bases_until_both(check, judgement))
            else:
                judgement = judge_failed(head, base, rerun)
        absent = explain_absent(head.run.output, self.runner.environment.absent)
        if absent and judgement.verdict is Verdict.CANNOT_RUN:
            judgement = replace(judgement, missing=f"{absent} {judgement.missing}")
        elif absent and judgement.verdict is Verdict.FAILS_ON_BASE_TOO:
            judgement = replace(judgement, note=f"{absent} {judgement.note}".strip())
        return _finding(check, judgement, head, base=base, rerun=rerun)

    def _bases_until_both(self, check: Check, judgement: Judgement) -> list[CheckResult]:
        """Runs of the base, until one outcome differs or there are as many as allowed. None comes from memory."""
        runs: list[CheckResult] = []
        failing = frozenset(judgement.failing)
        while len(runs) < MAX_BASE_RUNS and judge_flaky(failing, runs).verdict is not Verdict.FLAKY:
            self._say(f"Running {check.command} on the base, to see whether it is flaky there too.")
            runs.append(self.runner.run(check, self.trees.base))
        return runs

    def _compared(
        self, check: Check, finding: Finding, *, head: CheckResult, base: CheckResult | None
    ) -> tuple[Finding, Comparison]:
        """The finding with what the old and new tests say of the old and new source."""
        wording = tuple(path for path in self.trees.wording if self._reads(check, path))
        if wording:
            runs, comparison = SwappedTests(check, self.runner, self.trees, wording).compare(head, base)
        else:
            runs = FourRuns(base, base, head, head)
            comparison = compare(runs)
        return add_comparison(finding, self.trees, runs=runs, comparison=comparison), comparison

    def _proved(
        self, check: Check, finding: Finding, *, head: CheckResult, comparison: Comparison
    ) -> Finding:
        """The finding with which projects the tests prove, and with changed expectations inside the source."""
        inside = tuple(path for path in self.trees.source if covers(check.folder, path))
        changed = changed_inline(self.trees.before, self.trees.after, inside, results=head.results)
        finding = replace(finding, expectations=(*finding.expectations, *changed))
        covered = [folder for folder in self._touched if covers(check.folder, folder)]
        proves = self._proven(check, head, covered, is_red_green=bool(comparison.tests(Meaning.RED_TO_GREEN)))
        is_breakable = any(source_of(folder, self.trees, self.checks) for folder in covered)
        if is_breakable and not proves and finding.verdict is not Verdict.FAILS_ON_BASE_TOO:
            finding = replace(finding, verdict=Verdict.DOES_NOT_TEST, note=PASSES_WHEN_BROKEN)
        return replace(finding, proves=proves)

    def _proven(
        self, check: Check, head: CheckResult, covered: list[str], *, is_red_green: bool
    ) -> tuple[str, ...]:
        """Those of the covered projects whose change the tests notice."""
        if is_red_green and len(covered) == 1:
            return tuple(covered)
        return tuple(folder for folder in covered if self._notices(check, head, folder))

    def _notices(self, check: Check, head: CheckResult, folder: str) -> bool:
        """Whether the tests fail with the changed code of a project broken."""
        paths = source_of(folder, self.trees, self.checks)
        if not paths:
            return False
        fill = break_files(paths, self.trees)
        narrowed = narrow_to_nearest(check, self.trees.before, self.trees.after, paths=self.trees.paths)
        self._say(f"Running {check.command} with the changed code broken, to see whether it notices.")
        if (
            narrowed
            and narrowed.on_head
            and head.run.passed
            and self.runner.run(narrowed.on_head, fill).failing
        ):
            return True
        broken = self.runner.run(check, fill)
        if head.results and broken.results and head.results.reported and broken.results.reported:
            return bool(head.results.passing - broken.results.passing)
        return head.run.passed and not broken.run.passed

    def _reads(self, check: Check, path: str) -> bool:
        """Whether a changed test, or what tests use, can matter to a check: it is not in another nested project."""
        return covers(check.folder, path) or not project_of(path, self.checks)

    @property
    def _touched(self) -> tuple[str, ...]:
        return touched_projects(self.trees, self.checks)

    def _known_base(self, check: Check) -> CheckResult | None:
        """The base's result from an earlier run. What fails there is run again: nothing is excused from memory."""
        base = self.bases.find(self.trees.base_commit, self.runner.environment.results_key, check)
        if base is None:
            return None
        if base.run.passed:
            self._say(f"{check.command} passes on the base: known from an earlier run.")
            return base
        self._say(f"{check.command} failed on the base in an earlier run.")
        return self._run_base(check)

    def _run_base(self, check: Check) -> CheckResult:
        self._say("Running the same command on the base, to compare.")
        base = self.runner.run(check, self.trees.base)
        self.bases.keep(self.trees.base_commit, self.runner.environment.results_key, check, result=base)
        return base

    def _say(self, text: str) -> None:
        self.runner.log.line("say", text)

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
