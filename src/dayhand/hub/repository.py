"""One repository on GitHub. Calls may be repeated, so each one looks for what exists before it creates anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import quote

from github import GithubException
from github.GithubObject import NotSet
from github.NamedUser import NamedUser
from github.PullRequest import PullRequest

from dayhand.errors import HubError
from dayhand.hub.check_runs import CheckRuns
from dayhand.hub.comments import GONE, Comments, login_of
from dayhand.hub.conversation import EARLIER, QUERY, has_earlier_threads, parse_conversation
from dayhand.hub.errors import hub_errors
from dayhand.hub.models import Issue, Pull
from dayhand.hub.mutations import Changed, Mutation
from dayhand.hub.requester import AWAITED, Urgency
from dayhand.reading.conversation import Said
from dayhand.untrusted_text import let_ci_run

REFUSED = 422
OWN_BRANCHES = "dayhand/"
WITH_HTML = "application/vnd.github.full+json"


class RepositoryHub(CheckRuns, Comments):
    """Reads and writes one repository. Raises ``HubError`` if GitHub refuses, ``HubUnavailable`` if a retry may succeed."""

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
        return int(self._user(login).partition(" ")[0])

    def user_node(self, login: str) -> str:
        return self._user(login).partition(" ")[2]

    def _user(self, login: str) -> str:
        """A user's number and its id in GraphQL, which never change."""

        def ask() -> str:
            with hub_errors(f"reading the user {login}"):
                user = NamedUser(self._requester(), url=f"/users/{quote(login)}")
                return f"{user.id} {user.node_id}"

        return self.auth.remembered(f"user {login}", ask)

    def location(self) -> tuple[str, str]:
        """The repository's clone URL, and its default branch, also if its name has changed."""
        with hub_errors(f"reading the repository {self.full_name}"):
            _, found = self._requester().requestJsonAndCheck("GET", self._address)
        return str(found["clone_url"]), str(found["default_branch"])

    def issue(self, number: int) -> Issue:
        """The current state of an issue or pull request."""
        with hub_errors(f"reading #{number}"):
            issue = self._repo().get_issue(number)
            found = Issue(
                number=number,
                title=issue.title,
                body=issue.body or "",
                author=login_of(issue.user),
                is_pull=issue.pull_request is not None,
                is_open=issue.state == "open",
            )
            if not found.is_pull:
                return found
            head = self._repo().get_pull(number).head
            repository = head.repo.full_name if head.repo else ""
            return replace(found, head_branch=head.ref, head_repository=repository)

    def conversation(self, number: int) -> tuple[Said, ...]:
        """What people and Apps wrote on an issue or pull request: of each kind of text the last hundred.

        Of the threads of reviews also the first hundred.
        """
        owner, _, name = self.full_name.partition("/")
        with hub_errors(f"reading the conversation of #{number}"):
            variables = {"owner": owner, "name": name, "number": number}
            _, answer = self._requester().graphql_query(QUERY, variables)
            found = [answer["data"]]
            if has_earlier_threads(answer["data"]):
                _, answer = self._requester().graphql_query(EARLIER, variables)
                found.insert(0, answer["data"])
        bot = f"{self.auth.slug()}[bot]"
        texts = {(one.kind, one.id): one for data in found for one in parse_conversation(data, number, bot)}
        return tuple(texts.values())

    def rendered(self, said: Said) -> str:
        """A text as GitHub's HTML, in which the address of an attachment carries a signature for some minutes.

        https://docs.github.com/rest/using-the-rest-api/getting-started-with-the-rest-api#media-types
        """
        path = {
            "comment": f"issues/comments/{said.id}",
            "review": f"pulls/{said.number}/reviews/{said.id}",
            "review comment": f"pulls/comments/{said.id}",
        }.get(said.kind, f"issues/{said.number}")
        with hub_errors(f"reading a text of #{said.number}"):
            _, found = self._requester().requestJsonAndCheck(
                "GET", f"{self._address}/{path}", headers={"Accept": WITH_HTML}
            )
        return str(found.get("body_html") or "")

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

    def open_pull(
        self,
        branch: str,
        base: str,
        title: str,
        *,
        body: str,
        draft: bool = True,
        look: bool = True,
        urgency: Urgency = AWAITED,
    ) -> Pull:
        """Open a pull request for a branch, or return the open one. If GitHub refuses drafts, it is not a draft.

        Without ``look`` none was opened before.
        """
        existing = self.find_pull(branch) if look else None
        if existing and existing.state == "open":
            return existing
        title, body = let_ci_run(title), let_ci_run(body)

        def make() -> Pull:
            with hub_errors(f"opening a pull request from {branch}"):
                try:
                    made = self._repo(urgency).create_pull(
                        base=base, head=branch, title=title, body=body, draft=draft
                    )
                except GithubException as error:
                    reason = str(error.data).lower() if error.status == REFUSED else ""
                    if "already exists" in reason and (existing := self.find_pull(branch)):
                        return existing  # created in the meantime
                    if not draft or "draft" not in reason:
                        raise
                    made = self._repo(urgency).create_pull(base=base, head=branch, title=title, body=body)
                return _pull(made)

        return self._made(f"pull {branch}", make, lambda: self.find_pull(branch))

    def edit_pull(self, number: int, *, title: str | None = None, body: str | None = None) -> None:
        with hub_errors(f"editing pull request #{number}"):
            self._repo().get_pull(number).edit(
                title=let_ci_run(title) if title else NotSet,
                body=NotSet if body is None else let_ci_run(body),
            )

    def change_together(
        self,
        name: str,
        plan: Callable[[bool], Sequence[Mutation]],
        *,
        look: bool,
        urgency: Urgency = AWAITED,
    ) -> tuple[Changed, ...]:
        """Carry out several mutations in one request, which GitHub counts once; ``name`` is that of what they create.

        ``plan`` gives them; called with True it first looks for what was created before. That is so after a lost answer.
        Raises ``HubError`` if GitHub refuses one that is no courtesy.
        """

        def find() -> None:
            nonlocal look
            look = True  # only some of the mutations may have been carried out: the plan looks for each

        return self._made(name, lambda: self._change(plan(look), urgency), find)

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
                path = f"{self._address}/git/ref/heads/{quote(branch)}"
                _, ref = self._requester().requestJsonAndCheck("GET", path)
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
                path = f"{self._address}/git/refs/heads/{quote(branch)}"
                self._requester().requestJsonAndCheck("DELETE", path)
            except GithubException as error:
                if error.status not in (GONE, REFUSED):
                    raise

    def review_is_requested(self, number: int, login: str) -> bool:
        """Whether this person is asked for a review of a pull request, and has not given it yet."""
        with hub_errors(f"reading whose review of #{number} is requested"):
            people = self._repo().get_pull(number).requested_reviewers
        return login.lower() in {login_of(one).lower() for one in people}

    def head(self, number: int) -> str:
        """The commit at the head of a pull request."""
        with hub_errors(f"reading the head of #{number}"):
            return self._repo().get_pull(number).head.sha


def _pull(pull: PullRequest) -> Pull:
    head, node, repository = pull.head, pull.node_id, pull.base.repo.node_id
    return Pull(
        pull.number,
        pull.html_url,
        head.sha,
        head.ref,
        pull.draft,
        pull.state,
        merged=pull.merged_at is not None,
        node=node,
        repository_node=repository,
    )
