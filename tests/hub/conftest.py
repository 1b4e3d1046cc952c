"""A hub client that speaks to the strict local GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis

from dayhand.hub.client import Hub
from dayhand.hub.permissions import PERMISSIONS
from dayhand.hub.repository import RepositoryHub
from dayhand.hub.requester import Sending
from dayhand.ledger.redis_server import connect, embedded
from dayhand.localhub.server import LocalHub
from dayhand.localhub.state.models import App, Installation, Issue, Repository, User
from tests.app_key import app_key


@dataclass
class Place:
    server: LocalHub
    app: App
    installation: Installation
    repo: Repository
    issue: Issue
    ada: User
    hub: Hub
    there: RepositoryHub

    def branch(self, name: str) -> str:
        """A branch with one commit more than main; gives the commit."""
        store = self.repo.store
        store.git("update-ref", f"refs/heads/{name}", store.branches()["main"])
        return store.commit_files({"new.txt": b"new\n"}, name, "More", author=("Ada", "ada@example.org"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with LocalHub(tmp_path / "github") as server:
        actions = server.actions
        ada, bob = actions.add_user("ada", "Ada"), actions.add_user("bob", "Bob")
        repo = actions.add_repository("ada/shop", {"a.txt": "a\n"})
        app = actions.add_app(
            "dayhand",
            permissions=PERMISSIONS,
            events=(),
            webhook_url="",
            secret="s",
            owner="ada",
            key=app_key(),
        )
        installation = actions.install(app, "ada", ["ada/shop"])
        issue = actions.open_issue(repo, bob, "Wrong order", body="Please look.")
        hub = Hub(server.api_url, app.id, app.private_key, sending=Sending(pauses=(0.0, 0.0)))
        there = hub.repository(installation.id, "ada/shop")
        yield Place(server, app, installation, repo, issue, ada, hub, there)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded(tmp_path_factory.mktemp("hub")) as url:
        yield url


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with connect(redis_url) as client:
        client.flushall()
        yield client
