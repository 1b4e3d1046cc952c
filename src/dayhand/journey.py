"""A task's whole life, stage by stage: START READING HERE.

``worker/job.py`` claims a task and calls ``travel``; ``wiring.py`` chose the ``Tools``. A first fix and a follow-up,
on GitHub or on a local repository, take this one road.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from dayhand.agent.briefing import brief
from dayhand.agent.budget import lowered
from dayhand.agent.guard import WorkLimits
from dayhand.agent.loop import send_back, solve
from dayhand.agent.model.base import Model
from dayhand.background import Background
from dayhand.checkout.mirror import read_files
from dayhand.checkout.proposal_branch import BRANCH, offer
from dayhand.checkout.repository import Base, Checkout
from dayhand.environment.base import Environment
from dayhand.environment.declared.dayhand_toml import NAME
from dayhand.environment.declared.improvement import Improvement
from dayhand.environment.prepare import prepare
from dayhand.environment.registries.base import ExtraRegistries
from dayhand.errors import CheckoutError, HubError, HubUnavailable, ModelError, OutOfTime, SandboxError
from dayhand.ledger.journal import Journal
from dayhand.ledger.log import TaskLog
from dayhand.ledger.queue import WORK_SECONDS
from dayhand.ledger.repository_notes import RepositoryNotes
from dayhand.publish.base import Proposal, Publication
from dayhand.publish.wording.environment import lacking
from dayhand.sandbox.base import Box, Sandbox
from dayhand.sandbox.cancellable import Cancellable
from dayhand.task import Answered, Change, Examined, Outcome, Proposed, Solution, Stage, Task, TaskKind
from dayhand.task_deadline import Deadline
from dayhand.verification import Scope, Verification
from dayhand.verify.base_cache import BaseCache
from dayhand.verify.checks import look_early, verify
from dayhand.verify.citations import prove
from dayhand.verify.claims import strike_false_claims
from dayhand.verify.examination import examine
from dayhand.verify.feedback import ROUNDS, feedback
from dayhand.verify.improvement import ExaminationTarget, find_better
from dayhand.verify.integrity.inspect import inspect
from dayhand.verify.integrity.new_tests import find_new
from dayhand.verify.integrity.side_effects import look_beyond
from dayhand.verify.scope.size import measure, survey, words_of
from dayhand.verify.trees import Trees


@dataclass(frozen=True, slots=True)
class Tools:
    """What a journey needs, chosen once in ``wiring.py``."""

    checkout: Checkout
    sandbox: Sandbox
    model: Model
    publication: Publication
    memory: Journal  # this task's journal and checkpoints: where a killed worker's successor goes on
    bases: BaseCache  # what checks said of base commits
    notes: RepositoryNotes  # what is kept about the repository
    allowed: Scope  # the operator's limits; a repository's own come first
    bounds: WorkLimits = field(default_factory=WorkLimits)  # of the model's work; a repository may lower them
    registries: ExtraRegistries = field(default_factory=ExtraRegistries)  # the operator's own
    clock: Callable[[], float] = time.time


def travel(task: Task, tools: Tools, log: TaskLog) -> Outcome:
    """Take one task from its ask to its outcome.

    May be called again for the same task after a crash, on any worker: each stage finds what is already there.
    Raises ``DayhandError`` where a stage cannot go on; the caller tells the person (``Publication.fail``).
    """
    with Background() as meanwhile, log.cancelled_by(meanwhile.check):
        trip = TaskJourney(
            task, replace(tools, sandbox=Cancellable(tools.sandbox, log.check)), log, meanwhile
        )
        base = trip.fetch()  # a commit in a bare mirror
        if task.ask.kind is TaskKind.ENVIRONMENT:
            return trip.examine(base)  # nothing is to change: what can be installed and run here?
        if task.drafted_first:
            trip.open(base)  # branch, draft pull request, check run: people see that it is under way
        with log.cancelled_by(Deadline(tools.clock, WORK_SECONDS).check):
            place = trip.prepare(base)  # toolchain found, installed, snapshot taken
            trip.warn(place)  # what cannot run here is said first
            work = trip.work(base, place)  # the agent's turns in a box, then the repository's own checks
        if isinstance(work, Solution):  # nothing changed
            return trip.answer(base, work)
        return trip.propose(place, work)


@dataclass(frozen=True, slots=True)
class Finished:
    """What the model did, and what the worker found of it."""

    solution: Solution
    change: Change
    head: str  # the commit that holds the change
    verification: Verification


@dataclass(frozen=True, slots=True)
class TaskJourney:
    """One travelling task: the stages, each written so that it may run again."""

    task: Task
    tools: Tools
    log: TaskLog
    meanwhile: (
        Background  # GitHub is told of the beginning while the sandbox is made ready and the model begins
    )

    def fetch(self) -> Base:
        with self.log.stage(Stage.FETCH):
            return self.tools.checkout.fetch(self.task)

    def open(self, base: Base) -> None:
        """Begin to open; whatever else is to be told on GitHub waits for that."""
        with self.log.stage(Stage.OPEN):
            self.meanwhile.begin(partial(self._open, base))

    def _open(self, base: Base) -> None:
        start = self.tools.checkout.begin(self.task, base)
        self.tools.publication.open(self.task, start)
        self.log.ended(Stage.OPEN)

    def warn(self, place: Environment) -> None:
        self.meanwhile.begin(partial(self.tools.publication.warn, lacking(place)))

    def prepare(self, base: Base) -> Environment:
        with self.log.stage(Stage.PREPARE):
            fill = partial(self._fill, base=base)
            files, scope = base.files, self.task.repository
            tools = self.tools
            place = prepare(
                files,
                tools.sandbox,
                fill,
                log=self.log,
                scope=scope,
                config=base.config,
                extra=tools.registries,
            )
            tools.notes.keep_blocked(place.blocked)
            return place

    def examine(self, base: Base) -> Examined:
        """Set the repository up, run every check once, and tell what lacks."""
        tools = self.tools
        tools.publication.begin_examination(base.commit)
        place = self.prepare(base)
        with self.log.stage(Stage.CHECK):
            fill = partial(self._fill, base=base)
            found = examine(place, tools.sandbox, fill, log=self.log, commit=base.commit, bases=tools.bases)
            where = ExaminationTarget(base.files, tools.sandbox, fill, self.task.repository, tools.registries)
            better = find_better(where, place, found, log=self.log)
        with self.log.stage(Stage.PUBLISH):
            offered = self._offer(base, better) if better else ""
            tools.publication.examined(self.task, found, offered)
        return found

    def _offer(self, base: Base, better: Improvement) -> str:
        """Propose a set-up that was tried and did better, once; the pull request's address, "" for none."""
        tools, text = self.tools, better.suggestion.text
        try:
            if tools.publication.declined(better, BRANCH):
                self.log.line("say", "The same was proposed before, and a person decided.")
                return ""
            if not offer(tools.checkout, base, NAME, text=text, when=self.task.created_at):
                self.log.line("say", f"Somebody works on {BRANCH}, so nothing is pushed there.")
                return ""
            return tools.publication.offer(better, BRANCH, base.branch)
        except HubUnavailable:
            raise
        except (CheckoutError, HubError) as error:  # what was found is worth telling without it
            self.log.line("error", f"It could not be proposed: {error}")
            return ""

    def work(self, base: Base, place: Environment) -> Finished | Solution:
        """Let the model work until its change is checked; new failures go back to it, a few times.

        Only a solution where nothing changed. Where the model cannot go on, what it did before stands as it is.
        """
        work = self._round(base, place, keep=True)
        while isinstance(work, Finished) and self._send_back(work):
            try:
                again = self._round(base, place, keep=False)
            except ModelError as error:
                self.log.line("error", f"The new failures stay: {error}")
                break
            same = isinstance(again, Finished) and again.change.tree == work.change.tree
            work = again
            if same:
                break
        return self._checked(base, place, work)

    def _checked(self, base: Base, place: Environment, work: Finished | Solution) -> Finished | Solution:
        """The same with the whole of the checks run: what was found early is no verdict."""
        if isinstance(work, Solution) or not work.verification.early:
            return work
        head, verification = self.check(base, place, work.solution, change=work.change)
        return replace(work, head=head, verification=verification)

    def _round(self, base: Base, place: Environment, *, keep: bool) -> Finished | Solution:
        solution, change = self.solve(base, place, keep=keep)
        if change is None:
            return solution
        return Finished(solution, change, *self.check(base, place, solution, change=change, early=True))

    def _send_back(self, work: Finished) -> bool:
        """Let the model mend what fails, but where a limit stopped it."""
        reached, words = work.solution.limit_hit, feedback(work.verification)
        if not words or (reached and reached.exceeded) or not send_back(self.tools.memory, words, ROUNDS):
            return False
        self.log.line("say", "There are new failures: they go back to the model.")
        return True

    def solve(self, base: Base, place: Environment, *, keep: bool) -> tuple[Solution, Change | None]:
        """Let the model work, then take the work tree out, strictly and by the policy.

        ``keep``: where the model cannot go on, push what it did before.
        """
        task, tools = self.task, self.tools
        with tools.sandbox.open(origin=place.snapshot) as box, self._in_safety(lambda: self._take(box, base)):
            with self.log.stage(Stage.SOLVE):
                self._fill(box, base)
                briefing = brief(place, base.files, since=base.since)
                limits = lowered(tools.bounds.limits, base.config.budget)
                bounds = replace(tools.bounds, limits=limits, clock=tools.clock)
                try:
                    solution = solve(
                        task,
                        box,
                        tools.model,
                        briefing=briefing,
                        memory=tools.memory,
                        log=self.log,
                        env=place.env,
                        bounds=bounds,
                    )
                except ModelError:
                    if keep:
                        self._keep(lambda: self._take(box, base))
                    raise
                self.meanwhile.wait()
            with self.log.stage(Stage.TAKE):
                return solution, self._take(box, base)

    def _take(self, box: Box, base: Base) -> Change | None:
        self.meanwhile.wait()  # what is taken is put onto the draft
        return self.tools.checkout.take(box, base)

    @contextmanager
    def _in_safety(self, take: Callable[[], Change | None]) -> Iterator[None]:
        """Where time runs out within the block, what is done by then is pushed."""
        try:
            yield
        except OutOfTime:
            self._keep(take)
            raise

    def _keep(self, take: Callable[[], Change | None]) -> None:
        """Push what an unfinished task did so far, unchecked: a person can go on from there."""
        try:
            change = take()
            branch = self.tools.checkout.keep(self.task, change) if change else ""
        except (CheckoutError, SandboxError) as error:
            self.log.line("error", f"What was done so far cannot be kept: {error}")
            return
        if branch:
            self.log.line("say", f"What was done so far is on the branch {branch}, unchecked.")

    def answer(self, base: Base, solution: Solution) -> Answered:
        """Nothing changed: the person gets the account, with every citation looked up."""
        with self.log.stage(Stage.PUBLISH):
            proofs = prove(solution.citations, base.files, base.commit)
            self.tools.publication.answer(self.task, solution, proofs)
        return Answered(solution, proofs)

    def check(
        self, base: Base, place: Environment, solution: Solution, *, change: Change, early: bool = False
    ) -> tuple[str, Verification]:
        """Make the commit that will be pushed, and check exactly that.

        ``early``: where the tests nearest to the change fail anew, that alone is given, since it goes back to the model.
        """
        checkout = self.tools.checkout
        head = checkout.commit(self.task, change, solution)
        files = read_files(checkout.mirror, head)
        trees = Trees(
            head=partial(checkout.fill, commit=head, branch=base.branch),
            base=partial(self._fill, base=base),
            base_commit=base.commit,
            paths=change.paths,
            tests=find_new(base.files, files, change.paths),
        )
        with self._in_safety(lambda: change), self.log.stage(Stage.CHECK):
            sandbox = self.tools.sandbox
            if early and (
                found := look_early(place, sandbox, trees, log=self.log, before=base.files, after=files)
            ):
                return head, Verification(change.tree, (found,), early=True)
            commands = tuple(check.command for check in place.checks)
            concerns = inspect(base.files, files, change.paths, commands=commands)
            beyond = look_beyond(base.files, files, change.paths, binaries=change.binaries)
            for one in (*concerns, *beyond):
                self.log.line("result", f"{one.kind}: {one.path}: {one.detail}")
            findings = verify(place, self.tools.sandbox, trees, log=self.log, bases=self.tools.bases)
        words = words_of(self.task, solution)
        scope = survey(self._measure(base, change), change, words, before=base.files, after=files)
        return head, Verification(change.tree, findings, concerns, scope, beyond, solution.limit_hit)

    def _measure(self, base: Base, change: Change) -> Scope:
        tools, own = self.tools, base.config.limits
        allowed = Scope(
            max_lines=own.get("lines", tools.allowed.max_lines),
            max_files=own.get("files", tools.allowed.max_files),
        )
        return measure(tools.checkout.mirror.lines(base.commit, change.tree), allowed)

    def propose(self, place: Environment, done: Finished) -> Proposed:
        """Push the commit and tell, on the pull request, what was found."""
        tools = self.tools
        with self.log.stage(Stage.PUBLISH):
            tools.checkout.push(self.task, done.head)
            files = read_files(tools.checkout.mirror, done.head)
            proofs = prove(done.solution.citations, files, done.head)
            summary = strike_false_claims(done.solution.summary, done.verification)
            solution = replace(done.solution, summary=summary)
            proposal = Proposal(
                change=done.change,
                head=done.head,
                solution=solution,
                verification=done.verification,
                blocked=place.blocked,
                proofs=proofs,
                minutes=(tools.clock() - self.task.created_at) / 60,
            )
            url = tools.publication.propose(self.task, proposal)
        return Proposed(url, done.head, done.verification, solution, proofs)

    def _fill(self, box: Box, base: Base) -> None:
        self.tools.checkout.fill(box, base.commit, base.branch)
