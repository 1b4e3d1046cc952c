"""Who may start a task: people with write access. An author's association is not a permission."""

from __future__ import annotations

from typing import Protocol

ALLOWED = frozenset({"admin", "write"})  # GitHub answers "write" for maintainers as well


class Permissions(Protocol):
    """What this needs of GitHub: ``hub.repository.RepositoryHub``."""

    def permission(self, login: str) -> str:
        """The permission of a person: "admin", "write", "read" or "none"."""


def may_ask(hub: Permissions, login: str) -> bool:
    """Whether this person may start a task in this repository. Raises ``HubError``."""
    return hub.permission(login) in ALLOWED
