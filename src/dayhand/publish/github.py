"""Publication on GitHub: a pull request, a check run, one comment. Each call finds what is there before it makes more."""

from __future__ import annotations

import time
from collections.abc import Callable

from dayhand.environment.declared.improvement import Improvement
from dayhand.errors import (
    DayhandError,
    EnvironmentFailure,
    HubError,
    HubUnavailable,
    PolicyRefusal,
    TaskStopped,
)
from dayhand.hub.models import Pull
from dayhand.hub.repository import RepositoryHub
from dayhand.ledger import facts
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.log import LogReader, Note
from dayhand.ledger.repository_notes import RepositoryNotes, last_examination
from dayhand.publish.base import Proposal
from dayhand.publish.check_run import Progress
from dayhand.publish.markdown.escape import cap
from dayhand.publish.wording import (
    environment,
    pull_request,
    setup_proposal,
    unfinished,
)
from dayhand.publish.wording.cost import until_then
from dayhand.task import Examined, Proof, Solution, Task, TaskKind
from dayhand.untrusted_text import redact
from dayhand.usage import Usage

PATCH_CHARS = 1024 * 1024
UNASKED = "environment"  # what a commit's check run is called where no person asked for it: there is one
REFUSALS = frozenset({401, 403, 404})  # GitHub's, that only a person's hand in the App's settings ends


class GitHubPublication:
    """One task's publication. The ledger's facts say what was made already; GitHub itself is asked for the rest."""

    def __init__(
        self,
        hub: RepositoryHub,
        ledger: Ledger,
        claim: Claim,
        *,
        task_url: str,
        repository_url: str,
        every: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``every``: seconds between two updates of the check run, at least."""
        self.hub = hub
        self.ledger = ledger
        self.claim = claim
        self.facts = claim.facts
        self.task = ledger.task(claim.task_id)
        self.task_url = task_url
        self.repository_url = repository_url
        self._progress = Progress(self._tell_check, every=every, clock=clock)
        self._progress.recall(LogReader(ledger.redis).read(self.task.id))

    def open(self, task: Task, head: str) -> None:
        """A draft pull request, a check run on ``head``, a comment."""
        title, body = pull_request.pull_title(task), pull_request.pull_opening(task, self.task_url)
        pull = self.hub.open_pull(self._branch(), task.default_branch, title, body=body)
        self._remember_pull(pull)
        self._check_on(head)
        if self.facts.get(facts.ENVIRONMENT_WARNING) is None:  # not yet looked for itself
            self.facts.put(
                facts.ENVIRONMENT_WARNING, environment.lacked(last_examination(self.ledger, task.repository))
            )
        self._tell_started()

    def progress(self, note: Note) -> None:
        """Tell the check run. A refusal here ends nothing: the next update, or the end, tells all of it."""
        try:
            self._progress.take(note)
        except HubError:
            return

    def warn(self, lacks: str) -> None:
        """What cannot run here stands first, in the comment and in the check run, while the work goes on."""
        if lacks != (self.facts.get(facts.ENVIRONMENT_WARNING) or ""):
            self.facts.put(facts.ENVIRONMENT_WARNING, lacks)
            self._tell_check(self._progress.title, self._progress.text)
            self._tell_started()

    def propose(self, task: Task, proposal: Proposal) -> str:
        """Fill in the pull request, conclude the check run on the pushed commit, ask for review."""
        title = pull_request.final_title(task, proposal.solution)
        body = redact(pull_request.pull_body(task, proposal, self.repository_url, task_url=self.task_url))
        earlier, closed = self._earlier_pull(task), self._closed_pull()
        onto = self.facts.get(facts.TARGET_BRANCH) or task.default_branch
        pull = earlier or closed or self.hub.open_pull(self._branch(), onto, title, body=body)
        self._remember_pull(pull)
        self.facts.put(facts.PATCH, proposal.change.patch[:PATCH_CHARS])
        self._conclude_with(proposal)
        if not earlier:
            self.hub.edit_pull(pull.number, title=title, body=body)
        if closed:
            self._comment(pull_request.proposed_closed(task, pull.url))
            return pull.url
        if (
            not proposal.verification.conclusion.stays_draft
        ):  # else it stays a draft until somebody accepts that
            self.hub.ready(pull.number)
            self.hub.request_review(pull.number, task.ask.asker)
        verification, usage = proposal.verification, proposal.solution.usage
        told = (
            pull_request.added(task, body)
            if earlier
            else pull_request.proposed(task, pull.url, verification, usage=usage)
        )
        self._comment(told)
        return pull.url

    def answer(self, task: Task, solution: Solution, proofs: tuple[Proof, ...]) -> str:
        """The answer as a comment; a draft that was opened for it goes away."""
        self._conclude("neutral", pull_request.NOTHING_CHANGED)
        self._take_back(pull_request.NOTHING_CHANGED)
        return self._comment(
            pull_request.answered(
                task, solution, proofs, repository_url=self.repository_url, task_url=self.task_url
            )
        )

    def begin_examination(self, commit: str) -> None:
        """A check run on the commit; where nobody asked in words, the one that an earlier look at it made."""
        self._check_on(commit)

    def declined(self, found: Improvement, branch: str) -> bool:
        """Whether the same was offered before, and a person closed it or merged it."""
        return any(setup_proposal.marker(found) in said for said in self.hub.closed_pulls(branch))

    def offer(self, found: Improvement, branch: str, base: str) -> str:
        """The one open pull request from ``branch``, with today's text."""
        body = setup_proposal.body(found, self.task_url)
        pull = self.hub.open_pull(branch, base, setup_proposal.TITLE, body=body, draft=False)
        self.hub.edit_pull(pull.number, body=body)
        self._remember_pull(pull)
        return pull.url

    def examined(self, task: Task, found: Examined, offered: str = "") -> None:
        """Conclude the check run, neutral whatever was found: it judges no change. Answer the person who asked."""
        RepositoryNotes(self.ledger, self.claim, task.repository).keep_examination(found)
        said = environment.report(found, self.task_url, offered)
        output = self._output(environment.headline(found), self._progress.last_text)
        output["summary"] = redact(said)
        self.hub.update_check(self.facts.get(facts.CHECK) or 0, output=output, conclusion="neutral")
        url = self.facts.get(facts.CHECK_URL) or ""
        self._comment(environment.answer(task.ask.asker, found.commit, url, said=said))

    def fail(self, task: Task, error: DayhandError, spent: Usage | None = None) -> None:
        """What happened and what to do as a comment; a draft that was opened goes away.

        The person is told even where GitHub refuses to tidy up. Raises ``HubError`` then, afterwards.
        """
        if self._examines:
            self._not_examined(error)
            return
        title = pull_request.STOPPED if isinstance(error, TaskStopped) else pull_request.NOT_DONE
        kept, refused = "", None
        try:
            self._move_to_unfinished()
            self._conclude(_failed_as(error), title)
            kept = self._keep_unfinished(error) or self._take_back(title)
        except HubUnavailable:
            raise  # all of it is done later
        except HubError as hub_error:
            refused = hub_error
        handle = self.hub.auth.slug()  # always one of the names that we answer to
        left = " ".join(
            [kept or pull_request.NOTHING_LEFT, *([until_then(spent)] if spent and spent.turns else [])]
        )
        said = pull_request.failed(task, error, self.task_url, kept=left, handle=handle)
        try:
            self._comment(said)
        except HubUnavailable:
            raise
        except HubError:
            self._answer_anyhow(
                said
            )  # an App that lacks one permission has no token at all, but it may yet talk
        if refused:
            raise refused

    def _not_examined(self, error: DayhandError) -> None:
        """Conclude the check run, which must not stay under way, and answer the person who asked."""
        said = environment.failed(self.task.ask.asker, error, self.task_url, handle=self.hub.auth.slug())
        if check := self.facts.get(facts.CHECK):
            output = self._output(environment.NOT_EXAMINED, self._progress.last_text)
            output["summary"] = redact(environment.why_not(error))
            self.hub.update_check(check, output=output, conclusion="neutral")
        self._comment(said)

    def _answer_anyhow(self, said: str) -> None:
        """Comment through a token that asks for nothing but that. Raises ``HubError`` where not even this is granted."""
        talking = self.hub.talking()
        try:
            self._comment(said, by=talking)
        finally:
            talking.close()

    def _earlier_pull(self, task: Task) -> Pull | None:
        """For a follow-up: our open pull request that it adds to. Its text stays as it is."""
        if task.drafted_first:
            return None
        pull = self.hub.find_pull(self._branch())
        return pull if pull and pull.state == "open" and self.facts.get(facts.OWN_BRANCH) else None

    def _closed_pull(self) -> Pull | None:
        """The pull request that we opened for this task, where a person has closed it since: no second one is opened."""
        number = self.facts.get(facts.PULL)
        pull = self.hub.find_pull(self._branch()) if number else None
        return pull if pull and pull.number == number and pull.state == "closed" else None

    def _conclude_with(self, proposal: Proposal) -> None:
        """End the check run of the start, and begin and end the one on the pushed commit: by the ledger alone."""
        verification = proposal.verification
        self._conclude_check_of_start(proposal.head)
        conclusion = verification.conclusion
        if conclusion.objections:
            self.facts.put(
                facts.CONCLUSION_IF_ACCEPTED, conclusion.if_accepted
            )  # what an ``@bot accept`` makes of it
        check = self._check_on(proposal.head)
        table = pull_request.table(verification, self.task_url)
        output = self._output(pull_request.check_done(verification), f"{table}\n\n{self._progress.last_text}")
        self.hub.update_check(check, output=output, conclusion=conclusion.status)

    def _conclude(self, conclusion: str, title: str) -> None:
        """End the check run that progress went to."""
        if check := self.facts.get(facts.CHECK):
            output = self._output(title, self._progress.last_text)
            self.hub.update_check(check, output=output, conclusion=conclusion)

    def _move_to_unfinished(self) -> None:
        """Where unfinished work was pushed to our draft, the check run goes along with it."""
        head = self.facts.get(facts.HEAD)
        if self.facts.get(facts.UNFINISHED_BRANCH) and head and self.facts.get(facts.PULL):
            self._conclude_check_of_start(head)
            self._check_on(head)

    def _keep_unfinished(self, error: DayhandError) -> str:
        """Say where the unfinished work is, on the draft too; "" where there is none."""
        branch = self.facts.get(facts.UNFINISHED_BRANCH)
        if not branch:
            return ""
        pull = self.hub.find_pull(branch)
        if pull and pull.state == "open" and pull.number == self.facts.get(facts.PULL):
            body = unfinished.pull_body(self.task, error, self.task_url)
            self.hub.edit_pull(pull.number, body=redact(body))
        return unfinished.kept(branch)

    def _take_back(self, why: str) -> str:
        """Close our draft and delete its branch, unless there is work on it; say what is kept, "" for nothing."""
        start = self.facts.get(facts.START)
        if self.facts.get(facts.HEAD) is not None:
            return pull_request.KEPT_WORK
        if start is None:
            return ""
        branch = self._branch()
        pull = self.hub.find_pull(branch)
        if not self.hub.branch_is_at(branch, start):
            return pull_request.KEPT_OF_OTHERS if pull and pull.state == "open" else ""
        if pull and pull.state == "open":
            self.hub.edit_pull(pull.number, body=pull_request.pull_withdrawn(self.task, why))
            self.hub.close_pull(pull.number)
        self.hub.delete_branch(branch)
        return ""

    def _check_on(self, head: str) -> int:
        """The check run of this task on a commit; it is the one that progress goes to from now on."""
        output = self._output("Starting", "")
        name = environment.CHECK_NAME if self._examines else pull_request.CHECK_NAME
        known_as = UNASKED if self._examines and not self.task.number else self.task.id
        check = self.hub.create_check(name, head, known_as, details_url=self.task_url, output=output)
        self.facts.put(facts.CHECK, check.id)
        self.facts.put(facts.CHECK_URL, check.url)
        self.facts.put(facts.CHECK_HEAD, head)
        return check.id

    def _conclude_check_of_start(self, head: str) -> None:
        """A check run cannot move to another commit: the first one says where the work went on."""
        check, on = self.facts.get(facts.CHECK), self.facts.get(facts.CHECK_HEAD)
        if check and on != head:
            output = self._output(pull_request.check_moved(head), self._progress.last_text)
            self.hub.update_check(check, output=output, conclusion="neutral")

    def _tell_started(self) -> None:
        """The comment of a task that is under way, what it lacks first."""
        pull, lacks = self.facts.get(facts.PULL_URL) or "", self.facts.get(facts.ENVIRONMENT_WARNING)
        drafted = pull and self.task.drafted_first
        started = pull_request.started(pull, self.task_url) if drafted else environment.looking(self.task_url)
        self._comment(f"{lacks}\n\n{started}" if lacks else started)

    def _tell_check(self, title: str, text: str) -> None:
        if check := self.facts.get(facts.CHECK):
            self.hub.update_check(check, output=self._output(title, text), patient=False)

    def _output(self, title: str, text: str) -> dict[str, str]:
        words = environment.check_summary(self.task_url) if self._examines else ""
        summary = words or pull_request.check_summary(self.task, self.task_url)
        if lacks := self.facts.get(facts.ENVIRONMENT_WARNING):
            summary = f"{lacks}\n\n{summary}"
        return {"title": title, "summary": redact(summary), "text": cap(redact(text)) or " "}

    @property
    def _examines(self) -> bool:
        return self.task.ask.kind is TaskKind.ENVIRONMENT

    def _comment(self, body: str, *, by: RepositoryHub | None = None) -> str:
        if not self.task.number:
            return ""  # no person asked in words, so no thread waits for an answer
        comment = (by or self.hub).comment(self.task.number, redact(body), marker=f"task:{self.task.id}")
        return comment.url

    def _remember_pull(self, pull: Pull) -> None:
        self.facts.put(facts.PULL, pull.number)
        self.facts.put(facts.PULL_URL, pull.url)

    def _branch(self) -> str:
        return self.facts.get(facts.BRANCH) or self.task.branch


def _failed_as(error: DayhandError) -> str:
    """The check run's conclusion: whether a person can do something about it."""
    match error:
        case TaskStopped():
            return "cancelled"
        case PolicyRefusal() | EnvironmentFailure():
            return "action_required"
        case HubError() if error.status in REFUSALS:
            return "action_required"
        case _:
            return "failure"
