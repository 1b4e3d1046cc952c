"""Authentication and permissions: an App's keys, tokens and installations."""

from __future__ import annotations

import jwt
import pytest

from tests.localhub.conftest import SHOP, LocalHubFixture


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"iss": "999"}, "could not be decoded"),
        ({"exp": 1}, "Expiration time"),
        ({"exp": 99_999_999_999}, "too far in the future"),
    ],
    ids=["issuer", "expired", "too-long"],
)
def test_a_wrong_jwt_is_401(github: LocalHubFixture, claims: dict[str, object], says: str) -> None:
    answer = github.call("GET", "/app", auth=github.jwt(**claims))
    assert answer.status_code == 401
    assert says in answer.json()["message"]


def test_a_jwt_signed_by_another_key_is_401(github: LocalHubFixture) -> None:
    other = github.hub.actions.add_app(
        "other", permissions={}, events=(), webhook_url="", secret="x", owner="ada"
    )
    github.app.private_key, mine = other.private_key, github.app.private_key
    forged = github.jwt()
    github.app.private_key = mine
    assert github.call("GET", "/app", auth=forged).status_code == 401


def test_tokens_are_long_and_end_after_an_hour_or_when_revoked(github: LocalHubFixture) -> None:
    token = github.token()
    assert token.startswith(f"ghs_{github.app.id}_")
    assert len(token) > 500
    assert github.call("GET", SHOP, auth=token).status_code == 200
    assert github.call("DELETE", "/installation/token", auth=token).status_code == 204
    assert github.call("GET", SHOP, auth=token).status_code == 401
    late = github.token()
    github.hub.tokens.clock = lambda: __import__("time").time() + 3601
    assert github.call("GET", SHOP, auth=late).status_code == 401


def test_a_narrowed_token_is_refused_with_the_permission_that_was_needed(github: LocalHubFixture) -> None:
    token = github.token(permissions={"metadata": "read", "issues": "read"})
    github.issue()
    answer = github.call("POST", f"{SHOP}/issues/1/comments", auth=token, json={"body": "x"})
    assert answer.status_code == 403
    assert answer.json()["message"] == "Resource not accessible by integration"
    assert answer.headers["X-Accepted-GitHub-Permissions"] == "issues=write"


def test_a_token_for_one_repository_does_not_open_another(github: LocalHubFixture) -> None:
    github.hub.actions.add_repository("ada/other", {"a": "b"})
    assert github.call("GET", "/repos/ada/other").status_code == 404
    path = f"/app/installations/{github.installation.id}/access_tokens"
    answer = github.call("POST", path, auth=github.jwt(), json={"repositories": ["other"]})
    assert answer.status_code == 422


def test_more_than_was_granted_is_not_given(github: LocalHubFixture) -> None:
    path = f"/app/installations/{github.installation.id}/access_tokens"
    answer = github.call("POST", path, auth=github.jwt(), json={"permissions": {"workflows": "write"}})
    assert answer.status_code == 422
    assert answer.json()["message"] == "The permissions requested are not granted to this installation."


def test_a_jwt_without_an_end_is_401(github: LocalHubFixture) -> None:
    raw = jwt.encode({"iss": str(github.app.id), "iat": 1}, github.app.private_key, algorithm="RS256")
    assert github.call("GET", "/app", auth=raw).status_code == 401


def test_a_token_may_be_narrowed_by_ids_and_not_in_two_ways(github: LocalHubFixture) -> None:
    github.hub.actions.add_to_installation(github.installation, ["ada/other"])
    github.hub.actions.add_repository("ada/other", {"a": "b"})
    only = github.token(repository_ids=[github.repo.id])
    assert github.call("GET", SHOP, auth=only).status_code == 200
    assert github.call("GET", "/repos/ada/other", auth=only).status_code == 404
    path = f"/app/installations/{github.installation.id}/access_tokens"
    both = {"repositories": ["shop"], "repository_ids": [github.repo.id]}
    assert github.call("POST", path, auth=github.jwt(), json=both).status_code == 422


def test_a_removed_installation_is_gone_with_its_tokens(github: LocalHubFixture) -> None:
    token = github.token()
    github.hub.actions.uninstall(github.installation)
    assert github.call("GET", SHOP, auth=token).status_code == 401
    path = f"/app/installations/{github.installation.id}/access_tokens"
    assert github.call("POST", path, auth=github.jwt()).status_code == 404
    github.hub.wait_idle()
    before = len(github.receiver.received)
    github.issue()
    github.hub.wait_idle()
    assert len(github.receiver.received) == before


def test_a_suspended_installation_opens_nothing_and_hears_nothing(github: LocalHubFixture) -> None:
    token = github.token()
    github.installation.suspended = True
    github.hub.wait_idle()
    before = len(github.receiver.received)
    github.issue()
    github.hub.wait_idle()
    assert github.call("GET", SHOP, auth=token).status_code == 403
    assert len(github.receiver.received) == before
