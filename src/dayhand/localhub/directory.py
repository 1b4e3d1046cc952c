"""Who and what is there: people, repositories, Apps and where they are installed."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from dayhand.localhub.git_store import GitStore
from dayhand.localhub.payloads import PullPayloads
from dayhand.localhub.state import App, Installation, Repository, User

Send = Callable[[App, str, dict[str, Any]], None]


class Directory:
    """Everything there is. One lock: this serves one machine."""

    def __init__(self, data: Path, shapes: PullPayloads, send: Send) -> None:
        self.data = data
        self.shapes = shapes
        self.send = send
        self.lock = threading.RLock()
        self.users: dict[str, User] = {}
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.repositories: dict[str, Repository] = {}
        self._ids = itertools.count(1000)

    def add_user(self, login: str, name: str = "", kind: str = "User") -> User:
        with self.lock:
            return self.users.setdefault(login, User(self.next_id(), login, name or login, kind))

    def add_repository(
        self, full_name: str, files: Mapping[str, bytes | str], *, private: bool = False
    ) -> Repository:
        """Make a repository; ``files`` are its first commit (none: it stays empty)."""
        owner_login, name = full_name.split("/")
        with self.lock:
            owner = self.add_user(owner_login)
            store = GitStore(self.data / owner_login / f"{name}.git")
            store.create("main")
            repo = Repository(self.next_id(), owner, name, store, private, now())
            self.repositories[full_name] = repo
            raw = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
            if raw:
                store.commit_files(
                    raw,
                    "main",
                    "First version",
                    author=(owner.name, f"{owner.login}@users.noreply.localhost"),
                )
            return repo

    def add_app(
        self,
        slug: str,
        *,
        permissions: Mapping[str, str],
        events: tuple[str, ...],
        webhook_url: str,
        secret: str,
        owner: str,
    ) -> App:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        with self.lock:
            bot = self.add_user(f"{slug}[bot]", slug, "Bot")
            app = App(
                self.next_id(), slug, self.add_user(owner), bot, pem.decode(), key.public_key(), dict(permissions),
                events, webhook_url, secret,
            )  # fmt: skip
            self.apps[app.id] = app
            return app

    def install(
        self, app: App, account: str, repositories: list[str], *, long_ago: bool = False
    ) -> Installation:
        """Install an App; ``long_ago``: nobody is told, for that was before."""
        with self.lock:
            there = Installation(self.next_id(), app, self.add_user(account), repositories)
            self.installations[there.id] = there
        if not long_ago:
            named = {"repositories": self._named(repositories), "requester": None}
            self._tell_installed(there, "installation", {"action": "created", **named})
        return there

    def add_to_installation(self, there: Installation, repositories: list[str]) -> None:
        with self.lock:
            there.repositories += repositories
        payload = {
            "action": "added",
            "repository_selection": "selected",
            "repositories_added": self._named(repositories),
            "repositories_removed": [],
            "requester": None,
        }
        self._tell_installed(there, "installation_repositories", payload)

    def _named(self, repositories: list[str]) -> list[dict[str, Any]]:
        found = [self.repositories[full_name] for full_name in repositories if full_name in self.repositories]
        return [
            {
                "id": one.id,
                "node_id": "R_1",
                "name": one.name,
                "full_name": one.full_name,
                "private": one.private,
            }
            for one in found
        ]

    def _tell_installed(self, there: Installation, event: str, payload: dict[str, Any]) -> None:
        """These events come to every App, whatever it subscribed to."""
        whole = {"installation": self.shapes.installation(there), "sender": self.shapes.user(there.account)}
        self.send(there.app, event, {**payload, **whole})

    def suspend(self, there: Installation, *, again: bool = False) -> None:
        """Put an installation to sleep; ``again`` wakes it."""
        with self.lock:
            there.suspended = not again
        self._tell_installed(there, "installation", {"action": "unsuspend" if again else "suspend"})

    def uninstall(self, there: Installation) -> None:
        """Take an App away: its tokens open nothing from then on."""
        with self.lock:
            del self.installations[there.id]
            there.removed = True
        self._tell_installed(
            there, "installation", {"action": "deleted", "repositories": self._named(there.repositories)}
        )

    def next_id(self) -> int:
        return next(self._ids)


def now() -> datetime:
    return datetime.now(UTC)
