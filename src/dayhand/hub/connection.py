"""The connection to one repository: its token, and how its requests are sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Self, TypeVar

from github import Auth
from github.Repository import Repository

from dayhand.errors import AnswerLost, BudgetReached, HubError
from dayhand.hub.auth import REFRESH_SECONDS, AppAuth, Token
from dayhand.hub.errors import hub_errors
from dayhand.hub.mutations import Changed, Mutation, read_changes, request_for
from dayhand.hub.permissions import COMMENT_PERMISSIONS, PERMISSIONS, REVIEW_PERMISSIONS
from dayhand.hub.requester import AWAITED, CountedRequester, Urgency

T = TypeVar("T")
LOOK_SECONDS = 5.0  # between two looks for what a request in flight creates
SECONDS_PER_TASK = 1.0  # 60 updates a minute cost 300 of GitHub's 900 points


class RepositoryConnection:
    """What ``RepositoryHub`` sends its requests through."""

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
        self._creating = ""  # the name of what the next request creates
        self._requesters: dict[Urgency, CountedRequester] = {}

    def token(self) -> str:
        """A token that is valid for some more minutes, for git and for the requests here."""
        if self._token is None or self._token.expires_at - self.auth.now() < REFRESH_SECONDS:
            self._token = self._shared_token()
        return self._token.value

    def renew(self, rejected: str) -> str:
        """A token in place of one that the server rejected."""
        if self._token is None or self._token.value == rejected:
            self._token = self._shared_token(rejected)
        return self._token.value

    def _shared_token(self, rejected: str = "") -> Token:
        return self.auth.shared_token(
            self.installation,
            self.full_name,
            self._permissions,
            repository_id=self.repository_id,
            rejected=rejected,
        )

    def for_comments(self) -> Self:
        """The same repository with a token that can only reply to a person."""
        return self._limited_to(COMMENT_PERMISSIONS)

    def for_reviews(self) -> Self:
        """The same repository with a token that reaches its pull requests alone."""
        return self._limited_to(REVIEW_PERMISSIONS)

    def _limited_to(self, permissions: Mapping[str, str]) -> Self:
        return type(self)(
            self.auth,
            self.installation,
            self.full_name,
            permissions=permissions,
            repository_id=self.repository_id,
        )

    def close(self) -> None:
        """Close the connections. The token is kept for the next task."""
        for requester in self._requesters.values():
            requester.close()
        self._requesters.clear()

    def progress_seconds(self, task_id: str, least: float) -> float:
        """The seconds between two updates of a task's progress, so that all running tasks have room for theirs."""
        share = self.auth.share
        tasks = share.tasks_showing_progress(self.installation, task_id) if share else 1
        return max(least, tasks * SECONDS_PER_TASK if tasks > 1 else 0.0)

    def _made(self, name: str, make: Callable[[], T], find: Callable[[], T | None]) -> T:
        """Create something once, by whichever process.

        GitHub may carry out a request whose sender was killed, or whose answer was lost, when everybody has looked.
        So what such a request creates is looked for until it is there, or until the request is over.
        """
        for pause in (*self.auth.sending.pauses, None):
            if found := self._found_in_flight(name, find):
                return found
            self._creating = name
            try:
                made = make()
            except HubError as error:
                lost = isinstance(error, AnswerLost)
                if not lost or error.status:
                    self._note_end(name, sent=not isinstance(error, BudgetReached))
                if not lost or pause is None:
                    raise
            else:
                self._note_end(name)
                return made
            self.auth.sending.sleep(pause)
            if found := find():
                self._note_end(name)
                return found
        raise AssertionError("the last attempt returns or raises")

    def _found_in_flight(self, name: str, find: Callable[[], T | None]) -> T | None:
        """What a request that somebody else sent has created. If None: there is none any more, and ours is noted."""
        share, waited = self.auth.share, False
        while share and (left := share.begin_creation(self.installation, self._creation(name))):
            if waited:
                self.auth.sending.sleep(min(left, LOOK_SECONDS))
            waited = True
            if found := find():
                self._note_end(name)
                return found
        if waited and (found := find()):
            self._note_end(name)
            return found
        return None

    def _found_late(self, name: str, find: Callable[[], T | None]) -> T | None:
        """What somebody else's request has created once it is over; ours is not sent."""
        found = self._found_in_flight(name, find)
        self._note_end(name)
        return found

    def _expect(self, name: str) -> None:
        """Leave room in the budget for what is created soon."""
        if self.auth.share:
            self.auth.share.expect_creation(self.installation, self._creation(name))

    def _note_sent(self) -> None:
        if self.auth.share and self._creating:
            self.auth.share.renew_creation(self.installation, self._creation(self._creating))

    def _note_end(self, name: str, *, sent: bool = True) -> None:
        self._creating = ""
        if self.auth.share:
            self.auth.share.end_creation(self.installation, self._creation(name), sent=sent)

    def _creation(self, name: str) -> str:
        return f"{self.repository_id or self.full_name}:{name}"

    def _requester(self, urgency: Urgency = AWAITED) -> CountedRequester:
        if urgency not in self._requesters:
            sending = replace(
                self.auth.sending,
                share=self.auth.share,
                installation=self.installation,
                renew=self._renewed,
                sent=self._note_sent,
                urgency=urgency,
            )
            self._requesters[urgency] = CountedRequester(self.auth.api_url, _CurrentToken(self), sending)
        return self._requesters[urgency]

    def _change(
        self,
        mutations: Sequence[Mutation],
        urgency: Urgency = AWAITED,
        *,
        what: str = "updating the pull request",
    ) -> tuple[Changed, ...]:
        """Carry out several mutations in one request. Raises ``HubError`` if GitHub refuses one that is no courtesy."""
        if not mutations:
            return ()
        requester = self._requester(urgency)
        with hub_errors(what):
            _, answer = requester.requestJsonAndCheck(
                "POST", requester.graphql_url, input=request_for(mutations)
            )
        return read_changes(mutations, answer)

    def _renewed(self, _headers: object) -> bool:
        """Get another token; whether there is one."""
        old = self.token()
        return self.renew(old) != old

    @property
    def _address(self) -> str:
        """The repository's path, which stays the same when it is renamed or transferred, if its id is known.

        GitHub's redirections and the links between pages have this form.
        """
        return f"/repositories/{self.repository_id}" if self.repository_id else f"/repos/{self.full_name}"

    def _repo(self, urgency: Urgency = AWAITED) -> Repository:
        """The repository object. It is not requested: each call requests what it needs."""
        return Repository(self._requester(urgency), url=self._address)


class _CurrentToken(Auth.Token):
    """The token of a repository at the time of each request."""

    def __init__(self, hub: RepositoryConnection) -> None:
        self._hub = hub

    @property
    def token(self) -> str:
        return self._hub.token()
