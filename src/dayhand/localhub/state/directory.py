"""Users, repositories, Apps and their installations, in memory."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from dayhand.localhub.attachments import Attachments
from dayhand.localhub.payloads.pulls import Payloads
from dayhand.localhub.state.git_store import GitStore
from dayhand.localhub.state.models import App, Installation, Repository, User

Send = Callable[[App, str, dict[str, Any]], None]


class Directory:
    """Holds all objects. One lock serializes every change."""

    def __init__(self, data: Path, payloads: Payloads, send: Send) -> None:
        self.data = data
        self.payloads = payloads
        self.send = send
        self.lock = threading.RLock()
        self.users: dict[str, User] = {}
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.repositories: dict[str, Repository] = {}
        self.attachments = Attachments(payloads.web)
        self.organization_owners: dict[str, set[str]] = {}  # logins
        self._ids = itertools.count(1000)

    def add_user(self, login: str, name: str = "", kind: str = "User") -> User:
        with self.lock:
            return self.users.setdefault(login, User(self.next_id(), login, name or login, kind))

    def add_organization(self, login: str, owner: User) -> User:
        """Create an organization; its owner may register and install Apps for it."""
        with self.lock:
            self.organization_owners[login] = {owner.login}
            return self.add_user(login, kind="Organization")

    def owns(self, user: User, account: User) -> bool:
        """Whether a user may register and install Apps for an account."""
        return user is account or user.login in self.organization_owners.get(account.login, ())

    def add_repository(
        self, full_name: str, files: Mapping[str, bytes | str], *, private: bool = False
    ) -> Repository:
        """Create a repository; ``files`` become its first commit, and without files it stays empty."""
        owner_login, name = full_name.split("/")
        with self.lock:
            owner = self.add_user(owner_login)
            number, folder = self.next_id(), self.data / owner_login
            used = (folder / f"{name}.git").exists()  # by one that was renamed
            store = GitStore(folder / (f"{name}-{number}.git" if used else f"{name}.git"))
            store.create("main")
            repo = Repository(number, owner, name, store, private, now())
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

    def rename(self, repo: Repository, name: str) -> None:
        """Rename a repository. Requests for the former name are redirected."""
        with self.lock:
            former = repo.full_name
            repo.name, repo.former_names = name, [*repo.former_names, former]
            self.repositories[repo.full_name] = self.repositories.pop(former)
            for installation in self.installations.values():
                names = installation.repositories
                names[:] = [repo.full_name if one == former else one for one in names]

    def add_app(
        self,
        slug: str,
        *,
        permissions: Mapping[str, str],
        events: tuple[str, ...],
        webhook_url: str,
        secret: str,
        owner: str,
        key: RSAPrivateKey | None = None,
    ) -> App:
        """Register an App; ``key`` spares the time to generate one."""
        key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        with self.lock:
            bot = self.add_user(f"{slug}[bot]", slug, "Bot")
            app = App(
                self.next_id(), slug, self.add_user(owner), bot, pem.decode(), [key.public_key()], dict(permissions),
                events, webhook_url, secret,
            )  # fmt: skip
            self.apps[app.id] = app
            return app

    def install(
        self, app: App, account: str, repositories: list[str], *, silent: bool = False
    ) -> Installation:
        """Install an App on repositories; ``silent`` sends no event."""
        with self.lock:
            installation = Installation(self.next_id(), app, self.add_user(account), repositories)
            self.installations[installation.id] = installation
        if not silent:
            payload = {
                "action": "created",
                "repositories": self._summaries(repositories),
                "requester": None,
            }
            self._send_installation_event(installation, "installation", payload)
        return installation

    def ping(self, app: App) -> None:
        """The first event of an App, which GitHub sends when its webhook is created."""
        config = {"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": app.webhook_url}
        created = "2026-01-01T00:00:00Z"
        hook = {
            "type": "App", "id": app.id, "name": "web", "active": True, "events": list(app.events), "config": config,
            "updated_at": created, "created_at": created, "app_id": app.id,
            "deliveries_url": f"{self.payloads.api}/app/hook/deliveries",
        }  # fmt: skip
        self.send(app, "ping", {"zen": "Keep it logically awesome.", "hook_id": app.id, "hook": hook})

    def add_to_installation(self, installation: Installation, repositories: list[str]) -> None:
        with self.lock:
            installation.repositories += repositories
        payload = {
            "action": "added",
            "repository_selection": "selected",
            "repositories_added": self._summaries(repositories),
            "repositories_removed": [],
            "requester": None,
        }
        self._send_installation_event(installation, "installation_repositories", payload)

    def suspend(self, installation: Installation) -> None:
        """Suspend an installation: its tokens are refused, and its App gets no events of the repositories."""
        with self.lock:
            installation.suspended = True
        self._send_installation_event(installation, "installation", {"action": "suspend"})

    def unsuspend(self, installation: Installation) -> None:
        with self.lock:
            installation.suspended = False
        self._send_installation_event(installation, "installation", {"action": "unsuspend"})

    def uninstall(self, installation: Installation) -> None:
        """Remove an installation and revoke its tokens."""
        with self.lock:
            del self.installations[installation.id]
            installation.removed = True
        payload = {"action": "deleted", "repositories": self._summaries(installation.repositories)}
        self._send_installation_event(installation, "installation", payload)

    def _summaries(self, repositories: list[str]) -> list[dict[str, Any]]:
        repos = [self.repositories[name] for name in repositories if name in self.repositories]
        return [
            {
                "id": repo.id,
                "node_id": "R_1",
                "name": repo.name,
                "full_name": repo.full_name,
                "private": repo.private,
            }
            for repo in repos
        ]

    def _send_installation_event(
        self, installation: Installation, event: str, payload: dict[str, Any]
    ) -> None:
        """GitHub sends these events to every App, whatever it subscribes to."""
        origin = {
            "installation": self.payloads.installation(installation),
            "sender": self.payloads.user(installation.account),
        }
        self.send(installation.app, event, {**payload, **origin})

    def next_id(self) -> int:
        return next(self._ids)


def now() -> datetime:
    return datetime.now(UTC)
