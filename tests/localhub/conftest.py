"""A local GitHub with one repository, an App, and a receiver of its webhooks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from dayhand.hub.auth import load_key
from dayhand.hub.permissions import EVENTS, PERMISSIONS
from dayhand.localhub.server import LocalHub
from dayhand.localhub.state.models import App, Installation, Issue, Repository, User
from tests.app_key import app_key
from tests.localhub.payload_schema import validate_response

SECRET = "s3cret"
SHOP = "/repos/ada/shop"


@dataclass
class WebhookReceiver:
    """Records the headers and body of each webhook."""

    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    status: int = 202
    block: threading.Event | None = None  # no webhook is answered until it is set

    def of(self, event: str) -> list[dict[str, Any]]:
        return [json.loads(body) for headers, body in self.received if headers["X-GitHub-Event"] == event]


@dataclass
class LocalHubFixture:
    """The objects that a test works with."""

    hub: LocalHub
    app: App
    installation: Installation
    repo: Repository
    ada: User
    bob: User
    receiver: WebhookReceiver
    called: set[tuple[str, str]] = field(default_factory=set)  # the calls that were made, as (method, rule)

    def jwt(self, **claims: Any) -> str:
        now = int(self.hub.tokens.clock())
        whole = {"iat": now - 60, "exp": now + 540, "iss": str(self.app.id), **claims}
        return jwt.encode(whole, load_key(self.app.private_key), algorithm="RS256")

    def token(self, **wanted: Any) -> str:
        path = f"/app/installations/{self.installation.id}/access_tokens"
        return str(self.call("POST", path, auth=self.jwt(), json=wanted).json()["token"])

    def call(self, method: str, path: str, *, auth: str = "", **more: Any) -> requests.Response:
        """Call the API, and validate its response against GitHub's schema."""
        headers = {"Authorization": f"Bearer {auth or self.token()}", **more.pop("headers", {})}
        response = requests.request(method, self.hub.api_url + path, headers=headers, timeout=60, **more)
        self.called.add(validate_response(self.hub.app, method, path, response))
        return response

    def issue(self) -> Issue:
        return self.hub.actions.open_issue(self.repo, self.bob, "Wrong order", body="Please look.")

    def branch(self, name: str = "dayhand/1-x", path: str = "new.txt") -> str:
        """A branch with one commit more than main."""
        store = self.repo.store
        store.git("update-ref", f"refs/heads/{name}", store.branches()["main"])
        return store.commit_files({path: b"new\n"}, name, "More", author=("Ada", "ada@example.org"))


@pytest.fixture
def receiver() -> Iterator[tuple[WebhookReceiver, str]]:
    received = WebhookReceiver()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.received.append((dict(self.headers.items()), body))
            if received.block:
                received.block.wait(30)
            self.send_response(received.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield received, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def github(tmp_path: Path, receiver: tuple[WebhookReceiver, str]) -> Iterator[LocalHubFixture]:
    with LocalHub(tmp_path / "github") as hub:
        actions = hub.actions
        ada, bob = actions.add_user("ada", "Ada"), actions.add_user("bob", "Bob")
        repo = actions.add_repository("ada/shop", {"README.md": "# Shop\n"})
        app = actions.add_app(
            "dayhand",
            permissions=PERMISSIONS,
            events=EVENTS,
            webhook_url=receiver[1],
            secret=SECRET,
            owner="ada",
            key=app_key(),
        )
        yield LocalHubFixture(
            hub, app, actions.install(app, "ada", ["ada/shop"]), repo, ada, bob, receiver[0]
        )
