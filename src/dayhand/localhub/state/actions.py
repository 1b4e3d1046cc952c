"""What users and Apps can do, with the webhooks that GitHub sends for it. The REST API and the pages share these."""

from __future__ import annotations

import re

from dayhand.localhub.errors import ApiError, invalid, invalid_because
from dayhand.localhub.payloads import push
from dayhand.localhub.state.check_runs import CheckRuns
from dayhand.localhub.state.directory import now
from dayhand.localhub.state.git_store import ZERO
from dayhand.localhub.state.models import (
    App,
    Comment,
    Issue,
    LabelEvent,
    Pull,
    Reaction,
    Repository,
    User,
)
from dayhand.localhub.state.moderation import Moderation
from dayhand.localhub.state.reviews import Reviews, move_threads

# https://docs.github.com/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
CLOSING_KEYWORD = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d+)", re.IGNORECASE)
MAX_TITLE_CHARS, MAX_BODY_CHARS = 256, 65_536


class Actions(Reviews, Moderation, CheckRuns):
    """Changes the stored state, and sends the events."""

    # Issues

    def open_issue(
        self, repo: Repository, user: User, title: str, *, body: str, app: App | None = None
    ) -> Issue:
        check_lengths("Issue", title, body)
        with self.lock:
            number = max(repo.issues, default=0) + 1
            issue = Issue(self.next_id(), number, title, body, user, now(), now(), app=app)
            repo.issues[number] = issue
            self.send_issue_event(repo, issue, "opened", by=user)
            return issue

    def label(self, repo: Repository, issue: Issue, name: str, *, by: User) -> None:
        with self.lock:
            self.ensure_label(repo, name)
            if name not in issue.labels:
                issue.labels.append(name)
                self._send_label_event(repo, issue, "labeled", name=name, by=by)

    def unlabel(self, repo: Repository, issue: Issue, name: str, *, by: User) -> None:
        with self.lock:
            if name not in issue.labels:
                raise ApiError(404, "Label does not exist")
            issue.labels.remove(name)
            self._send_label_event(repo, issue, "unlabeled", name=name, by=by)

    def _send_label_event(self, repo: Repository, issue: Issue, action: str, *, name: str, by: User) -> None:
        issue.updated = now()
        issue.label_events.append(LabelEvent(self.next_id(), action, name, by, issue.updated))
        send = self.send_pull_event if issue.pull else self.send_issue_event
        send(repo, issue, action, by=by, label=self.payloads.label(repo, name))

    def ensure_label(self, repo: Repository, name: str) -> None:
        repo.labels.setdefault(name, {"id": self.next_id(), "color": "8957e5", "description": None})

    def comment(
        self, repo: Repository, issue: Issue, user: User, *, body: str, app: App | None = None
    ) -> Comment:
        if not body.strip():
            raise invalid("IssueComment", "body", "missing_field")
        self.require_unlocked(repo, issue, user, what="comment")
        with self.lock:
            comment = Comment(self.next_id(), user, body, now(), now(), app)
            issue.comments.append(comment)
            issue.updated = now()
            self.send_comment_event(repo, issue, comment, action="created", by=user)
            return comment

    def react(self, reactions: list[Reaction], user: User, content: str) -> tuple[Reaction, bool]:
        """Add a reaction to a list; False if the user had reacted with it before."""
        with self.lock:
            for reaction in reactions:
                if (reaction.user, reaction.content) == (user, content):
                    return reaction, False
            reactions.append(Reaction(self.next_id(), user, content, now()))
            return reactions[-1], True

    def set_state(self, repo: Repository, issue: Issue, state: str, *, by: User) -> None:
        with self.lock:
            if issue.state == state:
                return
            issue.state, issue.closed = state, now() if state == "closed" else None
            issue.updated = now()
            action = "closed" if state == "closed" else "reopened"
            send = self.send_pull_event if issue.pull else self.send_issue_event
            send(repo, issue, action, by=by)

    # Pull requests

    def open_pull(
        self, repo: Repository, user: User, title: str, *, body: str, head: str, base: str, draft: bool
    ) -> Issue:
        check_lengths("PullRequest", title, body)
        with self.lock:
            branches = repo.store.branches()
            head = head.removeprefix(f"{repo.owner.login}:")
            for field, branch in (("head", head), ("base", base)):
                if branch not in branches:
                    raise invalid("PullRequest", field)
            if not repo.store.between(branches[base], branches[head]):
                raise invalid_because("PullRequest", f"No commits between {base} and {head}")
            if any(
                other.state == "open" and other.pull and (other.pull.head, other.pull.base) == (head, base)
                for other in repo.pulls()
            ):
                message = f"A pull request already exists for {repo.owner.login}:{head}."
                raise invalid_because("PullRequest", message)
            issue = Issue(self.next_id(), max(repo.issues, default=0) + 1, title, body, user, now(), now())
            issue.pull = Pull(self.next_id(), head, base, branches[head], branches[base], draft)
            repo.issues[issue.number] = issue
            self.send_pull_event(repo, issue, "opened", by=user)
            return issue

    def set_draft(self, repo: Repository, issue: Issue, by: User, *, draft: bool) -> None:
        """Convert a pull request to a draft, or mark it as ready for review."""
        with self.lock:
            if issue.pull and issue.pull.draft != draft:
                issue.pull.draft = draft
                self.send_pull_event(
                    repo, issue, "converted_to_draft" if draft else "ready_for_review", by=by
                )

    def request_review(self, repo: Repository, issue: Issue, logins: list[str], *, by: User) -> None:
        with self.lock:
            assert issue.pull  # noqa: S101 - called for pull requests only
            for login in logins:
                if login == issue.user.login:
                    raise ApiError(422, "Review cannot be requested from pull request author.")
                if login != repo.owner.login and login not in repo.collaborators:
                    raise ApiError(
                        422,
                        "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the repository.",
                    )
                user = self.users[login]
                if user not in issue.pull.reviewers:
                    issue.pull.reviewers.append(user)
                    self.send_pull_event(
                        repo, issue, "review_requested", by=by, requested_reviewer=self.payloads.user(user)
                    )

    def merge(self, repo: Repository, issue: Issue, by: User) -> str:
        """Merge a pull request; into the default branch, its closing keywords close their issues. Returns the merge commit."""
        with self.lock:
            pull = issue.pull
            if pull is None or issue.state != "open" or pull.draft:
                raise ApiError(405, "Pull Request is not mergeable")
            message = (
                f"Merge pull request #{issue.number} from {repo.owner.login}/{pull.head}\n\n{issue.title}"
            )
            author = (by.name, f"{by.id}+{by.login}@users.noreply.localhost")
            before = repo.store.branches().get(pull.base, ZERO)
            sha = repo.store.merge(pull.base, pull.head_sha, message, author=author)
            if sha is None:
                raise ApiError(405, "Pull Request has merge conflicts")
            pull.merged, pull.merged_by, pull.merge_sha = now(), by, sha
            self.set_state(repo, issue, "closed", by=by)
            self.record_push(repo, pull.base, by, before=before)
            if pull.base == repo.default_branch:
                self._close_referenced_issues(repo, issue.body, by)
            return sha

    def _close_referenced_issues(self, repo: Repository, text: str, by: User) -> None:
        for number in {int(digits) for digits in CLOSING_KEYWORD.findall(text)}:
            if number in repo.issues:
                self.set_state(repo, repo.issues[number], "closed", by=by)

    def record_push(self, repo: Repository, branch: str, by: User, *, before: str = ZERO) -> None:
        """Send the events of a push to ``branch``, whose tip was ``before`` (zeros: it is new), and update its pull requests."""
        with self.lock:
            sha = repo.store.branches().get(branch)
            html = f"{self.payloads.web}/{repo.full_name}"
            payload = push.push_payload(repo, branch, by, before=before, after=sha or ZERO, html=html)
            self._send_event(repo, "push", payload, by=by)
            if branch == repo.default_branch:
                for commit in payload["commits"]:
                    self._close_referenced_issues(repo, commit["message"], by)
            for issue in list(repo.pulls()):
                if issue.pull and issue.state == "open" and issue.pull.head == branch:
                    if sha is None:
                        self.set_state(repo, issue, "closed", by=by)
                    elif issue.pull.head_sha != sha:
                        before, issue.pull.head_sha = issue.pull.head_sha, sha
                        move_threads(repo, issue.pull, sha)
                        self.send_pull_event(repo, issue, "synchronize", by=by, before=before, after=sha)
            if sha:
                for app in self.apps_on(repo):
                    if app.permissions.get("checks") == "write":
                        suite = self.check_suite(repo, app, sha, branch=branch)
                        self.send_suite_event(repo, suite, "requested", by=by)


def check_lengths(resource: str, title: str, body: str) -> None:
    """Raises ``ApiError`` (422) if a text is longer than GitHub allows."""
    for field, text, limit in (("title", title, MAX_TITLE_CHARS), ("body", body, MAX_BODY_CHARS)):
        if len(text) > limit:
            message = f"{field} is too long (maximum is {limit} characters)"
            details = {"resource": resource, "code": "custom", "field": field, "message": message}
            raise ApiError(422, "Validation Failed", [details])
