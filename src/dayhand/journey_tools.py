"""What a journey needs, chosen once in ``wiring.py``, and what its work ends with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import field, replace

from dayhand.agent.guard import WorkLimits
from dayhand.agent.model.base import Model
from dayhand.checkout.base_tree import base_tree
from dayhand.checkout.bundles import make_pack
from dayhand.checkout.repository import Base, Checkout, Taken
from dayhand.checkout.tree_diff import conflicting_paths
from dayhand.checkout.unfinished_work import UnfinishedWork
from dayhand.environment.base import Environment
from dayhand.environment.registries.base import ExtraRegistries
from dayhand.environment.setup.large_checkout import with_base_tree
from dayhand.errors import CheckoutError
from dayhand.ledger import facts
from dayhand.ledger.journal import Journal
from dayhand.ledger.log import TaskLog
from dayhand.ledger.repository_notes import RepositoryNotes
from dayhand.ledger.telemetry.audit import Action
from dayhand.publish.base import ProposedChange, Publication
from dayhand.reading.conversation import Conversation
from dayhand.sandbox.base import Sandbox
from dayhand.sandbox.cancellable import Cancellable
from dayhand.startup.records import dataclass
from dayhand.task import CheckedChange, Conflict, Proposed, Sibling, Solution, Task
from dayhand.verification import Scope
from dayhand.verify.base_cache import BaseCache
from dayhand.verify.citations import look_up_citations
from dayhand.verify.claims import strike_false_claims


@dataclass(frozen=True, slots=True)
class Tools:
    """The parts of Dayhand that a journey uses."""

    checkout: Checkout
    sandbox: Sandbox
    model: Model
    publication: Publication
    journal: Journal  # with checkpoints: another worker continues there if this one is killed
    bases: BaseCache  # results of checks on base commits
    notes: RepositoryNotes  # what is kept about the repository for later tasks
    size_limits: Scope  # the operator's; a repository may set its own
    snapshot: Conversation = field(default_factory=Conversation)  # what people wrote before the request
    work_limits: WorkLimits = field(default_factory=WorkLimits)  # of the model; a repository may lower them
    registries: ExtraRegistries = field(default_factory=ExtraRegistries)  # the operator's own
    clock: Callable[[], float] = time.monotonic  # for durations: the wall clock may jump
    now: Callable[[], float] = time.time  # in seconds since the epoch


@dataclass(frozen=True, slots=True)
class NoChange:
    """What the model says where it changed nothing that can be part of a change."""

    solution: Solution
    taken: Taken


def check_out_once(environment: Environment, tools: Tools, base: Base, *, log: TaskLog) -> Environment:
    """The environment with the base commit checked out, if the repository is large."""
    if not tools.checkout.is_large(base):
        return environment
    return with_base_tree(environment, tools.sandbox, base_tree(tools.checkout, base), log=log)


def cancelled_by(check: Callable[[], None], tools: Tools) -> Tools:
    """The same tools; ``check`` may end what a sandbox or git is doing by raising an error."""
    sandbox = Cancellable(tools.sandbox, check, opened=tools.journal.count_sandbox)
    return replace(tools, sandbox=sandbox, checkout=tools.checkout.cancelled_by(check))


def note_taken(taken: Taken, tools: Tools, log: TaskLog) -> None:
    """Log and audit what left a sandbox, and what of it is not pushed."""
    change = taken.change
    held_back = change.held_back.all_files if change and change.held_back else ()
    for left in taken.left_out:
        log.line("result", f"left out: {left.path}: {left.reason}")
        if left.patch:
            log.line("output", left.patch)
    for held in held_back:
        log.line("result", f"held back: {held.path}: {held.kind}")
    tools.journal.audit(
        Action.TAKEN,
        tree=change.tree if change else "",
        files=len(change.paths) if change else 0,
        held_back=len(held_back),
        left_out=len(taken.left_out),
    )


def keep_change(tools: Tools, work: CheckedChange) -> None:
    """Keep a checked change in the ledger before it is pushed: its patch for people, and all of it for another worker."""
    tools.checkout.facts.put(facts.PATCH, work.change.patch)
    pack = make_pack(tools.checkout.mirror.git, work.head, work.change.base) if work.head else b""
    if pack or not work.head:
        tools.journal.keep_checked_change(work, pack)


def restore_change(task: Task, tools: Tools, *, work: CheckedChange, pack: bytes) -> None:
    """Put the commit of a change that is kept into this machine's mirror. Raises ``CheckoutError``.

    The change of an earlier task is kept as this one's own, for its page and for a later attempt.
    """
    if work.head and not tools.checkout.mirror.has(work.head):
        with tools.checkout.mirror.receive(pack):
            pass
    if task.ask.publishes:
        keep_change(tools, work)


@dataclass(frozen=True, slots=True)
class Siblings:
    """The repository's other pull requests of ours. ``branch``: that the task started from."""

    tools: Tools
    branch: str

    def find_conflicts(self, head: str) -> tuple[Conflict, ...]:
        """Those that cannot be merged together with a commit. One that cannot be fetched any more is left out."""
        own, base = self._pull(), self._base()
        others = [one for one in self.tools.notes.siblings() if one.pull != own and one.base == base]
        compared = ((one, self._conflicting(head, one.head)) for one in others)
        return tuple(Conflict(one, paths) for one, paths in compared if paths)

    def keep(self, task: Task, head: str) -> None:
        if pull := self._pull():
            self.tools.notes.keep_sibling(Sibling(pull, head, task.number, task.ask.asker, self._base()))

    def _conflicting(self, head: str, other: str) -> tuple[str, ...]:
        checkout = self.tools.checkout
        try:
            if not checkout.mirror.has(other):
                checkout.mirror.fetch_commit(other, checkout.token())
            with checkout.mirror.inspect(b"") as scratch:
                return conflicting_paths(scratch.git, head, other)
        except CheckoutError:
            return ()

    def _pull(self) -> int:
        return self.tools.checkout.facts.get(facts.PULL) or 0

    def _base(self) -> str:
        """The branch that the task's pull request goes to: a follow-up starts from the pull request's own branch."""
        earlier = {sibling.pull: sibling.base for sibling in self.tools.notes.siblings()}
        return earlier.get(self._pull(), self.branch)


def publish_change(
    task: Task, tools: Tools, base: Base, *, work: CheckedChange, unfinished: UnfinishedWork
) -> Proposed:
    """Push the commit and publish the result on the pull request. Raises ``BranchMoved``."""
    if work.head:
        tools.checkout.check_base(base, work.change)
    head = work.head or tools.checkout.stay(task, base)
    tools.checkout.hold_back(work.change, head)
    pushes = bool(work.head)
    branch = unfinished.push_finished(head) if pushes else tools.checkout.branch(task)
    siblings = Siblings(tools, base.branch) if pushes and task.number else None
    proofs = look_up_citations(work.solution.citations, base.files.at(head), head)
    summary = strike_false_claims(work.solution.summary, work.verification)
    solution = replace(work.solution, summary=summary)
    proposal = ProposedChange(
        change=work.change,
        head=head,
        branch=branch,
        solution=solution,
        verification=work.verification,
        blocked=work.blocked,
        proofs=proofs,
        instructions=base.instructions.files,
        minutes=max(0.0, tools.now() - task.created_at) / 60,
        conflicts=siblings.find_conflicts(head) if siblings else (),
    )
    url = tools.publication.propose(task, proposal)
    if siblings:
        siblings.keep(task, head)
    return Proposed(url, head, work.verification, solution, proofs)
