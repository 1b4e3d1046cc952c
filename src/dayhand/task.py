"""The nouns of a task: the request, its state, and its outcome. See also ``verification`` and ``usage``."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import field
from enum import StrEnum

from dayhand.startup.records import dataclass
from dayhand.usage import AskedLimits, LimitHit, Switch, Usage
from dayhand.verification import Concern, Run, Verification

NOT_ALLOWED = "the host is not allowed"  # the reason for hosts that ``.dayhand.toml`` can allow


class TaskKind(StrEnum):
    """A change, an answer with proof (which may end in a change as well), an accepted change, or an examination."""

    FIX = "fix"
    FOLLOW_UP = "follow_up"
    QUESTION = "question"  # an answer with proof, and no change
    ACCEPT = "accept"  # push the files that were held back, which a person accepted
    PLAN = "plan"  # what would be changed; the work starts once a person approves it
    UNCLEAR = "unclear"  # the model decides first which of these is wanted
    ENVIRONMENT = "environment"  # find out what can be installed and run; change nothing


class State(StrEnum):
    """The state of a task; ``ledger/states.py`` lists the legal transitions."""

    QUEUED = "queued"
    RUNNING = "running"
    PROPOSED = "proposed"  # a pull request is open and ready for a person
    ANSWERED = "answered"  # no change was needed; the person has an answer
    FAILED = "failed"  # the person has the reason and knows what to do
    STOPPED = "stopped"  # a person stopped it


class Stage(StrEnum):
    """The stages of the journey, in order."""

    UNDERSTAND = "understand"  # only for an unclear request
    FETCH = "fetch"
    OPEN = "open"
    PREPARE = "prepare"
    SOLVE = "solve"
    TAKE = "take"
    CHECK = "check"
    PUBLISH = "publish"


STAGE_TITLES: dict[str, str] = {  # what people read, on GitHub and on the task's page
    Stage.UNDERSTAND: "Reading what is wanted",
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
    """One request by one person, as it was when it arrived."""

    kind: TaskKind
    text: str  # what follows the mention; for a label: the text of the issue
    asker: str  # a login
    comment: int | None = None  # the id of the comment with the request; None for a label
    accepts: str = ""  # for ACCEPT: the task whose files were held back
    max_dollars: float = 0.0  # that the person allows; 0: the other limits alone
    max_minutes: float = 0.0
    on_pull: bool = False  # whether it was written on a pull request
    base: str = ""  # the branch to start from and to go to; "": the repository's choice
    review: int | None = None  # the id of the review that asks
    approved: bool = False  # whether it carries out a plan that a person approved
    publishes: str = ""  # the task whose checked change could not be published, and is now

    @property
    def limits(self) -> AskedLimits:
        """What the person allows; a person may change it while the task runs (the fact ``asked_limits``)."""
        return AskedLimits(self.max_dollars, self.max_minutes)


@dataclass(frozen=True, slots=True)
class Task:
    """One request as the ledger stores it: all that any worker needs to run its journey."""

    id: str  # letters, digits and dashes only: it is part of job ids, branch names and addresses
    repository: str  # "owner/name", or a path for a local run
    installation: int  # the App installation whose token reaches the repository; 0 for a local run
    number: int  # of the issue or pull request; 0 for a local run, or if no person asked
    title: str
    body: str
    ask: Ask
    default_branch: str  # "" if the delivery did not name it: the worker asks GitHub
    created_at: float  # seconds since the epoch
    clone_url: str = ""  # "" if the delivery did not name it

    @property
    def branch(self) -> str:
        """The branch that this task's work is pushed to: ``dayhand/<number>-<slug>``."""
        return f"dayhand/{self.number}-{slug(self.title)}" if self.number else f"dayhand/{self.id}"

    @property
    def changes_nothing(self) -> bool:
        """Whether it asks for words only."""
        return self.ask.kind in (TaskKind.QUESTION, TaskKind.PLAN)

    @property
    def drafted_first(self) -> bool:
        """Whether a draft pull request is opened before the work: for a fix on GitHub. A question may need no change."""
        return self.ask.kind is TaskKind.FIX and self.number > 0


@dataclass(frozen=True, slots=True)
class Citation:
    """A line that the model cites as proof."""

    path: str
    line: int  # from 1
    quote: str = ""  # what the model says that the line contains


@dataclass(frozen=True, slots=True)
class Proof:
    """A citation that the worker looked up: ``found`` is the worker's own finding, not the model's claim."""

    citation: Citation
    found: bool
    text: str  # the actual content of the line, or why there is none
    commit: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """A host that a command was not allowed to reach."""

    host: str
    port: int
    reason: str
    command: str = ""  # the set-up command, on one line; "" in records of older versions

    @property
    def allowable(self) -> bool:
        """Whether ``.dayhand.toml`` can allow it: other ports and private addresses stay blocked."""
        return self.reason == NOT_ALLOWED


@dataclass(frozen=True, slots=True)
class Solution:
    """What the model says it did: shown to people, but never a proof."""

    title: str
    summary: str  # Markdown by the model: render it through publish, never raw
    questions: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()
    usage: Usage = field(default_factory=Usage)
    switches: tuple[Switch, ...] = ()
    limit_hit: LimitHit | None = None  # the limit that made the model finish early


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file, or a folder (with a slash at its end), that is in the box but not in the change."""

    path: str
    reason: str  # half a sentence
    files: int = 1
    patch: str = ""  # of a submodule: what changed in it


@dataclass(frozen=True, slots=True)
class HeldBack:
    """The part of a change that is not pushed before a person accepts it: CI or developers' machines would execute it."""

    base: str  # the commit that the whole change starts from
    tree: str  # the pushed tree with ``files``
    pack: str  # in base64: the objects of that tree that the pushed one does not have
    files: tuple[Concern, ...]  # pushed once they are accepted
    patch: str  # of these, for people
    by_hand: tuple[Concern, ...] = ()  # workflow files: GitHub lets only people push them
    by_hand_patch: str = ""
    head: str = ""  # of the pull request without them, for which they are accepted; "" before it is known

    @property
    def all_files(self) -> tuple[Concern, ...]:
        return (*self.files, *self.by_hand)


@dataclass(frozen=True, slots=True)
class Change:
    """The part of a tree from the sandbox that is pushed: it was imported strictly and passed the policy."""

    base: str  # commit
    tree: str
    paths: tuple[str, ...]  # none if everything is held back
    patch: str  # a unified diff for people, cut to a megabyte
    binaries: tuple[str, ...] = ()  # the large binary files among the paths
    held_back: HeldBack | None = None
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Sibling:
    """A pull request of ours in the same repository, as it was pushed last."""

    pull: int
    head: str  # commit
    number: int  # where it was asked for
    asker: str  # a login
    base: str  # the branch that it goes to


@dataclass(frozen=True, slots=True)
class Conflict:
    """A sibling that cannot be merged together with a change."""

    sibling: Sibling
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckedChange:
    """A change that the model made, and the worker's verification of it. It is kept before it is published."""

    solution: Solution
    change: Change
    head: str  # the commit that contains the change; "" if everything is held back
    verification: Verification
    blocked: tuple[Blocked, ...] = ()  # hosts that set-up tried to reach and was refused


@dataclass(frozen=True, slots=True)
class Proposed:
    """A pull request, or for a local run a branch, contains the change."""

    url: str
    head: str  # commit
    verification: Verification
    solution: Solution
    proofs: tuple[Proof, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """No change was needed: the answer, with its citations looked up."""

    solution: Solution
    proofs: tuple[Proof, ...] = ()


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One step of set-up."""

    title: str  # "install with npm ci"
    command: str  # the one that passed, or the last that was tried
    passed: bool
    seconds: float
    reason: str = (
        ""  # of a failure: what the installer printed; of a fallback that passed: what failed before it
    )


@dataclass(frozen=True, slots=True)
class ExaminedCheck:
    """One declared check, run once on the commit."""

    kind: str  # "lint", "types" or "test"
    command: str
    source: str  # where the command was found
    run: Run | None  # None if it was not even started
    missing: str = ""  # if the environment cannot run it: what is missing
    cure: str = ""  # the line or the action that would provide it, if that is known
    note: str = ""  # of a check that can run: which of its tests cannot, and why

    @property
    def can_run(self) -> bool:
        """Whether it was started, and a test of it can run."""
        return self.run is not None and not self.missing


@dataclass(frozen=True, slots=True)
class Examined:
    """What the environment doctor found out about one commit; nothing was changed."""

    commit: str
    toolchains: tuple[str, ...]  # the ecosystems that were recognised
    steps: tuple[SetupStep, ...]
    checks: tuple[ExaminedCheck, ...]
    blocked: tuple[Blocked, ...]  # hosts that set-up could not reach
    pins: tuple[str, ...]  # sentences about pinned versions that are not installed
    known: bool  # whether the environment was already set up
    seconds: float  # until it was ready
    ci: tuple[str, ...] = ()  # sentences about what runs here otherwise than in CI

    @property
    def ready(self) -> bool:
        """Whether everything was installed and every declared check can run, whether or not it passes."""
        return all(step.passed for step in self.steps) and all(one.can_run for one in self.checks)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A task that failed or was stopped."""

    usage: Usage  # what the model cost until then


Outcome = Proposed | Answered | Examined  # what a journey ends with
Ending = Outcome | Unfinished  # what the ledger keeps of a task that is over


def slug(text: str) -> str:
    """Turn a title into up to 40 characters of ``a-z0-9-``; never empty.

    >>> slug("Search results: wrong order!")
    'search-results-wrong-order'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return words[:40].rstrip("-") or "task"
