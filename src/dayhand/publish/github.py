"""Publication on GitHub: a pull request, a check run, one comment. Each call finds what exists before it creates more."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from dayhand.environment.declared.improvement import Improvement
from dayhand.errors import BudgetReached, DayhandError, HubError, HubUnavailable, LimitReached, TaskStopped
from dayhand.hub.models import Pull
from dayhand.hub.repository import RepositoryHub
from dayhand.hub.requester import DRAFT
from dayhand.ledger import facts
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.log import LogReader, Note, TaskLog
from dayhand.ledger.repository_notes import RepositoryNotes, last_examination
from dayhand.publish.base import ProposedChange
from dayhand.publish.check_run import CheckRunProgress, failure_conclusion
from dayhand.publish.estimate import estimate
from dayhand.publish.markdown.escape import cap
from dayhand.publish.result import CheckText, ResultOnGitHub, opened_check, remember_check, start_check
from dayhand.publish.siblings import tell_conflicts
from dayhand.publish.task_comment import TaskComment
from dayhand.publish.threads import ReviewThreads
from dayhand.publish.withdrawal import withdraw
from dayhand.publish.wording import (
    check_run,
    comment,
    environment,
    pull_request,
    setup_proposal,
    unfinished,
)
from dayhand.publish.wording.cost import spent_so_far
from dayhand.task import Examined, LeftOut, Proof, Solution, Task, TaskKind
from dayhand.untrusted_text import let_ci_run, redact
from dayhand.usage import Usage

UNREQUESTED = "environment"  # the external id of the one check run on a commit that no person asked for


class GitHubPublication:
    """The publication of one task. The facts in the ledger say what was created already; GitHub says the rest."""

    def __init__(
        self,
        hub: RepositoryHub,
        ledger: Ledger,
        claim: Claim,
        *,
        task: Task,
        task_url: str,
        repository_url: str,
        every: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``every``: the least number of seconds between two updates of the check run."""
        self.hub = hub
        self.ledger = ledger
        self.claim = claim
        self.facts = claim.facts
        self.task = task
        self.task_url, self.repository_url = task_url, repository_url
        self._threads = ReviewThreads(hub, ledger, task)
        self._comment = TaskComment(
            lambda: self.hub,
            self.facts,
            task,
            task_url,
            lambda text: TaskLog(ledger, claim).line("error", text),
        )
        self._progress = CheckRunProgress(
            self._show_progress, every=lambda: hub.progress_seconds(task.id, every), clock=clock
        )
        self._earlier: Pull | None = None  # that this task adds to
        self._opened = False  # whether what is missing of the opening may be made
        self._progress.restore(LogReader(ledger.redis).read(self.task.id))

    def announce(self, task: Task) -> None:
        """Say in the task's comment that work has begun, before anything else is made."""
        if self.facts.get(facts.ENVIRONMENT_WARNING) is None:  # this task has not looked itself
            self.facts.put(
                facts.ENVIRONMENT_WARNING,
                environment.last_unavailable(last_examination(self.ledger, task.repository)),
            )
        own = self.facts.get(facts.OWN_BRANCH)
        self._earlier = self._earlier_pull(self.hub.find_pull(own)) if own else None
        if self._earlier:
            self._remember_pull(self._earlier)
        self._comment.write_started()

    def open(self, task: Task, head: str) -> None:
        """Start a check run on ``head``, and open a draft pull request, or go on with the thread's open one.

        What GitHub's budget has no room for is made with a later progress, or with the result.
        """
        look = self.facts.get(facts.OPENING) is not None  # an earlier worker may have created some of it
        self.facts.put(facts.OPENING, head)
        with suppress(BudgetReached):
            self._show_draft(head, look=look)
        self._opened = True

    def _show_draft(self, head: str, *, look: bool) -> None:
        title, body = pull_request.title(self.task), pull_request.opening(self.task, self.task_url)
        pull = self._earlier or self.hub.open_pull(
            self._branch(), self._base(), title, body=body, look=look, urgency=DRAFT
        )
        self._remember_pull(pull)
        named = CheckText(*self._check_name(), self.task_url, self._output, "")
        start_check(
            self.hub, self.facts, named, pull=pull, head=head, look=look, rest=self._comment.edit_started()
        )

    def _complete_opening(self) -> None:
        """Make what there was no room for before."""
        head = self.facts.get(facts.OPENING)
        if self._opened and head and self.facts.get(facts.CHECK_HEAD) != head:
            with suppress(BudgetReached):
                self._show_draft(head, look=True)

    def progress(self, note: Note) -> None:
        """Update the check run. A refusal is ignored, since the next update contains the whole text."""
        try:
            self._progress.add(note)
        except HubError:
            return

    def warn(self, unavailable: str) -> None:
        """Show what cannot run here at the top of the comment and of the check run, while the work continues."""
        if unavailable != (self.facts.get(facts.ENVIRONMENT_WARNING) or ""):
            self.facts.put(facts.ENVIRONMENT_WARNING, unavailable)
            self._update_check(self._progress.title, self._progress.text)
            self._comment.write_started()

    def propose(self, task: Task, proposed: ProposedChange) -> str:
        """Fill in the pull request, conclude the check run on the pushed commit, and request a review."""
        self._opened = False
        title = pull_request.title(task, proposed.solution)
        found = self.hub.find_pull(self.facts.get(facts.OWN_BRANCH) or self._branch())
        earlier, closed = self._earlier_pull(found), self._closed_pull(found)
        urls = {"repository_url": self.repository_url, "task_url": self.task_url}
        body = redact(pull_request.body(task, proposed, **urls, continues=earlier is not None))
        pull = earlier or closed or (found if found and found.state == "open" else None)
        pull = pull or self.hub.open_pull(self._branch(), self._base(), title, body=body, look=False)
        self._remember_pull(pull)
        if closed:
            text = comment.proposed_on_closed(task, pull.url, self._branch())
        elif earlier:
            text = comment.commit_added(task, body, pushed=proposed.pushed)
        else:
            text = comment.proposed(
                task, pull.url, proposed.verification, usage=proposed.solution.usage, pushed=proposed.pushed
            )
        if not closed:
            text += tell_conflicts(self.hub, task, pull, conflicts=proposed.conflicts)
            self._threads.answer(lambda path: comment.settled(path, proposed, self.repository_url))
        description = {} if earlier else {"title": let_ci_run(title), "body": let_ci_run(body)}
        result = ResultOnGitHub(self.hub, self.facts, task, self.task_url, self._comment.log)
        named = (*self._check_name(), self.task_url, self._output, self._progress.final_text)
        if not result.publish(
            proposed, pull, CheckText(*named), description=description, rest=self._comment.edit(text)
        ):
            self._comment.write(text)
        return pull.url

    def answer(
        self, task: Task, solution: Solution, proofs: tuple[Proof, ...], *, left_out: tuple[LeftOut, ...] = ()
    ) -> str:
        """Comment with the answer, and remove a draft that was opened for it."""
        self._opened = False
        self._conclude("neutral", check_run.NO_CHANGES)
        withdraw(self.hub, self.claim, self.task, reason=check_run.NO_CHANGES)
        urls = {"repository_url": self.repository_url, "task_url": self.task_url}
        plan = task.ask.kind is TaskKind.PLAN
        last = comment.to_approve(estimate(self.ledger.recent(), task.repository)) if plan else ""
        url = self._comment.write(
            comment.answered(task, solution, proofs, left_out=left_out, last=last, **urls)
        )
        self._threads.answer(lambda _: comment.not_settled(url))
        return url

    def start_examination(self, commit: str) -> None:
        """Start a check run on the commit, or reuse the one of an earlier examination that no person requested."""
        self._check_on(commit)

    def setup_decided(self, found: Improvement, branch: str) -> bool:
        """Whether the same set-up was proposed before, and a person closed or merged it."""
        return any(setup_proposal.marker(found) in body for body in self.hub.closed_pull_bodies(branch))

    def propose_setup(self, found: Improvement, branch: str, base: str) -> str:
        """Open the pull request from ``branch``, or update the open one."""
        body = setup_proposal.body(found, self.task_url)
        pull = self.hub.open_pull(branch, base, setup_proposal.TITLE, body=body, draft=False)
        self.hub.edit_pull(pull.number, body=body)
        self._remember_pull(pull)
        return pull.url

    def report_examination(self, task: Task, found: Examined, proposal_url: str = "") -> None:
        """Conclude the check run, always as neutral since it judges no change, and answer the person who asked."""
        RepositoryNotes(self.ledger, self.claim, task.repository).keep_examination(found)
        report = environment.report(found, self.task_url, proposal_url)
        output = self._output(environment.headline(found), self._progress.final_text)
        output["summary"] = redact(report)
        self.hub.update_check(self.facts.get(facts.CHECK) or 0, output=output, conclusion="neutral")
        url = self.facts.get(facts.CHECK_URL) or ""
        self._comment.write(environment.answer(task.ask.asker, found.commit, url, text=report))

    def fail(self, task: Task, error: DayhandError, spent: Usage | None = None) -> None:
        """Comment on what happened and what to do, and remove a draft that was opened.

        If GitHub refuses the cleanup, the comment is written all the same. Raises ``HubError`` afterwards.
        """
        self._opened = False
        if self._examines:
            self._fail_examination(error)
            return
        title = check_run.STOPPED if isinstance(error, TaskStopped) else check_run.FAILED
        kept, refused = "", None
        try:
            self._move_to_unfinished()
            asked = self.facts.get(facts.ASKED_LIMITS) or task.ask.limits
            buttons = check_run.buttons(asked=asked if isinstance(error, LimitReached) else None)
            self._conclude(failure_conclusion(error), title, buttons)
            kept = self._keep_unfinished(error) or withdraw(self.hub, self.claim, self.task, reason=title)
        except HubUnavailable:
            raise  # everything is done later
        except HubError as hub_error:
            refused = hub_error
        finished = not kept and self.facts.get(facts.HEAD) is None and self.facts.get(facts.PATCH) is not None
        nothing = comment.nothing_pushed(held_back=self.facts.get(facts.HELD_BACK) is not None)
        outcome = kept or (comment.finished_work(self.task_url) if finished else nothing)
        if spent and spent.turns:
            outcome = f"{outcome} {spent_so_far(spent)}"
        handle = self.hub.auth.slug()  # always one of the App's handles
        body = comment.failed(task, error, self.task_url, outcome=outcome, handle=handle, finished=finished)
        try:
            self._comment.write(body)
        except HubUnavailable:
            raise
        except HubError:
            self._comment.write_with_least_permissions(body)  # one missing permission denies the whole token
        if refused:
            raise refused

    def _fail_examination(self, error: DayhandError) -> None:
        """Conclude the check run, which must not stay in progress, and answer the person who asked."""
        body = environment.failed(self.task.ask.asker, error, self.task_url, handle=self.hub.auth.slug())
        if check := self.facts.get(facts.CHECK):
            output = self._output(environment.NOT_EXAMINED, self._progress.final_text)
            output["summary"] = redact(environment.failure_reason(error))
            self.hub.update_check(check, output=output, conclusion="neutral")
        self._comment.write(body)

    def _earlier_pull(self, found: Pull | None) -> Pull | None:
        """The thread's open pull request that this task adds to. Its title and body stay unchanged."""
        own = self.facts.get(facts.OWN_BRANCH)
        return found if own and found and found.state == "open" else None

    def _closed_pull(self, found: Pull | None) -> Pull | None:
        """The pull request of this task, if a person has closed it: then no second one is opened."""
        threads, own = self.ledger.threads, self.facts.get(facts.OWN_BRANCH)
        ours = threads.find(threads.of_task(self.task.id)).pull if own else 0
        number = self.facts.get(facts.PULL) or ours
        pull = (found or self.hub.pull(number)) if number else None
        return pull if pull and pull.number == number and pull.state == "closed" else None

    def _conclude(self, conclusion: str, title: str, buttons: check_run.Buttons = ()) -> None:
        """Conclude the check run that shows the progress."""
        if check := opened_check(self.hub, self.facts, self._check_name()):
            output = self._output(title, self._progress.final_text)
            self.hub.update_check(check, output=output, conclusion=conclusion, buttons=buttons)

    def _move_to_unfinished(self) -> None:
        """Move the check run to the unfinished work that was pushed to our draft."""
        head = self.facts.get(facts.HEAD)
        if self.facts.get(facts.UNFINISHED_BRANCH) and head and self.facts.get(facts.PULL):
            self._conclude_earlier_check(head)
            self._check_on(head)

    def _keep_unfinished(self, error: DayhandError) -> str:
        """Say where the unfinished work is, also in the draft; return that sentence, or "" if there is none."""
        branch = self.facts.get(facts.UNFINISHED_BRANCH)
        if not branch:
            return ""
        pull = self.hub.find_pull(branch)
        if pull and pull.state == "open" and pull.number == self.facts.get(facts.PULL):
            body = unfinished.pull_body(self.task, error, self.task_url)
            self.hub.edit_pull(pull.number, body=redact(body))
        return unfinished.kept_on(branch)

    def _check_on(self, head: str, *, look: bool = True) -> None:
        """The check run of this task on a commit. From now on it shows the progress."""
        output = self._output(check_run.STARTING, "")
        name, external_id = self._check_name()
        check = self.hub.create_check(
            name, head, external_id, details_url=self.task_url, output=output, look=look
        )
        remember_check(self.facts, check, head)

    def _check_name(self) -> tuple[str, str]:
        """The name and the external id of this task's check runs."""
        name = environment.CHECK_NAME if self._examines else check_run.NAME
        return name, UNREQUESTED if self._examines and not self.task.number else self.task.id

    def _conclude_earlier_check(self, head: str) -> None:
        """A check run cannot move to another commit, so the earlier one says where the task continued."""
        check, commit = self.facts.get(facts.CHECK), self.facts.get(facts.CHECK_HEAD)
        if check and commit != head:
            output = self._output(check_run.continued_on(head), self._progress.final_text)
            self.hub.update_check(check, output=output, conclusion="neutral")

    def _show_progress(self, title: str, text: str) -> None:
        self._complete_opening()
        self._update_check(title, text)

    def _update_check(self, title: str, text: str) -> None:
        if check := self.facts.get(facts.CHECK):
            self.hub.update_check(check, output=self._output(title, text), retries=False)

    def _output(self, title: str, text: str) -> dict[str, str]:
        if self._examines:
            summary = environment.check_summary(self.task_url)
        else:
            summary = check_run.summary(self.task, self.task_url)
        if unavailable := self.facts.get(facts.ENVIRONMENT_WARNING):
            summary = f"{unavailable}\n\n{summary}"
        return {"title": title, "summary": redact(summary), "text": cap(redact(text)) or " "}

    @property
    def _examines(self) -> bool:
        return self.task.ask.kind is TaskKind.ENVIRONMENT

    def _remember_pull(self, pull: Pull) -> None:
        """From now on this is the task's pull request. A draft on which somebody else pushed is closed, with a link to it."""
        draft = self.facts.get(facts.PULL)
        if draft and draft != pull.number:
            self.hub.edit_pull(draft, body=pull_request.moved(self.task, pull.url))
            self.hub.close_pull(draft)
        self.facts.put(facts.PULL, pull.number)
        self.facts.put(facts.PULL_URL, pull.url)
        if not self._examines:
            self.claim.note_pull(pull.number, pull.branch)

    def _branch(self) -> str:
        return self.facts.get(facts.OWN_BRANCH) or self.facts.get(facts.BRANCH) or self.task.branch

    def _base(self) -> str:
        return self.facts.get(facts.BASE_BRANCH) or self.task.default_branch
