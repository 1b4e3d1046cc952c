"""The events that GitHub sends to the Apps on a repository.

https://docs.github.com/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from typing import Any

from dayhand.localhub.errors import ApiError
from dayhand.localhub.state.directory import Directory
from dayhand.localhub.state.models import (
    ROLES,
    App,
    CheckRun,
    CheckSuite,
    Comment,
    Issue,
    Repository,
    Review,
    ReviewComment,
    ReviewThread,
    User,
)

EVENT_PERMISSION = {
    "issues": "issues", "issue_comment": "issues", "pull_request": "pull_requests", "pull_request_review": "pull_requests",
    "pull_request_review_comment": "pull_requests", "pull_request_review_thread": "pull_requests", "check_run": "checks",
    "check_suite": "checks", "push": "contents",
}  # fmt: skip


class Events(Directory):
    """Sends events to each App that is installed, has the permission and subscribes."""

    def send_issue_event(
        self, repo: Repository, issue: Issue, action: str, *, by: User, **fields: Any
    ) -> None:
        payload = {"action": action, "issue": self.payloads.issue(repo, issue), **fields}
        self._send_event(repo, "issues", payload, by=by)

    def send_comment_event(
        self, repo: Repository, issue: Issue, comment: Comment, *, action: str, by: User, **fields: Any
    ) -> None:
        payload = {
            "action": action,
            "issue": self.payloads.issue(repo, issue),
            "comment": self.payloads.comment(repo, issue, comment),
            **fields,
        }
        self._send_event(repo, "issue_comment", payload, by=by)

    def send_pull_event(
        self, repo: Repository, issue: Issue, action: str, *, by: User, **fields: Any
    ) -> None:
        payload = {
            "action": action,
            "number": issue.number,
            "pull_request": self.payloads.pull(repo, issue),
            **fields,
        }
        self._send_event(repo, "pull_request", payload, by=by)

    def _send_event(self, repo: Repository, event: str, payload: dict[str, Any], *, by: User) -> None:
        for app in self.apps_on(repo):
            if event in app.events:
                self._send(repo, app, event, payload={**payload, "sender": self.payloads.user(by)})

    def _send(self, repo: Repository, app: App, event: str, *, payload: dict[str, Any]) -> None:
        if EVENT_PERMISSION[event] not in app.permissions:
            return
        installation = next(
            one
            for one in self.installations.values()
            if one.app is app and repo.full_name in one.repositories
        )
        origin = {
            "repository": self.payloads.repository(repo),
            "installation": {"id": installation.id, "node_id": "MDIz"},
        }
        self.send(app, event, {**payload, **origin})

    def send_review_event(
        self, repo: Repository, issue: Issue, review: Review, *, action: str, by: User, **fields: Any
    ) -> None:
        payload = {
            "action": action,
            "review": self.payloads.review_in_event(repo, issue, review),
            "pull_request": self.payloads.pull(repo, issue),
            **fields,
        }
        self._send_event(repo, "pull_request_review", payload, by=by)

    def send_review_comment_event(
        self, repo: Repository, issue: Issue, comment: ReviewComment, *, action: str, by: User, **fields: Any
    ) -> None:
        payload = {
            "action": action,
            "comment": self.payloads.review_comment(repo, issue, comment),
            "pull_request": self.payloads.pull(repo, issue),
            **fields,
        }
        self._send_event(repo, "pull_request_review_comment", payload, by=by)

    def send_thread_event(
        self, repo: Repository, issue: Issue, thread: ReviewThread, *, action: str, by: User
    ) -> None:
        payload = {
            "action": action,
            "thread": self.payloads.review_thread(repo, issue, thread),
            "pull_request": self.payloads.pull(repo, issue),
        }
        self._send_event(repo, "pull_request_review_thread", payload, by=by)

    def send_suite_event(self, repo: Repository, suite: CheckSuite, action: str, *, by: User) -> None:
        payload = {
            "action": action,
            "check_suite": self.payloads.check_suite(repo, suite),
            "sender": self.payloads.user(by),
        }
        self._send(repo, suite.app, "check_suite", payload=payload)

    def send_run_event(
        self, repo: Repository, run: CheckRun, action: str, *, by: User, **fields: Any
    ) -> None:
        payload = {
            "action": action,
            "check_run": self.payloads.check_run(repo, run),
            **fields,
            "sender": self.payloads.user(by),
        }
        self._send(repo, run.suite.app, "check_run", payload=payload)

    # Queries

    def apps_on(self, repo: Repository) -> list[App]:
        """The Apps that are installed on a repository and not suspended."""
        return [
            installation.app
            for installation in self.installations.values()
            if repo.full_name in installation.repositories and not installation.suspended
        ]

    def repo(self, owner: str, name: str) -> Repository:
        """The repository of this name. Raises ``ApiError``: 404, or 301 for the former name of one."""
        full_name = f"{owner}/{name.removesuffix('.git')}"
        if repo := self.repositories.get(full_name):
            return repo
        for renamed in self.repositories.values():
            if full_name in renamed.former_names:
                location = f"{self.payloads.api}/repositories/{renamed.id}"
                raise ApiError(301, "Moved Permanently", headers={"Location": location})
        raise ApiError(404, "Not Found")

    def has_role(self, repo: Repository, login: str, role: str) -> bool:
        """Whether a user's role on a repository is ``role`` or a higher one."""
        return ROLES[repo.role(login)] >= ROLES[role]
