"""Who may ask: people with write access or better. An author's association is no permission."""

from __future__ import annotations

from typing import Protocol

ENOUGH = frozenset({"admin", "write"})  # GitHub answers "write" for maintainers too


class Permissions(Protocol):
    """What this needs of GitHub: ``hub.repository.RepositoryHub``."""

    def permission(self, login: str) -> str:
        """The person's level: "admin", "write", "read" or "none"."""


def may_ask(hub: Permissions, login: str) -> bool:
    """Whether this person may set us to work here. Raises ``HubError``."""
    return hub.permission(login) in ENOUGH
