"""Webhook deliveries are signed, listed, timed out and redelivered as GitHub does it."""

from __future__ import annotations

import hashlib
import hmac
import threading
import uuid

from tests.localhub.conftest import SECRET, LocalHubFixture


def test_deliveries_are_listed_by_pages_and_by_their_end(github: LocalHubFixture) -> None:
    github.receiver.status = 500
    github.issue()
    github.hub.wait_idle()
    github.receiver.status = 202
    github.issue()
    github.hub.wait_idle()
    path = "/app/hook/deliveries"
    first = github.call("GET", f"{path}?per_page=1", auth=github.jwt())
    assert first.json()[0]["status"] == "OK"
    following = first.links["next"]["url"].removeprefix(github.hub.api_url)
    assert github.call("GET", following, auth=github.jwt()).json()[0]["status_code"] == 500
    failed = github.call("GET", f"{path}?status=failure", auth=github.jwt()).json()
    assert {one["status_code"] for one in failed} == {500}
    whole = github.call("GET", f"{path}/{failed[0]['id']}", auth=github.jwt()).json()
    assert whole["request"]["payload"]["action"] == "opened"


def test_a_receiver_has_ten_seconds(github: LocalHubFixture) -> None:
    assert github.hub.webhooks.timeout == 10.0
    github.hub.webhooks.timeout = 0.2
    github.hub.wait_idle()
    github.receiver.block = threading.Event()
    github.issue()
    github.hub.wait_idle()
    github.receiver.block.set()
    newest = github.call("GET", "/app/hook/deliveries", auth=github.jwt()).json()[0]
    assert (newest["status"], newest["status_code"]) == ("timed out", 0)


def test_an_event_larger_than_25_megabytes_is_not_sent(github: LocalHubFixture) -> None:
    github.hub.wait_idle()
    before = len(github.receiver.received)
    github.hub.webhooks.send(github.app, "issues", {"action": "opened", "text": "x" * 26_214_400})
    github.hub.wait_idle()
    assert len(github.receiver.received) == before


def test_webhooks_are_signed_once_sent_and_redelivered_on_request_only(github: LocalHubFixture) -> None:
    github.receiver.status = 500
    github.issue()
    github.hub.wait_idle()
    headers, body = github.receiver.received[-1]
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={digest}"
    assert headers["X-GitHub-Event"] == "issues"
    assert headers["X-GitHub-Hook-Installation-Target-Type"] == "integration"
    assert headers["X-GitHub-Hook-Installation-Target-ID"] == str(github.app.id)
    assert headers["User-Agent"].startswith("GitHub-Hookshot/")
    assert uuid.UUID(headers["X-GitHub-Delivery"])
    received = len(github.receiver.received)
    (failed,) = [
        one
        for one in github.call("GET", "/app/hook/deliveries", auth=github.jwt()).json()
        if one["event"] == "issues"
    ]
    assert failed["status_code"] == 500
    github.receiver.status = 202
    path = f"/app/hook/deliveries/{failed['id']}/attempts"
    assert github.call("POST", path, auth=github.jwt()).status_code == 202
    github.hub.wait_idle()
    assert len(github.receiver.received) == received + 1
    again, same = github.receiver.received[-1]
    assert (again["X-GitHub-Delivery"], same) == (headers["X-GitHub-Delivery"], body)
