"""One GitHub App: its identity, and its repositories."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from dayhand.hub.auth import AppAuth
from dayhand.hub.models import Bot
from dayhand.hub.permissions import PERMISSIONS
from dayhand.hub.repository import RepositoryHub
from dayhand.hub.requester import Sending, Share


class Hub:
    """One App. Each repository is accessed through a token of its own, which all processes share."""

    def __init__(
        self,
        api_url: str,
        app_id: int,
        private_key: str,
        *,
        share: Share | None = None,
        sending: Sending | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``share``: the write budget and the tokens of all processes. Raises ``SettingsError`` for an invalid key."""
        self.auth = AppAuth(api_url, app_id, private_key, share=share, sending=sending, clock=clock)
        self._bot: Bot | None = None

    def slug(self) -> str:
        """The App's name in URLs and mentions."""
        return self.auth.slug()

    def bot(self) -> Bot:
        """The App's bot user."""
        if self._bot is None:
            number = self.auth.remembered("bot", self._read_bot)
            self._bot = Bot(int(number), f"{self.slug()}[bot]")
        return self._bot

    def _read_bot(self) -> str:
        path = f"/users/{self.slug()}%5Bbot%5D"
        _, user = self.auth.request("GET", path, action=f"reading the user {self.slug()}[bot]")
        return str(user["id"])

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
