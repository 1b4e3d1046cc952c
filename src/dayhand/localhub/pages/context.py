"""What the pages share: the current user, and what they may do."""

from __future__ import annotations

from typing import Any

from flask import request

from dayhand.localhub.errors import ApiError
from dayhand.localhub.state.actions import CLOSING_KEYWORD, Actions
from dayhand.localhub.state.models import CheckRun, Issue, Repository, User

USER_COOKIE = "me"


class PageContext:
    """What the pages share."""

    def __init__(self, actions: Actions) -> None:
        self.actions = actions

    def people(self) -> list[User]:
        users = self.actions.users.values()
        return [user for user in users if user.type == "User" and user.login != "anonymous"]

    def current_user(self) -> User:
        people = self.people()
        login = request.cookies.get(USER_COOKIE)
        return next((user for user in people if user.login == login), people[0])

    def common(self, repo: Repository | None, **values: Any) -> dict[str, Any]:
        """The variables of every template, and ``values``."""
        return {
            "repo": repo,
            "me": self.current_user(),
            "people": self.people(),
            "repositories": self.actions.repositories.values(),
            **values,
        }

    def find(self, owner: str, name: str, number: int) -> tuple[Repository, Issue]:
        """The repository and its issue. Raises ``ApiError`` (404)."""
        repo = self.actions.repo(owner, name)
        if number not in repo.issues or repo.issues[number].deleted:
            raise ApiError(404, f"There is no issue or pull request #{number}.")
        return repo, repo.issues[number]

    def require_role(self, repo: Repository, role: str) -> None:
        """Raises ``ApiError`` (403) if the current user's role is lower."""
        login = self.current_user().login
        if not self.actions.has_role(repo, login, role):
            raise ApiError(403, f"{login} needs the {role} role on {repo.full_name} to do this.")

    def may_write(self, repo: Repository) -> bool:
        return self.actions.has_role(repo, self.current_user().login, "write")

    def last_check(self, repo: Repository, issue: Issue) -> CheckRun | None:
        """The newest check run of a pull request's head."""
        if issue.pull is None:
            return None
        runs = [run for run in repo.checks.values() if run.suite.sha == issue.pull.head_sha]
        return runs[-1] if runs else None

    def linked_pulls(self, repo: Repository, issue: Issue) -> list[Issue]:
        """The pull requests whose merge closes an issue."""
        return [
            other
            for other in repo.pulls()
            if other.pull
            and other.pull.base == repo.default_branch
            and str(issue.number) in CLOSING_KEYWORD.findall(other.body)
        ]
