"""The nouns of verification: what the repository's own checks say of a change, and what follows from that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dayhand.usage import LimitHit


class Verdict(StrEnum):
    """What a check says of the head, seen beside the base. The words are those that people read."""

    PASSES = "passes"
    FIXED = "fixed"
    NEW_FAILURE = "new failure"
    FAILS_ON_BASE_TOO = "fails on the base too"
    FLAKY = "flaky"  # failed on the head, and passed there when it was run once more
    BLIND = "passes without looking"  # no test ran, or none that notices when the changed files are broken
    CANNOT_RUN = "the environment cannot run it"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one command by the worker: never the model's word for it."""

    command: str
    code: int | None  # None: it did not end by itself (see ``reason``)
    reason: str  # "exit", "wall", "flood", "oom", "lost"
    seconds: float
    output: str  # cut head and tail, safe to show
    line: int = 0  # where it begins in the task's log: the evidence link

    @property
    def passed(self) -> bool:
        return self.code == 0 and self.reason == "exit"


@dataclass(frozen=True, slots=True)
class Counts:
    """How the single tests of one run ended."""

    passed: int
    failed: int
    skipped: int


@dataclass(frozen=True, slots=True)
class RedGreen:
    """What the change's own tests said on the source as it was before: where they pass there, they prove nothing."""

    proven: bool
    run: Run
    tests: tuple[
        str, ...
    ] = ()  # those that failed there and pass with the change, where single tests are known
    idle: tuple[str, ...] = ()  # the new ones that pass there as well, where they are known


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the verification table."""

    kind: str  # "lint", "types" or "test"
    command: str
    verdict: Verdict
    head: Run | None  # None where the environment cannot run it
    base: Run | None = None  # kept where the base failed, or the head did
    missing: str = ""  # for CANNOT_RUN: the thing that is missing, and what would bring it
    again: Run | None = None  # a new failure is run once more
    failing: tuple[str, ...] = ()  # the single tests that fail with the change and did not before
    fixed: tuple[str, ...] = ()  # the single tests that failed before and pass with the change
    counts: Counts | None = None  # of the head; None where no report named all tests
    red_green: RedGreen | None = None  # where the change holds tests of its own
    note: str = ""  # what else there is to say of the verdict


@dataclass(frozen=True, slots=True)
class Concern:
    """A place where the change makes the checks say less than before."""

    kind: str  # "deleted test", "skipped test", "emptied test", "loosened assertion", "suppression", …
    path: str
    line: int  # of the head; 0 where it is about the whole file, or about what is gone
    what: str  # the test's name, or the line


@dataclass(frozen=True, slots=True)
class Noise:
    """A file in which only layout changes, in ``places`` of its ``of`` changed places."""

    path: str
    places: int
    of: int


@dataclass(frozen=True, slots=True)
class Scope:
    """How far a change reaches, and how far the repository lets one reach. 0: there is no limit."""

    lines: int = 0  # added and removed, lock files left out
    files: int = 0
    max_lines: int = 0
    max_files: int = 0
    noise: tuple[Noise, ...] = ()
    unspoken: tuple[str, ...] = ()  # changed files that neither the ask nor the account speaks of

    @property
    def too_large(self) -> bool:
        return 0 < self.max_lines < self.lines or 0 < self.max_files < self.files


@dataclass(frozen=True, slots=True)
class Verification:
    """What the repository's own checks say of the exact tree that is pushed."""

    tree: str  # the git tree that was checked
    findings: tuple[Finding, ...] = ()
    concerns: tuple[Concern, ...] = ()
    scope: Scope = Scope()
    reach: tuple[Concern, ...] = ()  # what acts beyond the code that the checks judge
    reached: LimitHit | None = None  # a limit that the model was told to finish for
    early: bool = (
        False  # only the tests nearest to the change ran: good for sending back, never for proposing
    )

    @property
    def held(self) -> bool:
        """Whether a person has to look first: at what weakens the checks or escapes them, or at a draft that asks."""
        return bool(self.concerns or self.reach) or self.asks

    @property
    def asks(self) -> bool:
        """Whether it stays a draft that asks: a change too large, or work that a limit stopped."""
        return self.scope.too_large or (self.reached is not None and self.reached.over)

    @property
    def conclusion(self) -> str:
        """The check run's conclusion, from the ledger alone: ``standing``, or ``action_required`` where it is held.

        GitHub lets ``neutral`` pass where a check is required, so being held comes before it.
        """
        return "action_required" if self.held and self.standing != "failure" else self.standing

    @property
    def untested(self) -> bool:
        """Whether there are tests and none could be run: what lint says is no success of a change then."""
        tests = [finding.verdict for finding in self.findings if finding.kind == "test"]
        return bool(tests) and all(verdict is Verdict.CANNOT_RUN for verdict in tests)

    @property
    def standing(self) -> str:
        """What it comes to once a person has accepted what holds it: ``success``, ``failure`` or ``neutral``."""
        verdicts = {finding.verdict for finding in self.findings}
        if Verdict.NEW_FAILURE in verdicts:
            return "failure"
        if Verdict.BLIND not in verdicts and not self.untested and verdicts & {Verdict.PASSES, Verdict.FIXED}:
            return "success"
        return "neutral"  # nothing ran, or only what was broken before, or tests that do not look: no proof
