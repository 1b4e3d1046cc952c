"""The nouns of verification: what the repository's own checks report about a change, and what follows from that."""

from __future__ import annotations

from enum import StrEnum

from dayhand.startup.records import dataclass
from dayhand.usage import LimitHit

MODIFIES_CHECKS = "That may be right, but the checks cannot confirm it:"
NOT_COVERED = "No check covers these places:"


class Verdict(StrEnum):
    """The result of one check on the change, compared with the base. People read these words."""

    PASSES = "passes"
    FIXED = "fixed"
    NEW_FAILURE = "new failure"
    FAILS_ON_BASE_TOO = "fails on the base too"
    FLAKY = "flaky"  # failed on the head, and passed there when it was run once more
    DOES_NOT_TEST = "passes, but does not test the change"  # no test ran, or none notices broken files
    CANNOT_RUN = "the environment cannot run it"


class Status(StrEnum):
    """A check run's conclusion, in GitHub's words.

    https://docs.github.com/en/rest/checks/runs
    """

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"
    ACTION_REQUIRED = "action_required"


class Objection(StrEnum):
    """Why a person must review a change before it can count as verified."""

    WEAKENED_CHECKS = "weakened checks"
    SIDE_EFFECTS = "side effects"
    TOO_LARGE = "too large"
    LIMIT_EXCEEDED = "limit exceeded"
    HELD_BACK = "held back"


class Unverified(StrEnum):
    """Why no test speaks for the change of a project. People read these words after "Not verified:"."""

    NO_TESTS = "no test command was found"
    CANNOT_RUN = "the tests could not run here"
    FAILED_BEFORE = "the tests already fail on the base"
    FLAKY = "the tests are flaky"
    NOT_NOTICED = "no test notices the change"
    NO_LONGER_RUN = "tests that passed before no longer run"
    ONLY_DOCUMENTATION = "only documentation changed"
    ONLY_TESTS = "only tests changed"
    ONLY_CONFIGURATION = "only configuration changed"


@dataclass(frozen=True, slots=True)
class Gap:
    """A project that the change touches and that no test verifies; or a change that no test could verify."""

    reason: Unverified
    folder: str = ""  # of the nested project
    detail: str = ""  # what is missing, if that is known


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The conclusion of a verification, with its reasons."""

    status: Status  # of the check run
    if_accepted: Status  # once a person has accepted the objections; the same as ``status`` if there are none
    objections: tuple[Objection, ...] = ()

    @property
    def stays_draft(self) -> bool:
        """Whether the pull request stays a draft until a person accepts it."""
        return Objection.TOO_LARGE in self.objections or Objection.LIMIT_EXCEEDED in self.objections


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one command by the worker; never the model's report of it."""

    command: str
    code: int | None  # the exit code; None if the command did not end by itself (see ``reason``)
    reason: str  # "exit", "wall", "flood", "oom", "truncated", "lost"
    seconds: float
    output: str  # the beginning and the end of it, safe to show
    line: int = 0  # where it begins in the task's log: the evidence link

    @property
    def passed(self) -> bool:
        return self.code == 0 and self.reason == "exit"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tests of one run passed, failed and were skipped."""

    passed: int
    failed: int
    skipped: int


@dataclass(frozen=True, slots=True)
class RedGreen:
    """The change's own tests, run on the source before the change: tests that pass there prove nothing."""

    proven: bool
    run: Run
    tests: tuple[str, ...] = ()  # failed there and pass with the change, if single tests are known
    passing_before: tuple[str, ...] = ()  # the new tests that pass there as well, if known


@dataclass(frozen=True, slots=True)
class Expectation:
    """A test whose old wording fails with the change, and whose new wording fails without it."""

    test: str
    path: str = ""  # of the file with both wordings; "" if no changed file names the test
    wordings: str = ""  # the lines that differ, as a diff, cut


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the verification table."""

    kind: str  # "lint", "types" or "test"
    command: str
    verdict: Verdict
    head: Run | None  # None if the environment cannot run it
    base: Run | None = None  # kept if the base or the head failed
    missing: str = ""  # for CANNOT_RUN: what is missing, and what would provide it
    rerun: Run | None = None  # a new failure is run once more
    failing: tuple[str, ...] = ()  # the tests that fail with the change and did not fail before
    fixed: tuple[str, ...] = ()  # the tests that failed before and pass with the change
    counts: Counts | None = None  # of the head; None if no report named all tests
    red_green: RedGreen | None = None  # if the change contains tests of its own
    note: str = ""  # an explanation of the verdict
    proves: tuple[str, ...] = ()  # the folders of the changed projects whose change these tests notice
    expectations: tuple[Expectation, ...] = ()  # changed with the source: a person must confirm them
    failing_before: tuple[str, ...] = ()  # the tests that fail with the change, and failed before
    weakened: tuple[str, ...] = ()  # the tests whose new wording hides that the old one fails
    fewer: tuple[str, ...] = ()  # the tests that ran on the base, and do not run with the change
    no_longer_run: tuple[str, ...] = ()  # those of them whose old wording does not run with the change either


@dataclass(frozen=True, slots=True)
class Concern:
    """A place where the change weakens the checks, or acts beyond what they test."""

    kind: str  # "deleted test", "skipped test", "emptied test", "loosened assertion", "suppression", …
    path: str
    line: int  # of the head; 0 if it concerns the whole file or a deleted line
    detail: str  # the name of the test, or the line
    test: str = ""  # the name of the test that a run could tell about


@dataclass(frozen=True, slots=True)
class RemarkItem:
    """One place that a remark lists."""

    name: str = ""  # of the test, or the line
    place: str = ""  # "tests/test_shop.py:12"
    kind: str = ""  # of a concern, or the reason of a gap
    detail: str = ""  # a sentence: what is missing
    wordings: str = ""  # of a changed expectation, as a diff


@dataclass(frozen=True, slots=True)
class Remark:
    """What a person should look at, in the words of every surface: the pull request, the task's page and the terminal."""

    mark: str
    title: str
    text: str  # what it means, and what to do; "" if the title says everything
    items: tuple[RemarkItem, ...]
    in_headline: bool = False  # the conclusion's one line says the same


@dataclass(frozen=True, slots=True)
class FormattingOnly:
    """A file in which only formatting changes, in ``ranges`` of its ``total`` changed ranges of lines."""

    path: str
    ranges: int
    total: int


@dataclass(frozen=True, slots=True)
class Scope:
    """The size of a change and its limits. A limit of 0 means no limit."""

    lines: int = 0  # added and removed, without lock files
    files: int = 0
    max_lines: int = 0
    max_files: int = 0
    formatting_only: tuple[FormattingOnly, ...] = ()
    unmentioned: tuple[str, ...] = ()  # changed files that neither the request nor the summary mentions

    @property
    def too_large(self) -> bool:
        return 0 < self.max_lines < self.lines or 0 < self.max_files < self.files


@dataclass(frozen=True, slots=True)
class Verification:
    """The results of the repository's own checks on the exact tree that is pushed."""

    tree: str  # the git tree that was checked
    findings: tuple[Finding, ...] = ()
    concerns: tuple[Concern, ...] = ()  # where the change weakens the checks
    scope: Scope = Scope()
    side_effects: tuple[Concern, ...] = ()  # where the change acts beyond the code that the checks test
    limit_hit: LimitHit | None = None  # the limit that made the model finish early
    held_back: tuple[
        Concern, ...
    ] = ()  # files of the change that are not pushed before a person accepts them
    gaps: tuple[Gap, ...] = ()  # what no test verifies
    early: bool = False  # only the tests nearest to the change ran: enough to send back, not to propose

    @property
    def conclusion(self) -> Conclusion:
        """The conclusion of the check run, from the ledger alone.

        GitHub accepts ``neutral`` for a required check, so an objection turns it into ``action_required``.
        """
        status, objections = self._tested(), self._objections()
        if objections and status is not Status.FAILURE:
            return Conclusion(Status.ACTION_REQUIRED, status, objections)
        return Conclusion(status, status, objections)

    @property
    def accepted(self) -> Verification:
        """The results alone, once a person has accepted the rest."""
        return Verification(self.tree, self.findings, gaps=self.gaps)

    @property
    def nothing_to_check(self) -> bool:
        """Whether all of the change is held back, so that there is no tree to check."""
        return bool(self.held_back) and not self.findings and self.scope == Scope()

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        """The tests that expect something else than before: whether that is right is for a person to say."""
        return tuple(one for finding in self.findings for one in finding.expectations)

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What a person should look at, the most important first."""
        names = tuple(dict.fromkeys(name for finding in self.findings for name in finding.fewer))
        found = (
            _changed_expectations(self.expectations),
            _unverified(self.gaps, in_headline=self._is_only_unverified),
            _no_longer_run(names),
            _concerns("This change modifies its own checks", MODIFIES_CHECKS, self.concerns),
            _concerns("This change affects more than the tested code", NOT_COVERED, self.side_effects),
        )
        return tuple(remark for remark in found if remark.items)

    @property
    def _is_only_unverified(self) -> bool:
        return len(self.gaps) == 1 and not self.expectations and self.conclusion.status is Status.NEUTRAL

    def _tested(self) -> Status:
        """The conclusion from the findings alone, without any objection: success is proof, not the absence of a failure."""
        if any(finding.verdict is Verdict.NEW_FAILURE for finding in self.findings):
            return Status.FAILURE
        if any(map(_speaks_for_change, self.findings)) and not self.gaps and not self.expectations:
            return Status.SUCCESS
        return Status.NEUTRAL

    def _objections(self) -> tuple[Objection, ...]:
        """The most serious one first."""
        found = (
            (Objection.WEAKENED_CHECKS, self.concerns),
            (Objection.SIDE_EFFECTS, self.side_effects),
            (Objection.HELD_BACK, self.held_back),
            (Objection.TOO_LARGE, self.scope.too_large),
            (Objection.LIMIT_EXCEEDED, self.limit_hit is not None and self.limit_hit.exceeded),
        )
        return tuple(objection for objection, applies in found if applies)


def _speaks_for_change(finding: Finding) -> bool:
    """Whether these are tests that ran and passed. Beside old failures, some of them must notice the change."""
    passes = finding.verdict in (Verdict.PASSES, Verdict.FIXED)
    return finding.kind == "test" and (passes or bool(finding.proves))


def _changed_expectations(expectations: tuple[Expectation, ...]) -> Remark:
    count = len(expectations)
    one = count == 1
    text = (
        "This test fails with the change as it was before, and passes as it is now. "
        "Confirm in review that the new expectation is right:"
        if one
        else "These tests fail with the change as they were before, and pass as they are now. "
        "Confirm in review that the new expectations are right:"
    )
    items = tuple(RemarkItem(each.test, each.path, wordings=each.wordings) for each in expectations)
    return Remark("⚠️", f"{count} changed expectation{'' if one else 's'}", text, items)


def _unverified(gaps: tuple[Gap, ...], *, in_headline: bool) -> Remark:
    items = tuple(
        RemarkItem(place=f"{gap.folder}/" if gap.folder else "", kind=gap.reason, detail=gap.detail)
        for gap in gaps
    )
    text = "Success needs tests that ran, passed and notice the change:"
    return Remark("⚠️", "Not verified", text, items, in_headline)


def _no_longer_run(names: tuple[str, ...]) -> Remark:
    title = (
        "1 test that passed before no longer runs"
        if len(names) == 1
        else f"{len(names)} tests that passed before no longer run"
    )
    return Remark("", title, "", tuple(map(RemarkItem, names)))


def _concerns(title: str, text: str, concerns: tuple[Concern, ...]) -> Remark:
    items = tuple(
        RemarkItem(each.detail, f"{each.path}:{each.line}" if each.line else each.path, each.kind)
        for each in concerns
    )
    return Remark("✋", title, text, items)
