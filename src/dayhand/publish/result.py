"""The result of a task on GitHub: check run, pull request, review request and comment change in one request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from dayhand.errors import BudgetReached, HubError, HubUnavailable
from dayhand.hub.check_runs import check_creation
from dayhand.hub.models import CheckRun, Pull
from dayhand.hub.mutations import Changed, Mutation
from dayhand.hub.repository import RepositoryHub
from dayhand.hub.requester import DRAFT, REVIEW_REQUEST
from dayhand.ledger import facts
from dayhand.ledger.facts import Facts
from dayhand.publish.base import ProposedChange
from dayhand.publish.wording import check_run, verification
from dayhand.startup.records import dataclass
from dayhand.task import Task


@dataclass(frozen=True, slots=True)
class CheckText:
    """The name of the task's check runs, and what they say."""

    name: str
    external_id: str
    details_url: str
    output: Callable[[str, str], dict[str, str]]  # of a title and a text
    log: str


@dataclass(frozen=True, slots=True)
class ResultOnGitHub:
    """Publishes the result of one task. What only informs may be refused: that is logged, and decides nothing."""

    hub: RepositoryHub
    facts: Facts
    task: Task
    task_url: str
    refused: Callable[[str], object]  # logs a refusal

    def publish(
        self,
        proposed: ProposedChange,
        pull: Pull,
        check: CheckText,
        *,
        description: Mapping[str, str],
        rest: Sequence[Mutation],
    ) -> bool:
        """Publish the result; whether the comment was edited, which is one of the ``rest``.

        ``description``: the pull request's title and body, if they change.
        """
        conclusion = proposed.verification.conclusion
        if conclusion.objections:
            self.facts.put(facts.CONCLUSION_IF_ACCEPTED, conclusion.if_accepted)  # by ``@bot accept``
        look = self.facts.get(facts.CONCLUDING) == proposed.head  # an earlier worker may have created it
        self.facts.put(facts.CONCLUDING, proposed.head)
        review = (
            pull.state == "open" and proposed.pushed and not conclusion.stays_draft
        )  # else a person decides
        ready = [Mutation("markPullRequestReadyForReview", {"pullRequestId": pull.node})]
        then = [*self._describe(pull, description), *(ready if review and pull.draft else ()), *rest]

        def plan(look: bool) -> list[Mutation]:  # noqa: FBT001
            first = self._end_earlier_check(pull, proposed.head, check)
            return [*first, self._conclude(proposed, pull, check, look=look), *then]

        commented = False
        for change in self._change(plan, pull if review else None, look=look):
            if change.refusal:
                self.refused(f"GitHub refused {change.mutation.name}: {change.refusal}")
            elif change.mutation.name == "updateIssueComment":
                commented = True
            elif run := change.result.get("checkRun"):
                found = CheckRun(int(run["databaseId"]), run["url"], node=run["id"])
                remember_check(self.facts, found, proposed.head)
        return commented

    def _change(
        self, plan: Callable[[bool], list[Mutation]], review: Pull | None, *, look: bool
    ) -> Sequence[Changed]:
        """Change everything in one request, with that for a ``review``. If there is no room for that, it follows when there is."""
        name = f"result {self.task.id}"
        if review is None:
            return self.hub.change_together(name, plan, look=look)

        def request(look: bool) -> list[Mutation]:  # noqa: FBT001
            return self._request_review(review, look=look)

        with suppress(BudgetReached):
            return self.hub.change_together(
                name, lambda look: [*plan(look), *request(look)], look=look, urgency=DRAFT
            )
        changed = self.hub.change_together(name, plan, look=look)
        try:
            return [
                *changed,
                *self.hub.change_together(
                    f"review {self.task.id}", request, look=look, urgency=REVIEW_REQUEST
                ),
            ]
        except HubError as error:
            self.refused(f"No review was requested: {error}")
            return changed

    def _conclude(self, proposed: ProposedChange, pull: Pull, check: CheckText, *, look: bool) -> Mutation:
        """Conclude the check run on the pushed commit, which is created if there is none."""
        verified = proposed.verification
        limit, asks = verified.limit_hit, bool(verified.conclusion.objections)
        limits = self.facts.get(facts.ASKED_LIMITS) or self.task.ask.limits
        text = f"{verification.table(verified, self.task_url)}\n\n{check.log}"
        fields = {
            "repositoryId": pull.repository_node,
            "conclusion": verified.conclusion.status.upper(),
            "status": "COMPLETED",
            "output": check.output(verification.headline(verified), text),
            "actions": list(check_run.buttons(asked=limits if limit and limit.exceeded else None, asks=asks)),
        }
        on_head = self.facts.get(facts.CHECK_HEAD) == proposed.head
        node = self.facts.get(facts.CHECK_NODE) if on_head else None
        if not node and (look or on_head):
            found = self.hub.find_check(check.name, proposed.head, check.external_id)
            node = found.node if found else None
        if node:
            return Mutation("updateCheckRun", {**fields, "checkRunId": node}, courtesy=True)
        new = {"name": check.name, "externalId": check.external_id, "detailsUrl": check.details_url}
        return Mutation("createCheckRun", {**fields, **new, "headSha": proposed.head}, courtesy=True)

    def _end_earlier_check(self, pull: Pull, head: str, check: CheckText) -> list[Mutation]:
        """A check run cannot move to another commit, so the earlier one says where the task continued."""
        node = self.facts.get(facts.CHECK_NODE)
        if not node or self.facts.get(facts.CHECK_HEAD) == head:
            return []
        fields = {
            "repositoryId": pull.repository_node,
            "checkRunId": node,
            "status": "COMPLETED",
            "conclusion": "NEUTRAL",
            "output": check.output(check_run.continued_on(head), check.log),
        }
        return [Mutation("updateCheckRun", fields, courtesy=True)]

    def _describe(self, pull: Pull, description: Mapping[str, str]) -> list[Mutation]:
        if not description:
            return []
        return [Mutation("updatePullRequest", {"pullRequestId": pull.node, **description})]

    def _request_review(self, pull: Pull, *, look: bool) -> list[Mutation]:
        """Ask the person who asked for a review, unless that was done before, which GitHub would count and tell them again."""
        if look and self.hub.review_is_requested(pull.number, self.task.ask.asker):
            return []
        try:
            people = [self.hub.user_node(self.task.ask.asker)]
        except HubUnavailable:
            raise
        except HubError:  # the account is gone
            return []
        request = {"pullRequestId": pull.node, "userIds": people, "union": True}
        return [Mutation("requestReviews", request, courtesy=True)]


def start_check(
    hub: RepositoryHub,
    task_facts: Facts,
    check: CheckText,
    *,
    pull: Pull,
    head: str,
    look: bool,
    rest: Sequence[Mutation],
) -> None:
    """Start the check run that shows the progress, and carry out the ``rest``, in one request.

    Raises ``BudgetReached`` if what people wait for needs the room.
    """

    def plan(look: bool) -> list[Mutation]:  # noqa: FBT001
        if look and (found := hub.find_check(check.name, head, check.external_id)):
            remember_check(task_facts, found, head)
            return [*rest]
        fields = {
            "repositoryId": pull.repository_node,
            "name": check.name,
            "headSha": head,
            "externalId": check.external_id,
            "detailsUrl": check.details_url,
            "status": "IN_PROGRESS",
            "output": check.output(check_run.STARTING, ""),
        }
        return [Mutation("createCheckRun", fields), *rest]

    name = check_creation(check.name, head, check.external_id)
    for change in hub.change_together(name, plan, look=look, urgency=DRAFT):
        if run := change.result.get("checkRun"):
            remember_check(task_facts, CheckRun(int(run["databaseId"]), run["url"], node=run["id"]), head)


def remember_check(task_facts: Facts, check: CheckRun, head: str) -> None:
    """From now on this check run shows the task's progress."""
    task_facts.put(facts.CHECK, check.id)
    task_facts.put(facts.CHECK_NODE, check.node)
    task_facts.put(facts.CHECK_URL, check.url)
    task_facts.put(facts.CHECK_HEAD, head)


def opened_check(hub: RepositoryHub, task_facts: Facts, named: tuple[str, str]) -> int | None:
    """The check run that shows the progress, also one that a killed worker asked for whose number nobody noted.

    ``named``: its name and external id.
    """
    check, commit = task_facts.get(facts.CHECK), task_facts.get(facts.OPENING)
    if check or not commit or not (found := hub.find_late_check(*named, head_sha=commit)):
        return check
    remember_check(task_facts, found, commit)
    return found.id
