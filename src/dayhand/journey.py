"""A task's whole life, stage by stage: START READING HERE.

``worker/job.py`` claims a task and calls ``travel`` with the ``Tools`` that ``wiring.py`` chose. A first fix and a
follow-up, on GitHub or on a local repository, follow the same path.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from dayhand.agent.briefing import brief
from dayhand.agent.loop import send_back, solve
from dayhand.agent.purpose import purpose
from dayhand.agent.tools.executor import CommandContext
from dayhand.agent.understand import is_unclear, undecided, understand
from dayhand.background import Background
from dayhand.checkout.policy.sort_change import BRIEFING as POLICY
from dayhand.checkout.proposal_branch import PROPOSAL_BRANCH, propose_file
from dayhand.checkout.repository import Base, Taken
from dayhand.checkout.unfinished_work import UnfinishedWork
from dayhand.environment.base import Environment
from dayhand.environment.declared.dayhand_toml import NAME
from dayhand.environment.declared.improvement import Improvement
from dayhand.environment.prepare import prepare
from dayhand.errors import BranchMoved, ModelError
from dayhand.journey_tools import (
    NoChange,
    Tools,
    cancelled_by,
    check_out_once,
    keep_change,
    note_taken,
    publish_change,
    restore_change,
)
from dayhand.ledger.log import TaskLog
from dayhand.publish.set_up_proposal import propose_set_up
from dayhand.publish.wording.environment import unavailable
from dayhand.sandbox.base import Box
from dayhand.startup.records import dataclass
from dayhand.task import (
    Answered,
    Change,
    CheckedChange,
    Examined,
    Outcome,
    Proposed,
    Solution,
    Stage,
    Task,
    TaskKind,
)
from dayhand.task_deadline import WORK_SECONDS, Deadline
from dayhand.verification import Verification
from dayhand.verify.checks import find_early_failure, verify
from dayhand.verify.citations import look_up_citations
from dayhand.verify.examination import ImprovementSearch, examine
from dayhand.verify.feedback import MAX_ROUNDS, feedback
from dayhand.verify.integrity.side_effects import find_side_effects
from dayhand.verify.scope.size import add_unexpected, measure, request_and_summary
from dayhand.verify.trees import Trees

ACCEPTED_FILES = "Add the files that were held back"  # the subject of their commit


def travel(task: Task, tools: Tools, log: TaskLog) -> Outcome:
    """Take one task from its request to its outcome.

    May be called again for the same task after a crash, on any worker: each stage finds what already exists.
    Raises ``DayhandError`` if a stage cannot continue; the caller reports it to the person (``Publication.fail``).
    """
    if is_unclear(task, tools.notes):  # before anything is drafted
        understanding = understand(task, tools.model, journal=tools.journal, log=log, notes=tools.notes)
        if understanding.asks:
            tools.publication.answer(undecided(task), understanding.solution, ())
        if understanding.kind is None:
            return Answered(understanding.solution)
        task = replace(task, ask=replace(task.ask, kind=understanding.kind))
    with Background() as background, log.cancelled_by(background.check):
        tools = cancelled_by(log.check, tools)
        with log.stage(Stage.FETCH):
            base = tools.checkout.fetch(task)  # a commit in a bare mirror
        if base.config.plan_first and task.drafted_first and not task.ask.approved:
            task = replace(task, ask=replace(task.ask, kind=TaskKind.PLAN))
        journey = TaskJourney(task, tools, log, background, base)
        if task.ask.kind is TaskKind.ENVIRONMENT:
            return journey.examine()  # changes nothing: what can be installed and run here?
        if kept := tools.journal.checked_change(task.ask.publishes):
            return journey.publish_kept(*kept)  # checked before, but the push failed
        if task.drafted_first:
            journey.open()  # branch, draft pull request, check run: people see that work has begun
        with log.cancelled_by(Deadline(tools.clock, WORK_SECONDS).check):
            environment = journey.prepare()  # toolchain found, installed, snapshot taken
            background.begin(partial(tools.publication.warn, unavailable(environment)))  # in time for people
            accepts = task.ask.kind is TaskKind.ACCEPT
            work = journey.accept(environment) if accepts else journey.work(environment)
        if isinstance(work, NoChange):
            return journey.answer(work)
        return journey.propose(environment, work)


@dataclass(frozen=True, slots=True)
class TaskJourney:
    """The stages of one task, each of which may run again."""

    task: Task
    tools: Tools
    log: TaskLog
    background: Background  # opens the draft on GitHub while the sandbox is prepared and the model begins
    base: Base

    @property
    def unfinished(self) -> UnfinishedWork:
        return UnfinishedWork(self.task, self.tools.checkout, self.log)

    def open(self) -> None:
        """Begin to open the draft in the background; later reports to GitHub wait for it."""
        with self.log.stage(Stage.OPEN, in_background=True):
            self.background.begin(self._open)

    def _open(self) -> None:
        checkout = self.tools.checkout.cancelled_by(self.log.check_stop)
        self.tools.publication.announce(self.task)
        # A pull request of ours that is open already gets one more commit.
        start = self.base.commit if checkout.branches.own else checkout.begin(self.task, self.base)
        self.tools.publication.open(self.task, start)
        self.log.ended(Stage.OPEN)

    def prepare(self) -> Environment:
        allow = self.base.config.allow + self.tools.notes.allowed_hosts()
        with self.log.stage(Stage.PREPARE):
            environment = prepare(
                self.base.files,
                self.tools.sandbox,
                self._fill_base,
                log=self.log,
                source=self.base.source,
                config=replace(self.base.config, allow=allow),
                extra=self.tools.registries,
            )
            self.tools.notes.keep_blocked(environment.blocked)
            for problem in (absent := self.base.external.absent).values():
                self.log.line("say", problem)
            return check_out_once(replace(environment, absent=absent), self.tools, self.base, log=self.log)

    def examine(self) -> Examined:
        """Set the repository up, run every check once, and report what is missing."""
        tools, commit = self.tools, self.base.commit
        tools.publication.start_examination(commit)
        environment = self.prepare()
        with self.log.stage(Stage.CHECK):
            examined = examine(
                environment, tools.sandbox, self._fill_base, log=self.log, commit=commit, bases=tools.bases
            )
            search = ImprovementSearch(
                files=self.base.files,
                sandbox=tools.sandbox,
                fill=self._fill_base,
                source=self.base.source,
                log=self.log,
                registries=tools.registries,
            )
            improvement = search.run(environment, examined)
        with self.log.stage(Stage.PUBLISH):
            proposal_url = self._propose(improvement) if improvement else ""
            tools.publication.report_examination(self.task, examined, proposal_url)
        return examined

    def _propose(self, improvement: Improvement) -> str:
        tools, base = self.tools, self.base
        return propose_set_up(
            tools.publication,
            improvement,
            PROPOSAL_BRANCH,
            base=base.branch,
            push=lambda text: propose_file(tools.checkout, base, NAME, text=text, when=self.task.created_at),
            log=self.log,
        )

    def work(self, environment: Environment) -> CheckedChange | NoChange:
        """Let the model work until its change is checked; new failures go back to it, a limited number of times.

        If the model cannot continue, its last change stays as it is.
        """
        work = self._round(environment, keep=True)
        while isinstance(work, CheckedChange) and self._send_back(work):
            try:
                next_work = self._round(environment, keep=False)
            except ModelError as error:
                self.log.line("error", f"The new failures stay: {error}")
                break
            if isinstance(next_work, CheckedChange) and next_work.change.tree == work.change.tree:
                early = work.verification.early  # else its failures stay, also where it passes now by chance
                work = next_work if early else replace(next_work, verification=work.verification)
                break
            work = next_work
        if isinstance(work, CheckedChange) and work.verification.early:  # then not every check has run
            return self.check(environment, work.solution, work.change)
        return work

    def accept(self, environment: Environment) -> CheckedChange:
        """Check the change with the files that were held back; a person has decided about everything but the results."""
        with self.log.stage(Stage.TAKE):
            change = self.tools.checkout.take_accepted()
        work = self.check(environment, Solution(ACCEPTED_FILES, ""), change)
        return replace(work, verification=work.verification.accepted)

    def _round(self, environment: Environment, *, keep: bool) -> CheckedChange | NoChange:
        solution, taken = self.solve(environment, keep=keep)
        if taken.change:
            return self.check(environment, solution, taken.change, early=True)
        return NoChange(solution, taken)

    def _send_back(self, work: CheckedChange) -> bool:
        """Send new failures back to the model, unless a limit stopped it or it had its rounds."""
        limit_hit, failures = work.solution.limit_hit, feedback(work.verification)
        stopped = limit_hit is not None and limit_hit.exceeded
        if not failures or stopped or not send_back(self.tools.journal, failures, MAX_ROUNDS):
            return False
        self.log.line("say", "There are new failures: they go back to the model.")
        return True

    def solve(self, environment: Environment, *, keep: bool) -> tuple[Solution, Taken]:
        """Let the model work, then take the work tree out of the box, strictly and under the policy.

        ``keep``: if the model cannot continue, push what it changed so far.
        """
        tools = self.tools
        with (
            tools.sandbox.open(origin=environment.origin, hosts=environment.hosts) as box,
            self.unfinished.kept_if_ended(lambda: self._take(box).change),
        ):
            with self.log.stage(Stage.SOLVE):
                self._fill_base(box)
                try:
                    solution = solve(
                        self.task,
                        box,
                        tools.model,
                        briefing=brief(
                            environment,
                            self.base.instructions,
                            paths=self.base.files.tracked,
                            since=self.base.since,
                            policy=POLICY,
                        ),
                        snapshot=tools.snapshot,
                        journal=tools.journal,
                        log=self.log,
                        context=CommandContext(environment.env, environment.quick_launcher),
                        limits=replace(
                            tools.work_limits.of(self.base.config, self.task.ask, tools.clock),
                            find_offences=lambda: tools.checkout.find_offences(
                                box, self.base, purpose(tools.journal)
                            ),
                        ),
                    )
                except ModelError:
                    if keep:
                        self.unfinished.keep(lambda: self._take(box).change)
                    raise
                self.background.wait(self.log.check)
            with self.log.stage(Stage.TAKE):
                return solution, self._take(box)

    def _take(self, box: Box) -> Taken:
        if self.task.changes_nothing:
            return Taken(None, ())
        self.background.settle(self.log.check)  # the draft must be open before a change is pushed to it
        taken = self.tools.checkout.take(box, self.base, purpose(self.tools.journal))
        note_taken(taken, self.tools, self.log)
        return taken

    def answer(self, work: NoChange) -> Answered:
        """Nothing changed: publish the summary, with every citation looked up."""
        solution = work.solution
        with self.log.stage(Stage.PUBLISH):
            proofs = look_up_citations(solution.citations, self.base.files, self.base.commit)
            if self.task.ask.kind is TaskKind.PLAN:
                self.tools.notes.keep_plan(solution.summary)
            self.tools.publication.answer(self.task, solution, proofs, left_out=work.taken.left_out)
        return Answered(solution, proofs)

    def check(
        self, environment: Environment, solution: Solution, change: Change, *, early: bool = False
    ) -> CheckedChange:
        """Make the commit that will be pushed, and check exactly that.

        ``early``: stop at a new failure of the tests nearest to the change, since it goes back to the model.
        """
        checkout, sandbox = self.tools.checkout, self.tools.sandbox
        before, paths = self.base.files, change.paths
        held_back = change.held_back.all_files if change.held_back else ()
        if not paths:  # everything is held back
            return CheckedChange(solution, change, "", Verification(change.tree, held_back=held_back))
        head = checkout.commit(self.task, change, solution)
        after = before.at(head)
        trees = Trees(
            head=partial(checkout.fill, commit=head, base=self.base),
            base=self._fill_base,
            base_commit=self.base.commit,
            before=before,
            after=after,
            paths=paths,
            tree=change.tree,
        )
        with self.unfinished.kept_if_ended(lambda: change), self.log.stage(Stage.CHECK):
            if early and (failure := find_early_failure(environment, sandbox, trees, log=self.log)):
                verification = Verification(change.tree, (failure,), held_back=held_back, early=True)
                return CheckedChange(solution, change, head, verification)
            side_effects = find_side_effects(before, after, paths, binaries=change.binaries)
            for effect in side_effects:
                self.log.line("result", f"{effect.kind}: {effect.path}: {effect.detail}")
            verified = verify(environment, sandbox, trees, log=self.log, bases=self.tools.bases)
        text = request_and_summary(self.task, solution)
        lines, own_limits = checkout.mirror.lines(self.base.commit, change.tree), self.base.config.limits
        size = measure(lines, own_limits, self.tools.size_limits)
        scope = add_unexpected(size, change, text, before=before, after=after)
        judged = replace(verified, scope=scope, side_effects=side_effects)
        verification = replace(judged, held_back=held_back, limit_hit=solution.limit_hit)
        return CheckedChange(solution, change, head, verification)

    def propose(self, environment: Environment, work: CheckedChange, tries: int = 3) -> Proposed:
        """Keep the checked change, then push the commit and publish the result on the pull request."""
        work = replace(work, blocked=environment.blocked)
        keep_change(self.tools, work)
        return self.publish(work, tries)

    def publish_kept(self, work: CheckedChange, pack: bytes) -> Proposed:
        """Publish a change that is kept: no turn is taken, and nothing is checked again."""
        restore_change(self.task, self.tools, work=work, pack=pack)
        return self.publish(work)

    def publish(self, work: CheckedChange, tries: int = 3) -> Proposed:
        """Push and publish. If a person pushed to the pull request meanwhile, the change goes on top, and is checked again."""
        try:
            with self.log.stage(Stage.PUBLISH):
                return publish_change(self.task, self.tools, self.base, work=work, unfinished=self.unfinished)
        except BranchMoved as moved:
            if not (rebased := self.tools.checkout.rebase(self.task, work) if tries else None):
                raise self.tools.checkout.keep_beside(self.task, work.head) from moved
            self.log.line("say", f"{moved} My change goes on top of that, and is checked again.")
        again, change = replace(self, base=rebased[0]), rebased[1]
        environment = again.prepare()
        return again.propose(environment, again.check(environment, work.solution, change), tries - 1)

    def _fill_base(self, box: Box) -> None:
        self.tools.checkout.fill(box, self.base.commit, self.base)
