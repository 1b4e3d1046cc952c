"""The nouns: what is asked, of which repository, how far it is, and what came of it. More: ``verdict``, ``spending``."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum

from dayhand.usage import LimitHit, Switch, Usage
from dayhand.verification import Run, Verification

NOT_ALLOWED = "the host is not allowed"  # why a host is blocked that only has to be named to be reached


class TaskKind(StrEnum):
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
    """The stages of the journey, in order."""

    FETCH = "fetch"
    OPEN = "open"
    PREPARE = "prepare"
    SOLVE = "solve"
    TAKE = "take"
    CHECK = "check"
    PUBLISH = "publish"


STAGE_TITLES: dict[str, str] = {  # what people read, on GitHub and on the task's page
    Stage.FETCH: "Fetching the repository",
    Stage.OPEN: "Opening a draft pull request",
    Stage.PREPARE: "Preparing the environment",
    Stage.SOLVE: "Working on it",
    Stage.TAKE: "Collecting the change",
    Stage.CHECK: "Running the checks",
    Stage.PUBLISH: "Publishing the result",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of one person, in their words, frozen as it stood when it reached us."""

    kind: TaskKind
    text: str  # what follows the mention; for a label: the text of the issue
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
        return self.ask.kind is TaskKind.FIX and self.number > 0


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
class Solution:
    """What the model says it did: an account to show, never a proof."""

    title: str
    summary: str  # Markdown by the model: render it through publish, never raw
    questions: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()
    usage: Usage = field(default_factory=Usage)
    switches: tuple[Switch, ...] = ()
    limit_hit: LimitHit | None = None  # the limit that made the model finish early


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


@dataclass(frozen=True, slots=True)
class Answered:
    """Nothing to change: the answer, with its citations looked up."""

    solution: Solution
    proofs: tuple[Proof, ...] = ()


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One thing that set-up installed, or tried to."""

    title: str  # "install with npm ci"
    command: str  # the one that passed, or the last that was tried
    passed: bool
    seconds: float
    reason: str = (
        ""  # of a failure: what the installer printed; of a fallback that passed: what failed before it
    )


@dataclass(frozen=True, slots=True)
class ExaminedCheck:
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
    steps: tuple[SetupStep, ...]
    checks: tuple[ExaminedCheck, ...]
    blocked: tuple[Blocked, ...]  # hosts that set-up asked for and did not get
    pins: tuple[str, ...]  # sentences about pinned versions that are not there
    known: bool  # whether it was set up before
    seconds: float  # until it was ready

    @property
    def ready(self) -> bool:
        """Whether everything was installed and every declared check can run; it need not pass."""
        return all(step.passed for step in self.steps) and all(one.run for one in self.checks)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A task that failed or was stopped."""

    usage: Usage  # what the model cost until then


Outcome = Proposed | Answered | Examined  # what a journey ends with
Ending = Outcome | Unfinished  # what the ledger keeps of a task that is over


def slug(text: str) -> str:
    """Turn a title into up to 40 characters of ``a-z0-9-``, never empty.

    >>> slug("Search results: wrong order!")
    'search-results-wrong-order'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return words[:40].rstrip("-") or "task"
