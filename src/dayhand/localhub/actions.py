"""What people and Apps do here, and the events that follow: the same acts behind the REST API and behind the pages."""

from __future__ import annotations

import re
from typing import Any

from dayhand.localhub import push_event
from dayhand.localhub.directory import Directory, now
from dayhand.localhub.errors import Refused
from dayhand.localhub.git_store import ZERO
from dayhand.localhub.state import (
    LEVELS,
    App,
    CheckRun,
    Comment,
    Issue,
    Pull,
    Reaction,
    Repository,
    Suite,
    User,
)

# https://docs.github.com/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
CLOSING = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d+)", re.IGNORECASE)
TITLE_CHARS, BODY_CHARS = 256, 65_536
EVENT_PERMISSION = {
    "issues": "issues", "issue_comment": "issues", "pull_request": "pull_requests", "check_run": "checks",
    "check_suite": "checks", "push": "contents",
}  # fmt: skip


class Actions(Directory):
    """What can be done with what is there."""

    # Issues

    def open_issue(
        self, repo: Repository, user: User, title: str, *, body: str, app: App | None = None
    ) -> Issue:
        check_words("Issue", title, body)
        with self.lock:
            number = max(repo.issues, default=0) + 1
            issue = Issue(self.next_id(), number, title, body, user, now(), now(), app=app)
            repo.issues[number] = issue
            self.tell_issue(repo, issue, "opened", by=user)
            return issue

    def label(self, repo: Repository, issue: Issue, name: str, *, by: User) -> None:
        with self.lock:
            self.know_label(repo, name)
            if name not in issue.labels:
                issue.labels.append(name)
                self._tell_label(repo, issue, "labeled", name=name, by=by)

    def unlabel(self, repo: Repository, issue: Issue, name: str, *, by: User) -> None:
        with self.lock:
            if name not in issue.labels:
                raise Refused(404, "Label does not exist")
            issue.labels.remove(name)
            self._tell_label(repo, issue, "unlabeled", name=name, by=by)

    def _tell_label(self, repo: Repository, issue: Issue, action: str, *, name: str, by: User) -> None:
        tell = self.tell_pull if issue.pull else self.tell_issue
        tell(repo, issue, action, by=by, label=self.shapes.label(repo, name))

    def know_label(self, repo: Repository, name: str) -> None:
        repo.labels.setdefault(name, {"id": self.next_id(), "color": "8957e5", "description": None})

    def comment(
        self, repo: Repository, issue: Issue, user: User, *, body: str, app: App | None = None
    ) -> Comment:
        if not body.strip():
            raise Refused(
                422,
                "Validation Failed",
                [{"resource": "IssueComment", "code": "missing_field", "field": "body"}],
            )
        with self.lock:
            made = Comment(self.next_id(), user, body, now(), now(), app)
            issue.comments.append(made)
            issue.updated = now()
            self.tell_comment(repo, issue, made, action="created", by=user)
            return made

    def edit_comment(self, repo: Repository, issue: Issue, comment: Comment, *, body: str, by: User) -> None:
        with self.lock:
            before, comment.body, comment.updated = comment.body, body, now()
            self.tell_comment(
                repo, issue, comment, action="edited", by=by, changes={"body": {"from": before}}
            )

    def react(self, there: list[Reaction], user: User, content: str) -> tuple[Reaction, bool]:
        """React; True where it is a new one."""
        with self.lock:
            for one in there:
                if (one.user, one.content) == (user, content):
                    return one, False
            there.append(Reaction(self.next_id(), user, content, now()))
            return there[-1], True

    def set_state(self, repo: Repository, issue: Issue, state: str, *, by: User) -> None:
        with self.lock:
            if issue.state == state:
                return
            issue.state, issue.closed = state, now() if state == "closed" else None
            action = "closed" if state == "closed" else "reopened"
            tell = self.tell_pull if issue.pull else self.tell_issue
            tell(repo, issue, action, by=by)

    # Pull requests

    def open_pull(
        self, repo: Repository, user: User, title: str, *, body: str, head: str, base: str, draft: bool
    ) -> Issue:
        check_words("PullRequest", title, body)
        with self.lock:
            branches = repo.store.branches()
            head = head.removeprefix(f"{repo.owner.login}:")
            for field, branch in (("head", head), ("base", base)):
                if branch not in branches:
                    raise Refused(
                        422,
                        "Validation Failed",
                        [{"resource": "PullRequest", "code": "invalid", "field": field}],
                    )
            if not repo.store.between(branches[base], branches[head]):
                raise Refused(
                    422,
                    "Validation Failed",
                    [
                        {
                            "resource": "PullRequest",
                            "code": "custom",
                            "message": f"No commits between {base} and {head}",
                        }
                    ],
                )
            if any(
                i.state == "open" and i.pull and (i.pull.head, i.pull.base) == (head, base)
                for i in repo.pulls()
            ):
                message = f"A pull request already exists for {repo.owner.login}:{head}."
                raise Refused(
                    422,
                    "Validation Failed",
                    [{"resource": "PullRequest", "code": "custom", "message": message}],
                )
            issue = Issue(self.next_id(), max(repo.issues, default=0) + 1, title, body, user, now(), now())
            issue.pull = Pull(self.next_id(), head, base, branches[head], branches[base], draft)
            repo.issues[issue.number] = issue
            self.tell_pull(repo, issue, "opened", by=user)
            return issue

    def make_ready(self, repo: Repository, issue: Issue, by: User, *, draft: bool = False) -> None:
        with self.lock:
            if issue.pull and issue.pull.draft != draft:
                issue.pull.draft = draft
                self.tell_pull(repo, issue, "converted_to_draft" if draft else "ready_for_review", by=by)

    def request_review(self, repo: Repository, issue: Issue, logins: list[str], *, by: User) -> None:
        with self.lock:
            assert issue.pull  # noqa: S101 - asked only for pull requests
            for login in logins:
                if login == issue.user.login:
                    raise Refused(422, "Review cannot be requested from pull request author.")
                if login != repo.owner.login and login not in repo.collaborators:
                    raise Refused(
                        422,
                        "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the repository.",
                    )
                user = self.users[login]
                if user not in issue.pull.reviewers:
                    issue.pull.reviewers.append(user)
                    self.tell_pull(
                        repo, issue, "review_requested", by=by, requested_reviewer=self.shapes.user(user)
                    )

    def merge(self, repo: Repository, issue: Issue, by: User) -> str:
        """Merge a pull request; closing keywords close their issues where the base is the default branch."""
        with self.lock:
            pull = issue.pull
            if pull is None or issue.state != "open" or pull.draft:
                raise Refused(405, "Pull Request is not mergeable")
            message = (
                f"Merge pull request #{issue.number} from {repo.owner.login}/{pull.head}\n\n{issue.title}"
            )
            author = (by.name, f"{by.id}+{by.login}@users.noreply.localhost")
            before = repo.store.branches().get(pull.base, ZERO)
            sha = repo.store.merge(pull.base, pull.head_sha, message, author=author)
            if sha is None:
                raise Refused(405, "Pull Request has merge conflicts")
            pull.merged, pull.merged_by, pull.merge_sha = now(), by, sha
            self.set_state(repo, issue, "closed", by=by)
            self.pushed(repo, pull.base, by, before=before)
            if pull.base == repo.default_branch:
                self._close_named(repo, issue.body, by)
            return sha

    def _close_named(self, repo: Repository, words: str, by: User) -> None:
        for number in {int(found) for found in CLOSING.findall(words)}:
            if number in repo.issues:
                self.set_state(repo, repo.issues[number], "closed", by=by)

    def pushed(self, repo: Repository, branch: str, by: User, *, before: str = ZERO) -> None:
        """A branch moved from ``before`` (zeros: it is new), or went away: open pull requests follow it."""
        with self.lock:
            sha = repo.store.branches().get(branch)
            html = f"{self.shapes.web}/{repo.full_name}"
            told = push_event.push(repo, branch, by, before=before, after=sha or ZERO, html=html)
            self._tell(repo, "push", told, by=by)
            if branch == repo.default_branch:
                for commit in told["commits"]:
                    self._close_named(repo, commit["message"], by)
            for issue in list(repo.pulls()):
                if issue.pull and issue.state == "open" and issue.pull.head == branch:
                    if sha is None:
                        self.set_state(repo, issue, "closed", by=by)
                    elif issue.pull.head_sha != sha:
                        before, issue.pull.head_sha = issue.pull.head_sha, sha
                        self.tell_pull(repo, issue, "synchronize", by=by, before=before, after=sha)
            if sha:
                for app in self.apps_on(repo):
                    if app.permissions.get("checks") == "write":
                        suite = self.suite(repo, app, sha, branch=branch)
                        self._send(
                            repo,
                            app,
                            "check_suite",
                            payload={
                                "action": "requested",
                                "check_suite": self.shapes.suite(repo, suite),
                                "sender": self.shapes.user(by),
                            },
                        )

    # Check runs

    def suite(self, repo: Repository, app: App, sha: str, *, branch: str = "") -> Suite:
        for suite in repo.suites:
            if (suite.app, suite.sha) == (app, sha):
                return suite
        there = branch or next((name for name, tip in repo.store.branches().items() if tip == sha), "")
        repo.suites.append(Suite(self.next_id(), app, sha, there, now()))
        return repo.suites[-1]

    def keep_check(self, repo: Repository, run: CheckRun, action: str, *, by: User) -> None:
        with self.lock:
            repo.checks[run.id] = run
            payload = {
                "action": action,
                "check_run": self.shapes.check_run(repo, run),
                "sender": self.shapes.user(by),
            }
            self._send(repo, run.suite.app, "check_run", payload=payload)

    # Telling

    def tell_issue(self, repo: Repository, issue: Issue, action: str, *, by: User, **more: Any) -> None:
        self._tell(repo, "issues", {"action": action, "issue": self.shapes.issue(repo, issue), **more}, by=by)

    def tell_comment(
        self, repo: Repository, issue: Issue, comment: Comment, *, action: str, by: User, **more: Any
    ) -> None:
        shapes = {
            "issue": self.shapes.issue(repo, issue),
            "comment": self.shapes.comment(repo, issue, comment),
        }
        self._tell(repo, "issue_comment", {"action": action, **shapes, **more}, by=by)

    def tell_pull(self, repo: Repository, issue: Issue, action: str, *, by: User, **more: Any) -> None:
        shapes = {"number": issue.number, "pull_request": self.shapes.pull(repo, issue)}
        self._tell(repo, "pull_request", {"action": action, **shapes, **more}, by=by)

    def _tell(self, repo: Repository, event: str, payload: dict[str, Any], *, by: User) -> None:
        for app in self.apps_on(repo):
            if event in app.events:
                self._send(repo, app, event, payload={**payload, "sender": self.shapes.user(by)})

    def _send(self, repo: Repository, app: App, event: str, *, payload: dict[str, Any]) -> None:
        if EVENT_PERMISSION[event] not in app.permissions:
            return
        there = next(
            i for i in self.installations.values() if i.app is app and repo.full_name in i.repositories
        )
        pointer = {"id": there.id, "node_id": "MDIz"}
        self.send(
            app, event, {**payload, "repository": self.shapes.repository(repo), "installation": pointer}
        )

    # Looking

    def apps_on(self, repo: Repository) -> list[App]:
        return [
            i.app for i in self.installations.values() if repo.full_name in i.repositories and not i.suspended
        ]

    def repo(self, owner: str, name: str) -> Repository:
        found = self.repositories.get(f"{owner}/{name.removesuffix('.git')}")
        if found is None:
            raise Refused(404, "Not Found")
        return found

    def allowed(self, repo: Repository, login: str, level: str) -> bool:
        return LEVELS[repo.level(login)] >= LEVELS[level]


def check_words(resource: str, title: str, body: str) -> None:
    """Refuse what is too long for GitHub."""
    for field, text, most in (("title", title, TITLE_CHARS), ("body", body, BODY_CHARS)):
        if len(text) > most:
            message = f"{field} is too long (maximum is {most} characters)"
            told = {"resource": resource, "code": "custom", "field": field, "message": message}
            raise Refused(422, "Validation Failed", [told])
