"""The connection to one repository: its token, and how its requests are sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Self, TypeVar

from github import Auth
from github.Repository import Repository

from dayhand.errors import AnswerLost
from dayhand.hub.auth import REFRESH_SECONDS, AppAuth, Token
from dayhand.hub.permissions import COMMENT_PERMISSIONS, PERMISSIONS
from dayhand.hub.requester import CountedRequester

T = TypeVar("T")
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
        self._requesters: dict[bool, CountedRequester] = {}

    def token(self) -> str:
        """A token that is valid for some more minutes, for git and for the requests here."""
        if self._token is None or self._token.expires_at - self.auth.clock() < REFRESH_SECONDS:
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
        return type(self)(
            self.auth,
            self.installation,
            self.full_name,
            permissions=COMMENT_PERMISSIONS,
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

    def _made(self, make: Callable[[], T], find: Callable[[], T | None]) -> T:
        """Create something. If the answer is lost, look whether it was created before trying again."""
        for pause in self.auth.sending.pauses:
            try:
                return make()
            except AnswerLost:
                self.auth.sending.sleep(pause)  # GitHub may still be creating it
                if found := find():
                    return found
        return make()

    def _requester(self, *, once: bool = False) -> CountedRequester:
        if once not in self._requesters:
            sending = replace(
                self.auth.sending,
                share=self.auth.share,
                installation=self.installation,
                renew=self._renewed,
                once=once,
            )
            self._requesters[once] = CountedRequester(self.auth.api_url, _CurrentToken(self), sending)
        return self._requesters[once]

    def _renewed(self) -> bool:
        """Get another token; whether there is one."""
        old = self.token()
        return self.renew(old) != old

    def _repo(self, *, once: bool = False) -> Repository:
        """The repository object. It is not requested: each call requests what it needs."""
        return Repository(self._requester(once=once), url=f"/repos/{self.full_name}")


class _CurrentToken(Auth.Token):
    """The token of a repository at the time of each request."""

    def __init__(self, hub: RepositoryConnection) -> None:
        self._hub = hub

    @property
    def token(self) -> str:
        return self._hub.token()
