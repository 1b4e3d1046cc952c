"""One repository on GitHub. Whatever makes something looks first whether it is there: any call may come again."""

from __future__ import annotations

from collections.abc import Mapping
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
from dayhand.hub.auth import PERMISSIONS, REFRESH_SECONDS, TALKING, AppAuth, Token
from dayhand.hub.errors import speaking_of
from dayhand.hub.models import (
    CheckRun,
    Comment,
    Issue,
    Pull,
)
from dayhand.hub.session import open_github

GONE, REFUSED = 404, 422
OWN_BRANCHES = "dayhand/"


class RepositoryHub:
    """Reads and writes of one repository. Raises ``HubError`` for a refusal, ``HubUnavailable`` where it may pass."""

    def __init__(
        self,
        auth: AppAuth,
        installation: int,
        full_name: str,
        *,
        permissions: Mapping[str, str] = PERMISSIONS,
    ) -> None:
        self.auth = auth
        self._permissions = permissions
        self.installation = installation
        self.full_name = full_name
        self._token: Token | None = None
        self._github: Github | None = None

    def token(self) -> str:
        """A token that is good for some minutes yet: for git, and for the requests here."""
        if self._token is None or self._token.expires_at - self.auth.clock() < REFRESH_SECONDS:
            self._token = self.auth.token(self.installation, self.full_name, self._permissions)
            self._github = None
        return self._token.value

    def talking(self) -> RepositoryHub:
        """The same repository through a token that can answer a person and do nothing else."""
        return RepositoryHub(self.auth, self.installation, self.full_name, permissions=TALKING)

    def close(self) -> None:
        """Revoke the token: what has leaked is worthless then. A refusal is no harm, since it ends within the hour."""
        if self._token:
            try:
                self.auth.revoke(self._token)
            except HubError:
                pass
        self._token = self._github = None

    def permission(self, login: str) -> str:
        """What a person may do here: "admin", "write", "read" or "none"."""
        with speaking_of(f"the permission of {login}"):
            try:
                return str(self._repo().get_collaborator_permission(login))
            except GithubException as error:
                if error.status == GONE:
                    return "none"
                raise

    def user_id(self, login: str) -> int:
        with speaking_of(f"the user {login}"):
            return self._client().get_user(login).id

    def whereabouts(self) -> tuple[str, str]:
        """Where git finds the repository, and its default branch."""
        with speaking_of(f"the repository {self.full_name}"):
            _, found = self._client().requester.requestJsonAndCheck("GET", f"/repos/{self.full_name}")
        return str(found["clone_url"]), str(found["default_branch"])

    def issue(self, number: int) -> Issue:
        """An issue or pull request as it stands now."""
        with speaking_of(f"reading #{number}"):
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
            home = head.repo.full_name if head.repo else ""
            return replace(found, head_branch=head.ref, head_repository=home)

    def react(self, number: int, comment: int | None, content: str) -> None:
        """React to a comment, or to the issue itself; a repeated reaction is the same one."""
        with speaking_of(f"a reaction on #{number}"):
            if comment is None:
                self._repo().get_issue(number).create_reaction(content)
            else:
                self._repo().get_issue(number).get_comment(comment).create_reaction(content)

    def find_comment(self, number: int, marker: str) -> Comment | None:
        """Our own comment that carries a hidden marker: anybody else could write one too."""
        ours = f"{self.auth.slug()}[bot]"
        with speaking_of(f"the comments of #{number}"):
            for comment in self._repo().get_issue(number).get_comments():
                if _login(comment.user) == ours and (comment.body or "").rstrip().endswith(hidden(marker)):
                    return Comment(comment.id, comment.html_url, comment.body)
        return None

    def comment(self, number: int, body: str, marker: str) -> Comment:
        """Write the one comment that carries ``marker``: made once, edited from then on."""
        marked = f"{body}\n\n{hidden(marker)}"
        if there := self.find_comment(number, marker):
            if there.body == marked:
                return there
            with speaking_of(f"editing a comment on #{number}"):
                comment = self._repo().get_issue(number).get_comment(there.id)
                comment.edit(marked)
                return Comment(comment.id, comment.html_url, marked)
        with speaking_of(f"a comment on #{number}"):
            made = self._repo().get_issue(number).create_comment(marked)
            return Comment(made.id, made.html_url, marked)

    def find_pull(self, branch: str) -> Pull | None:
        """The pull request from a branch of this repository: the open one, else the newest."""
        owner = self.full_name.partition("/")[0]
        with speaking_of(f"the pull request of {branch}"):
            pulls = [_pull(one) for one in self._repo().get_pulls(state="all", head=f"{owner}:{branch}")]
        return next((one for one in pulls if one.state == "open"), pulls[0] if pulls else None)

    def closed_pulls(self, branch: str) -> tuple[str, ...]:
        """What the closed pull requests from a branch say, merged ones too."""
        owner = self.full_name.partition("/")[0]
        with speaking_of(f"the pull requests of {branch}"):
            pulls = self._repo().get_pulls(state="closed", head=f"{owner}:{branch}")
            return tuple(one.body or "" for one in pulls)

    def open_pull(self, branch: str, base: str, title: str, *, body: str, draft: bool = True) -> Pull:
        """The open pull request of a branch, opened where there is none; as an ordinary one where drafts are refused."""
        there = self.find_pull(branch)
        if there and there.state == "open":
            return there
        with speaking_of(f"a pull request from {branch}"):
            try:
                made = self._repo().create_pull(base=base, head=branch, title=title, body=body, draft=draft)
            except GithubException as error:
                said = str(error.data).lower() if error.status == REFUSED else ""
                if "already exists" in said and (there := self.find_pull(branch)):
                    return there  # it was made meanwhile, or by a request whose answer was lost
                if not draft or "draft" not in said:
                    raise
                made = self._repo().create_pull(base=base, head=branch, title=title, body=body)
            return _pull(made)

    def edit_pull(self, number: int, *, title: str | None = None, body: str | None = None) -> None:
        with speaking_of(f"editing pull request #{number}"):
            self._repo().get_pull(number).edit(title=title or NotSet, body=NotSet if body is None else body)

    def ready(self, number: int) -> bool:
        """Take a pull request out of draft; False where it was none."""
        with speaking_of(f"making #{number} ready for review"):
            pull = self._repo().get_pull(number)
            if pull.draft:
                pull.mark_ready_for_review()
                return True
        return False

    def request_review(self, number: int, login: str) -> bool:
        """Ask a person for review; False where GitHub does not let them (no collaborator, or the author)."""
        with speaking_of(f"a review by {login}"):
            try:
                self._repo().get_pull(number).create_review_request(reviewers=[login])
            except GithubException as error:
                if error.status == REFUSED:
                    return False
                raise
        return True

    def close_pull(self, number: int) -> None:
        with speaking_of(f"closing #{number}"):
            self._repo().get_pull(number).edit(state="closed")

    def branch_is_at(self, branch: str, commit: str) -> bool:
        """Whether a branch is there and holds exactly this commit: nobody has pushed to it."""
        with speaking_of(f"the branch {branch}"):
            try:
                path = f"/repos/{self.full_name}/git/ref/heads/{quote(branch)}"
                _, ref = self._client().requester.requestJsonAndCheck("GET", path)
            except GithubException as error:
                if error.status == GONE:
                    return False
                raise
        return bool(ref["object"]["sha"] == commit)

    def delete_branch(self, branch: str) -> None:
        """Delete a branch of ours; nothing happens where it is gone. Raises ``HubError`` for anybody else's."""
        if not branch.startswith(OWN_BRANCHES):
            raise HubError(f"{branch} is not a branch of Dayhand's, so it is not deleted.")
        with speaking_of(f"deleting {branch}"):
            try:
                path = f"/repos/{self.full_name}/git/refs/heads/{quote(branch)}"
                self._client().requester.requestJsonAndCheck("DELETE", path)
            except GithubException as error:
                if error.status not in (GONE, REFUSED):
                    raise

    def create_check(
        self, name: str, head_sha: str, external_id: str, *, details_url: str, output: dict[str, str]
    ) -> CheckRun:
        """The check run of this name and id on a commit, begun where there is none.

        ``output`` has ``title``, ``summary`` and ``text``, each at most 65,535 characters.
        """
        with speaking_of(f"a check run on {head_sha[:8]}"):
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
                output=output,  # type: ignore[arg-type] # PyGithub's type has no place for plain text
            )
            return CheckRun(made.id, made.html_url)

    def update_check(
        self, check: int, *, output: dict[str, str], conclusion: str = "", patient: bool = True
    ) -> None:
        """Rewrite a check run's text; with ``conclusion`` it is completed.

        Not ``patient``: try once and briefly, since work must not wait for what the next update tells anyway.
        """
        client = self._client() if patient else self._hurried()
        with speaking_of("updating the check run"):
            run: GitHubCheckRun = client.get_repo(self.full_name).get_check_run(check)
            run.edit(
                output=output, conclusion=conclusion or NotSet, status="completed" if conclusion else NotSet
            )

    def checks_on(self, number: int) -> tuple[CheckRun, ...]:
        """Our check runs on a pull request's head."""
        with speaking_of(f"the check runs of #{number}"):
            head = self._repo().get_pull(number).head.sha
            runs = self._repo().get_commit(head).get_check_runs(filter="all")
            return tuple(
                CheckRun(run.id, run.html_url, run.external_id, run.conclusion or "")
                for run in runs
                if run.app.id == self.auth.app_id
            )

    def retitle_check(self, check: int, title: str, conclusion: str) -> None:
        """Give a finished check run another end; ``title`` says why. What it says otherwise stays."""
        with speaking_of("accepting the check run"):
            run = self._repo().get_check_run(check)
            output = {"title": title, "summary": run.output.summary, "text": run.output.text or " "}
            run.edit(output=output, conclusion=conclusion, status="completed")

    def _client(self) -> Github:
        token = self.token()
        if self._github is None:
            self._github = open_github(self.auth.api_url, Auth.Token(token))
        return self._github

    def _hurried(self) -> Github:
        return open_github(self.auth.api_url, Auth.Token(self.token()), patient=False)

    def _repo(self) -> Repository:
        """The repository without asking for it: each call asks for what it needs."""
        return self._client().get_repo(self.full_name)


def hidden(marker: str) -> str:
    """A marker that GitHub does not show."""
    return f"<!-- dayhand:{marker} -->"


def _login(user: NamedUser | Organization | None) -> str:
    """A person's name; GitHub shows those who deleted their account as "ghost"."""
    return user.login if user else "ghost"


def _pull(pull: PullRequest) -> Pull:
    return Pull(pull.number, pull.html_url, pull.head.sha, pull.head.ref, pull.draft, pull.state)
