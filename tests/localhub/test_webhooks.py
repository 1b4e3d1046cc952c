"""Deliveries: signed, listed, timed out and sent again as GitHub's are."""

from __future__ import annotations

import hashlib
import hmac
import threading
import uuid

from tests.localhub.conftest import SECRET, Place


def test_deliveries_are_listed_by_pages_and_by_their_end(place: Place) -> None:
    place.ear.status = 500
    place.issue()
    place.hub.wait_idle()
    place.ear.status = 202
    place.issue()
    place.hub.wait_idle()
    path = "/app/hook/deliveries"
    first = place.ask("GET", f"{path}?per_page=1", auth=place.jwt())
    assert first.json()[0]["status"] == "OK"
    following = first.links["next"]["url"].removeprefix(place.hub.api_url)
    assert place.ask("GET", following, auth=place.jwt()).json()[0]["status_code"] == 500
    failed = place.ask("GET", f"{path}?status=failure", auth=place.jwt()).json()
    assert {one["status_code"] for one in failed} == {500}
    whole = place.ask("GET", f"{path}/{failed[0]['id']}", auth=place.jwt()).json()
    assert whole["request"]["payload"]["action"] == "opened"


def test_a_receiver_has_ten_seconds(place: Place) -> None:
    assert place.hub.webhooks.timeout == 10.0
    place.hub.webhooks.timeout = 0.2
    place.hub.wait_idle()
    place.ear.deaf = threading.Event()
    place.issue()
    place.hub.wait_idle()
    place.ear.deaf.set()
    newest = place.ask("GET", "/app/hook/deliveries", auth=place.jwt()).json()[0]
    assert (newest["status"], newest["status_code"]) == ("timed out", 0)


def test_an_event_larger_than_25_megabytes_is_not_sent(place: Place) -> None:
    place.hub.wait_idle()
    before = len(place.ear.heard)
    place.hub.webhooks.send(place.app, "issues", {"action": "opened", "text": "x" * 26_214_400})
    place.hub.wait_idle()
    assert len(place.ear.heard) == before


def test_webhooks_are_signed_once_sent_and_redelivered_on_request_only(place: Place) -> None:
    place.ear.status = 500
    place.issue()
    place.hub.wait_idle()
    headers, body = place.ear.heard[-1]
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={digest}"
    assert headers["X-GitHub-Event"] == "issues"
    assert headers["X-GitHub-Hook-Installation-Target-Type"] == "integration"
    assert headers["X-GitHub-Hook-Installation-Target-ID"] == str(place.app.id)
    assert headers["User-Agent"].startswith("GitHub-Hookshot/")
    assert uuid.UUID(headers["X-GitHub-Delivery"])
    heard = len(place.ear.heard)
    (failed,) = [
        one
        for one in place.ask("GET", "/app/hook/deliveries", auth=place.jwt()).json()
        if one["event"] == "issues"
    ]
    assert failed["status_code"] == 500
    place.ear.status = 202
    path = f"/app/hook/deliveries/{failed['id']}/attempts"
    assert place.ask("POST", path, auth=place.jwt()).status_code == 202
    place.hub.wait_idle()
    assert len(place.ear.heard) == heard + 1
    again, same = place.ear.heard[-1]
    assert (again["X-GitHub-Delivery"], same) == (headers["X-GitHub-Delivery"], body)
