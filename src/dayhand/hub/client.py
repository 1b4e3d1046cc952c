"""One GitHub App: its identity, and its repositories."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from dayhand.hub.auth import AppAuth
from dayhand.hub.errors import hub_errors
from dayhand.hub.models import Bot
from dayhand.hub.permissions import PERMISSIONS
from dayhand.hub.repository import RepositoryHub


class Hub:
    """One App. Each repository is accessed through a token of its own."""

    def __init__(
        self, api_url: str, app_id: int, private_key: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        """Raises ``SettingsError`` if the private key is not valid."""
        self.auth = AppAuth(api_url, app_id, private_key, clock=clock)
        self._bot: Bot | None = None

    def slug(self) -> str:
        """The App's name in URLs and mentions."""
        return self.auth.slug()

    def bot(self) -> Bot:
        """The App's bot user."""
        if self._bot is None:
            login = f"{self.slug()}[bot]"
            with hub_errors(f"reading the user {login}"):
                path = f"/users/{self.slug()}%5Bbot%5D"
                _, user = self.auth.github().requester.requestJsonAndCheck("GET", path)
            self._bot = Bot(int(user["id"]), login)
        return self._bot

    def repository(
        self,
        installation: int,
        full_name: str,
        permissions: Mapping[str, str] = PERMISSIONS,
        *,
        repository_id: int = 0,
    ) -> RepositoryHub:
        """One repository, found by its id after it was renamed, if the id is known."""
        return RepositoryHub(
            self.auth, installation, full_name, permissions=permissions, repository_id=repository_id
        )
