"""One repository on GitHub. Calls may be repeated, so each one looks for what exists before it creates anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from github import Auth, Github, GithubException
from github.CheckRun import CheckRun as GitHubCheckRun
from github.GithubObject import NotSet
from github.NamedUser import NamedUser
from github.Organization import Organization
from github.PullRequest import PullRequest
from github.Repository import Repository

from dayhand.errors import HubError
from dayhand.hub.auth import REFRESH_SECONDS, AppAuth, Token
from dayhand.hub.conversation import QUERY, parse_conversation
from dayhand.hub.errors import hub_errors
from dayhand.hub.models import (
    CheckRun,
    Comment,
    Issue,
    Pull,
)
from dayhand.hub.permissions import COMMENT_PERMISSIONS, PERMISSIONS
from dayhand.hub.session import open_github
from dayhand.reading.conversation import Said
from dayhand.untrusted_text import let_ci_run

GONE, REFUSED = 404, 422
OWN_BRANCHES = "dayhand/"


class RepositoryHub:
    """Reads and writes one repository. Raises ``HubError`` if GitHub refuses, ``HubUnavailable`` if a retry may succeed."""

    def __init__(
        self,
        auth: AppAuth,
        installation: int,
        full_name: str,
        *,
        permissions: Mapping[str, str] = PERMISSIONS,
        repository_id: int = 0,
    ) -> None:
        """``repository_id``: 0 if it is not known."""
        self.auth = auth
        self.repository_id = repository_id
        self._permissions = permissions
        self.installation = installation
        self.full_name = full_name
        self._token: Token | None = None
        self._github: Github | None = None

    def token(self) -> str:
        """A token that is valid for some more minutes, for git and for the requests here."""
        if self._token is None or self._token.expires_at - self.auth.clock() < REFRESH_SECONDS:
            self._token = self.auth.token(
                self.installation, self.full_name, self._permissions, repository_id=self.repository_id
            )
            self._github = None
        return self._token.value

    def renew(self, rejected: str) -> str:
        """A token in place of one that the server rejected."""
        if self._token and self._token.value == rejected:
            self._token = None
        return self.token()

    def for_comments(self) -> RepositoryHub:
        """The same repository with a token that can only reply to a person."""
        hub = RepositoryHub(self.auth, self.installation, self.full_name, permissions=COMMENT_PERMISSIONS)
        hub.repository_id = self.repository_id
        return hub

    def close(self) -> None:
        """Revoke the token, in case it leaked. A refusal is ignored, since the token expires within the hour."""
        if self._token:
            try:
                self.auth.revoke(self._token)
            except HubError:
                pass
        self._token = self._github = None

    def permission(self, login: str) -> str:
        """The permission of a person: "admin", "write", "read" or "none"."""
        with hub_errors(f"reading the permission of {login}"):
            try:
                return str(self._repo().get_collaborator_permission(login))
            except GithubException as error:
                if error.status == GONE:
                    return "none"
                raise

    def user_id(self, login: str) -> int:
        with hub_errors(f"reading the user {login}"):
            return self._client().get_user(login).id

    def location(self) -> tuple[str, str]:
        """The repository's clone URL, and its default branch, also if its name has changed."""
        by_id, by_name = f"/repositories/{self.repository_id}", f"/repos/{self.full_name}"
        with hub_errors(f"reading the repository {self.full_name}"):
            path = by_id if self.repository_id else by_name
            _, found = self._client().requester.requestJsonAndCheck("GET", path)
        return str(found["clone_url"]), str(found["default_branch"])

    def issue(self, number: int) -> Issue:
        """The current state of an issue or pull request."""
        with hub_errors(f"reading #{number}"):
            issue = self._repo().get_issue(number)
            found = Issue(
                number=number,
                title=issue.title,
                body=issue.body or "",
                author=_login(issue.user),
                is_pull=issue.pull_request is not None,
                is_open=issue.state == "open",
            )
            if not found.is_pull:
                return found
            head = self._repo().get_pull(number).head
            repository = head.repo.full_name if head.repo else ""
            return replace(found, head_branch=head.ref, head_repository=repository)

    def conversation(self, number: int) -> tuple[Said, ...]:
        """What people and Apps wrote on an issue or pull request: of each kind of text the last hundred."""
        owner, _, name = self.full_name.partition("/")
        with hub_errors(f"reading the conversation of #{number}"):
            variables = {"owner": owner, "name": name, "number": number}
            _, answer = self._client().requester.graphql_query(QUERY, variables)
        return parse_conversation(answer["data"], number, f"{self.auth.slug()}[bot]")

    def reply_in_thread(self, number: int, comment: int, body: str, *, marker: str) -> None:
        """Reply to the first comment of a thread of a review. GitHub takes no reply to a thread that is gone."""
        path = f"/repos/{self.full_name}/pulls/{number}/comments/{comment}/replies"
        with hub_errors(f"replying to a comment on #{number}"):
            text = f"{body}\n\n{hidden_marker(marker)}"
            self._client().requester.requestJsonAndCheck("POST", path, input={"body": text})

    def react(self, number: int, comment: int | None, content: str) -> None:
        """React to a comment, or to the issue itself. A repeated reaction changes nothing."""
        with hub_errors(f"reacting on #{number}"):
            if comment is None:
                self._repo().get_issue(number).create_reaction(content)
            else:
                self._repo().get_issue(number).get_comment(comment).create_reaction(content)

    def find_comment(self, number: int, marker: str) -> Comment | None:
        """Our own comment with this hidden marker; comments of others are ignored, since anyone can write a marker."""
        ours = f"{self.auth.slug()}[bot]"
        with hub_errors(f"reading the comments of #{number}"):
            for comment in self._repo().get_issue(number).get_comments():
                if _login(comment.user) == ours and (comment.body or "").rstrip().endswith(
                    hidden_marker(marker)
                ):
                    return Comment(comment.id, comment.html_url, comment.body)
        return None

    def comment(self, number: int, body: str, marker: str) -> Comment:
        """Create the one comment with this ``marker``, or edit it if it exists."""
        marked = f"{body}\n\n{hidden_marker(marker)}"
        if existing := self.find_comment(number, marker):
            if existing.body == marked:
                return existing
            with hub_errors(f"editing a comment on #{number}"):
                comment = self._repo().get_issue(number).get_comment(existing.id)
                comment.edit(marked)
                return Comment(comment.id, comment.html_url, marked)
        with hub_errors(f"commenting on #{number}"):
            made = self._repo().get_issue(number).create_comment(marked)
            return Comment(made.id, made.html_url, marked)

    def find_pull(self, branch: str) -> Pull | None:
        """The pull request from a branch of this repository: the open one, or else the newest."""
        owner = self.full_name.partition("/")[0]
        with hub_errors(f"reading the pull request of {branch}"):
            pulls = [_pull(pull) for pull in self._repo().get_pulls(state="all", head=f"{owner}:{branch}")]
        return next((pull for pull in pulls if pull.state == "open"), pulls[0] if pulls else None)

    def pull(self, number: int) -> Pull:
        with hub_errors(f"reading pull request #{number}"):
            return _pull(self._repo().get_pull(number))

    def closed_pull_bodies(self, branch: str) -> tuple[str, ...]:
        """The bodies of the closed and merged pull requests from a branch."""
        owner = self.full_name.partition("/")[0]
        with hub_errors(f"reading the pull requests of {branch}"):
            pulls = self._repo().get_pulls(state="closed", head=f"{owner}:{branch}")
            return tuple(pull.body or "" for pull in pulls)

    def open_pull(self, branch: str, base: str, title: str, *, body: str, draft: bool = True) -> Pull:
        """Open a pull request for a branch, or return the open one. If GitHub refuses drafts, it is not a draft."""
        existing = self.find_pull(branch)
        if existing and existing.state == "open":
            return existing
        title, body = let_ci_run(title), let_ci_run(body)
        with hub_errors(f"opening a pull request from {branch}"):
            try:
                made = self._repo().create_pull(base=base, head=branch, title=title, body=body, draft=draft)
            except GithubException as error:
                reason = str(error.data).lower() if error.status == REFUSED else ""
                if "already exists" in reason and (existing := self.find_pull(branch)):
                    return existing  # created in the meantime, or by a request whose response was lost
                if not draft or "draft" not in reason:
                    raise
                made = self._repo().create_pull(base=base, head=branch, title=title, body=body)
            return _pull(made)

    def edit_pull(self, number: int, *, title: str | None = None, body: str | None = None) -> None:
        with hub_errors(f"editing pull request #{number}"):
            self._repo().get_pull(number).edit(
                title=let_ci_run(title) if title else NotSet,
                body=NotSet if body is None else let_ci_run(body),
            )

    def ready(self, number: int) -> bool:
        """Mark a draft as ready for review; return False if it was not a draft."""
        with hub_errors(f"marking #{number} as ready for review"):
            pull = self._repo().get_pull(number)
            if pull.draft:
                pull.mark_ready_for_review()
                return True
        return False

    def request_review(self, number: int, login: str) -> bool:
        """Request a review; return False if GitHub refuses this person (not a collaborator, or the author)."""
        with hub_errors(f"requesting a review by {login}"):
            try:
                self._repo().get_pull(number).create_review_request(reviewers=[login])
            except GithubException as error:
                if error.status == REFUSED:
                    return False
                raise
        return True

    def close_pull(self, number: int) -> None:
        with hub_errors(f"closing #{number}"):
            self._repo().get_pull(number).edit(state="closed")

    def branch_is_at(self, branch: str, commit: str) -> bool:
        """Whether a branch exists and its head is this commit, so that nobody has pushed to it."""
        with hub_errors(f"reading the branch {branch}"):
            try:
                path = f"/repos/{self.full_name}/git/ref/heads/{quote(branch)}"
                _, ref = self._client().requester.requestJsonAndCheck("GET", path)
            except GithubException as error:
                if error.status == GONE:
                    return False
                raise
        return bool(ref["object"]["sha"] == commit)

    def delete_branch(self, branch: str) -> None:
        """Delete one of our branches, if it exists. Raises ``HubError`` for any other branch."""
        if not branch.startswith(OWN_BRANCHES):
            raise HubError(f"{branch} was not created by Dayhand, so it is not deleted.")
        with hub_errors(f"deleting {branch}"):
            try:
                path = f"/repos/{self.full_name}/git/refs/heads/{quote(branch)}"
                self._client().requester.requestJsonAndCheck("DELETE", path)
            except GithubException as error:
                if error.status not in (GONE, REFUSED):
                    raise

    def create_check(
        self, name: str, head_sha: str, external_id: str, *, details_url: str, output: dict[str, str]
    ) -> CheckRun:
        """Start a check run on a commit, or return the one with this name and external id.

        ``output`` has ``title``, ``summary`` and ``text``, each at most 65,535 characters.
        """
        with hub_errors(f"creating a check run on {head_sha[:8]}"):
            runs = self._repo().get_commit(head_sha).get_check_runs(check_name=name, filter="all")
            for run in runs:  # "latest", GitHub's default, hides all but one of a name
                if run.external_id == external_id and run.app.id == self.auth.app_id:
                    return CheckRun(run.id, run.html_url)
            made = self._repo().create_check_run(
                name,
                head_sha,
                details_url=details_url,
                external_id=external_id,
                status="in_progress",
                output=output,  # type: ignore[arg-type] # PyGithub's type does not allow plain text
            )
            return CheckRun(made.id, made.html_url)

    def update_check(
        self,
        check: int,
        *,
        output: dict[str, str],
        conclusion: str = "",
        buttons: Sequence[dict[str, str]] = (),
        retries: bool = True,
    ) -> None:
        """Replace the text of a check run, and complete it, with its buttons, if there is a ``conclusion``.

        Without ``retries`` it is tried once, with a short timeout: the next update contains the same text.
        """
        client = self._client() if retries else self._client_without_retries()
        with hub_errors("updating the check run"):
            run: GitHubCheckRun = client.get_repo(self.full_name).get_check_run(check)
            run.edit(
                output=output,
                conclusion=conclusion or NotSet,
                status="completed" if conclusion else NotSet,
                actions=list(buttons) if conclusion else NotSet,
            )

    def head(self, number: int) -> str:
        """The commit at the head of a pull request."""
        with hub_errors(f"reading the head of #{number}"):
            return self._repo().get_pull(number).head.sha

    def checks_on(self, number: int) -> tuple[CheckRun, ...]:
        """Our check runs on the head of a pull request."""
        with hub_errors(f"reading the check runs of #{number}"):
            head = self._repo().get_pull(number).head.sha
            runs = self._repo().get_commit(head).get_check_runs(filter="all")
            return tuple(
                CheckRun(run.id, run.html_url, run.external_id, run.conclusion or "")
                for run in runs
                if run.app.id == self.auth.app_id
            )

    def retitle_check(self, check: int, title: str, conclusion: str) -> None:
        """Change the conclusion of a completed check run, and its title. Its text stays."""
        with hub_errors("changing the check run"):
            run = self._repo().get_check_run(check)
            output = {"title": title, "summary": run.output.summary, "text": run.output.text or " "}
            run.edit(output=output, conclusion=conclusion, status="completed")

    def _client(self) -> Github:
        token = self.token()
        if self._github is None:
            self._github = open_github(self.auth.api_url, Auth.Token(token))
        return self._github

    def _client_without_retries(self) -> Github:
        return open_github(self.auth.api_url, Auth.Token(self.token()), retries=False)

    def _repo(self) -> Repository:
        """The repository object. It is not requested: each call requests what it needs."""
        return self._client().get_repo(self.full_name)


def hidden_marker(name: str) -> str:
    """A comment in Markdown that GitHub does not show."""
    return f"<!-- dayhand:{name} -->"


def _login(user: NamedUser | Organization | None) -> str:
    """A login; GitHub shows deleted accounts as "ghost"."""
    return user.login if user else "ghost"


def _pull(pull: PullRequest) -> Pull:
    number, url, head = pull.number, pull.html_url, pull.head
    return Pull(number, url, head.sha, head.ref, pull.draft, pull.state, merged=pull.merged_at is not None)
