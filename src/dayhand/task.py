"""The nouns: what is asked, of which repository, how far it is, and what came of it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

NOT_ALLOWED = "the host is not allowed"  # why a host is blocked that only has to be named to be reached


class Kind(StrEnum):
    """What is wanted: a change, a second look with proof (which may end in a change as well), or an examination."""

    FIX = "fix"
    FOLLOW_UP = "follow_up"
    ENVIRONMENT = "environment"  # what can be installed and run here; nothing is changed


class State(StrEnum):
    """How far a task is; the legal transitions stand in ``ledger/states.py``."""

    QUEUED = "queued"
    RUNNING = "running"
    PROPOSED = "proposed"  # a pull request is open and ready for a person
    ANSWERED = "answered"  # nothing to change; the person has an answer
    FAILED = "failed"  # the person has the reason and what to do
    STOPPED = "stopped"  # a person stopped it


class Stage(StrEnum):
    """The stages of the journey, in order; people see these words."""

    FETCH = "fetch"
    OPEN = "open"
    PREPARE = "prepare"
    SOLVE = "solve"
    TAKE = "take"
    CHECK = "check"
    PUBLISH = "publish"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of one person, in their words, frozen as it stood when it reached us."""

    kind: Kind
    words: str  # what stands after the mention; for a label: the text
    asker: str  # a login
    comment: int | None = None  # the comment that asked, to react to; None for a label


@dataclass(frozen=True, slots=True)
class Task:
    """What the ledger holds of one ask: enough to travel the whole road on any worker."""

    id: str  # letters, digits and dashes only: it is an RQ job id, a branch's part and an address's part
    repository: str  # "owner/name", or a path for a local run
    installation: int  # the App installation whose token reaches the repository; 0 for a local run
    number: int  # the issue or pull request it belongs to; 0 for a local run, or where no person asked
    title: str
    body: str
    ask: Ask
    default_branch: str  # "" where the delivery did not say: the worker asks GitHub
    created_at: float  # seconds since the epoch
    clone_url: str = ""  # as the delivery gave it; "" where it did not

    @property
    def branch(self) -> str:
        """The branch that this task's work is pushed to: ``dayhand/<number>-<slug>``."""
        return f"dayhand/{self.number}-{slug(self.title)}" if self.number else f"dayhand/{self.id}"

    @property
    def drafted_first(self) -> bool:
        """Whether a draft is opened before the work: for a fix on GitHub. A question may need no change."""
        return self.ask.kind is Kind.FIX and self.number > 0


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
    most_lines: int = 0
    most_files: int = 0
    noise: tuple[Noise, ...] = ()
    unspoken: tuple[str, ...] = ()  # changed files that neither the ask nor the account speaks of

    @property
    def too_large(self) -> bool:
        return 0 < self.most_lines < self.lines or 0 < self.most_files < self.files


@dataclass(frozen=True, slots=True)
class Verification:
    """What the repository's own checks say of the exact tree that is pushed."""

    tree: str  # the git tree that was checked
    findings: tuple[Finding, ...] = ()
    concerns: tuple[Concern, ...] = ()
    scope: Scope = Scope()
    reach: tuple[Concern, ...] = ()  # what acts beyond the code that the checks judge
    reached: Reached | None = None  # a limit that the model was told to finish for
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


@dataclass(frozen=True, slots=True)
class Claim:
    """What the account says of a check, ``[tests: 212 passed]``, and where the log bears it."""

    words: str
    line: int  # where the command begins in the task's log


@dataclass(frozen=True, slots=True)
class Citation:
    """A place that the model points to as proof."""

    path: str
    line: int  # from 1
    quote: str = ""  # what it claims to stand there


@dataclass(frozen=True, slots=True)
class Proof:
    """A citation that the worker looked up itself: ``found`` is its own finding, not the model's word."""

    citation: Citation
    found: bool
    text: str  # what really stands at that line, or why nothing does
    commit: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """A host that a command asked for and did not get."""

    host: str
    port: int
    reason: str
    command: str = ""  # the set-up command that asked, on one line; "" where an older version wrote it down

    @property
    def allowable(self) -> bool:
        """Whether a line in ``.dayhand.toml`` would open it: another port or a private address stay shut."""
        return self.reason == NOT_ALLOWED


@dataclass(frozen=True, slots=True)
class Usage:
    """What the model cost; ``dollars`` is None where no price is known: we say so rather than guess."""

    model: str = ""
    turns: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    dollars: float | None = None
    scripted: bool = False  # a scripted model is called scripted wherever a person sees it
    shares: tuple[Usage, ...] = ()  # by model, in the order they worked, where there were several
    seconds: float = 0.0  # of work: replies, commands, and waiting for a server that is busy


class Means(StrEnum):
    """What a model's work uses up."""

    MONEY = "money"
    MINUTES = "minutes"
    TOKENS = "tokens"
    TURNS = "turns"


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of one thing a model's work may use, and the setting that says so."""

    means: Means
    most: float  # dollars, minutes, tokens in and out, or turns
    setting: str

    def words(self, amount: float) -> str:
        """An amount as people read it.

        >>> Limit(Means.MONEY, 1.5, "").words(0.25)
        '$0.25'
        """
        if self.means is Means.MONEY:
            return f"${amount:.{2 if self.most >= 1 else 4}f}"
        told = f"{amount:.1f}".removesuffix(".0") if self.means is Means.MINUTES else f"{amount:,.0f}"
        return f"{told} {self.means.removesuffix('s') if told == '1' else self.means}"


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit because of which the model was told to come to an end, and how much it had used when it did."""

    limit: Limit
    used: float
    over: bool  # it had to stop; False: it came to an end by itself, once it was told that little is left


@dataclass(frozen=True, slots=True)
class Switch:
    """A model that could not go on, and the one that took over."""

    model: str
    successor: str
    why: str


@dataclass(frozen=True, slots=True)
class Solution:
    """What the model says it did: an account to show, never a proof."""

    title: str
    account: str  # Markdown, the model's words: render through publish, never raw
    questions: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()
    usage: Usage = Usage()
    switches: tuple[Switch, ...] = ()
    reached: Reached | None = None  # a limit that it was told to finish for


@dataclass(frozen=True, slots=True)
class Change:
    """A tree that came out of the sandbox, was taken in strictly and passed the policy."""

    base: str  # commit
    tree: str
    paths: tuple[str, ...]
    patch: str  # unified diff, cut at a megabyte, for people
    binaries: tuple[str, ...] = ()  # the large files among the paths that are no text


@dataclass(frozen=True, slots=True)
class Proposed:
    """A pull request (or, for a local run, a branch) holds the change."""

    url: str
    head: str  # commit
    verification: Verification
    solution: Solution
    proofs: tuple[Proof, ...] = ()
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """Nothing to change: the answer, with its citations looked up."""

    solution: Solution
    proofs: tuple[Proof, ...] = ()


@dataclass(frozen=True, slots=True)
class SetUpStep:
    """One thing that set-up installed, or tried to."""

    title: str  # "install with npm ci"
    command: str  # the one that passed, or the last that was tried
    passed: bool
    seconds: float
    why: str = ""  # where it failed: what the installer said; where a fall-back passed: what failed before it


@dataclass(frozen=True, slots=True)
class Checkup:
    """One declared check, run once on the commit as it is."""

    kind: str  # "lint", "types" or "test"
    command: str
    source: str  # where the command was found
    run: Run | None  # None where the environment cannot run it
    missing: str = ""  # then: the thing that is missing, and what would bring it


@dataclass(frozen=True, slots=True)
class Examined:
    """What the environment doctor found of one commit; nothing was changed."""

    commit: str
    toolchains: tuple[str, ...]  # the ecosystems that were recognised
    steps: tuple[SetUpStep, ...]
    checks: tuple[Checkup, ...]
    blocked: tuple[Blocked, ...]  # hosts that set-up asked for and did not get
    pins: tuple[str, ...]  # sentences about pinned versions that are not there
    known: bool  # whether it was set up before
    seconds: float  # until it was ready

    @property
    def ready(self) -> bool:
        """Whether everything was installed and every declared check can run; it need not pass."""
        return all(step.passed for step in self.steps) and all(one.run for one in self.checks)


Outcome = Proposed | Answered | Examined


def slug(text: str) -> str:
    """Turn a title into up to 40 characters of ``a-z0-9-``, never empty.

    >>> slug("Search results: wrong order!")
    'search-results-wrong-order'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return words[:40].rstrip("-") or "task"
