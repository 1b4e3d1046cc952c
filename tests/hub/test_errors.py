"""GitHub's refusals and failures, as a server on the loopback gives them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dayhand.errors import AppRejected, HubError, HubUnavailable, InstallationSuspended
from dayhand.hub.auth import AppAuth, Token
from dayhand.hub.repository import RepositoryHub
from dayhand.hub.requester import Sending
from tests.app_key import app_key_pem

PERMISSION = {"X-Accepted-GitHub-Permissions": "issues=write"}
Given = tuple[int, dict[str, object], dict[str, str]]


@dataclass
class Clerk:
    """Answers every request with what ``give`` says, and counts."""

    give: Given = (500, {"message": "Server Error"}, {})
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def clerk() -> Iterator[Clerk]:
    clerk = Clerk()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            clerk.asked.append((self.command, self.headers.get("X-GitHub-Api-Version")))
            status, body, headers = clerk.give
            sent = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(sent))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        clerk.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield clerk
        server.shutdown()
        thread.join()


@pytest.fixture
def there(clerk: Clerk) -> RepositoryHub:
    auth = AppAuth(clerk.url, 1, app_key_pem(), sending=Sending(pauses=(0.0,) * 4))
    hub = RepositoryHub(auth, 1, "ada/shop")
    hub._token = Token("t", expires_at=9e9)
    return hub


@pytest.mark.parametrize(
    ("give", "message", "advice"),
    [
        (
            (403, {"message": "Resource not accessible by integration"}, PERMISSION),
            "not accessible by integration",
            "Grant the App the permission issues=write",
        ),
        ((403, {"message": "Repository was archived so is read-only."}, PERMISSION), "archived", ""),
        ((404, {"message": "Not Found"}, PERMISSION), "Not Found", "Check that the App is installed"),
        (
            (422, {"message": "Validation Failed", "errors": [{"message": "too long"}]}, {}),
            "Validation Failed too long",
            "",
        ),
        (
            (422, {"message": "The permissions requested are not granted to this installation."}, {}),
            "not granted",
            "Accept the App's permissions",
        ),
    ],
)
def test_a_refusal_says_why_and_what_to_do(
    clerk: Clerk, there: RepositoryHub, give: Given, message: str, advice: str
) -> None:
    clerk.give = give
    with pytest.raises(HubError, match=message) as refused:
        there.issue(1)
    assert not isinstance(refused.value, HubUnavailable)
    assert refused.value.status == give[0]
    assert advice in refused.value.advice
    assert bool(advice) == bool(refused.value.advice)


@pytest.mark.parametrize(
    ("give", "kind", "message", "advice"),
    [
        (
            (403, {"message": "This installation has been suspended"}, {}),
            InstallationSuspended,
            "installation has been suspended",
            "Unsuspend the App's installation",
        ),
        ((403, {"message": "The App has been suspended"}, {}), AppRejected, "suspended", "GITHUB_APP_ID"),
        ((401, {"message": "Bad credentials"}, {}), AppRejected, "our credentials", "`dayhand doctor`"),
        (
            (401, {"message": "A JSON web token could not be decoded"}, {}),
            AppRejected,
            "our",
            "GITHUB_APP_ID",
        ),
        ((404, {"message": "Integration not found"}, {}), AppRejected, "our", "GITHUB_APP_ID"),
    ],
)
def test_what_an_operator_or_an_owner_can_correct_is_for_later(
    clerk: Clerk, there: RepositoryHub, give: Given, kind: type[AppRejected], message: str, advice: str
) -> None:
    clerk.give = give
    with pytest.raises(HubUnavailable, match=message) as refused:
        there.auth.slug()
    assert (type(refused.value), refused.value.status) == (kind, give[0])
    assert advice in refused.value.advice


@pytest.mark.parametrize(
    "give",
    [
        (429, {"message": "Too many requests"}, {}),
        (502, {"message": "Bad Gateway"}, {}),
        (403, {"message": "You have exceeded a secondary rate limit."}, {}),
    ],
)
def test_what_passes_by_itself_is_told_apart(clerk: Clerk, there: RepositoryHub, give: Given) -> None:
    clerk.give = give
    with pytest.raises(HubUnavailable):
        there.update_check(1, output={"title": "t", "summary": "s"}, retries=False)


def test_each_request_names_the_version_of_the_api(clerk: Clerk, there: RepositoryHub) -> None:
    with pytest.raises(HubUnavailable):
        there.user_id("ada")
    assert clerk.asked[0][1] == "2022-11-28"


def test_the_words_of_somebody_whose_account_is_gone_are_a_ghosts(clerk: Clerk, there: RepositoryHub) -> None:
    clerk.give = (200, {"number": 1, "title": "T", "body": None, "user": None}, {})
    assert (there.issue(1).author, there.issue(1).body) == ("ghost", "")


def test_a_check_run_of_another_app_or_behind_a_newer_one_is_told_apart(
    clerk: Clerk, there: RepositoryHub
) -> None:
    runs = [
        {
            "id": number,
            "node_id": f"n{number}",
            "external_id": "t1",
            "app": {"id": app},
            "html_url": clerk.url,
        }
        for number, app in ((7, 2), (8, 1))
    ]
    clerk.give = (200, {"total_count": 2, "check_runs": runs}, {})
    found = there.create_check("dayhand", "a" * 40, "t1", details_url="", output={})
    assert found.id == 8
