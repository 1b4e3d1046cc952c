"""Who may do what: an App's keys and tokens, and its installations."""

from __future__ import annotations

import jwt
import pytest

from tests.localhub.conftest import SHOP, Place


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"iss": "999"}, "could not be decoded"),
        ({"exp": 1}, "Expiration time"),
        ({"exp": 99_999_999_999}, "too far in the future"),
    ],
    ids=["issuer", "expired", "too-long"],
)
def test_a_wrong_jwt_is_401(place: Place, claims: dict[str, object], says: str) -> None:
    answer = place.ask("GET", "/app", auth=place.jwt(**claims))
    assert answer.status_code == 401
    assert says in answer.json()["message"]


def test_a_jwt_signed_by_another_key_is_401(place: Place) -> None:
    other = place.hub.actions.add_app(
        "other", permissions={}, events=(), webhook_url="", secret="x", owner="ada"
    )
    place.app.private_key, mine = other.private_key, place.app.private_key
    forged = place.jwt()
    place.app.private_key = mine
    assert place.ask("GET", "/app", auth=forged).status_code == 401


def test_tokens_are_long_and_end_after_an_hour_or_when_revoked(place: Place) -> None:
    token = place.token()
    assert token.startswith(f"ghs_{place.app.id}_")
    assert len(token) > 500
    assert place.ask("GET", SHOP, auth=token).status_code == 200
    assert place.ask("DELETE", "/installation/token", auth=token).status_code == 204
    assert place.ask("GET", SHOP, auth=token).status_code == 401
    late = place.token()
    place.hub.tokens.clock = lambda: __import__("time").time() + 3601
    assert place.ask("GET", SHOP, auth=late).status_code == 401


def test_a_narrowed_token_is_refused_with_the_permission_that_was_needed(place: Place) -> None:
    token = place.token(permissions={"metadata": "read", "issues": "read"})
    place.issue()
    answer = place.ask("POST", f"{SHOP}/issues/1/comments", auth=token, json={"body": "x"})
    assert answer.status_code == 403
    assert answer.json()["message"] == "Resource not accessible by integration"
    assert answer.headers["X-Accepted-GitHub-Permissions"] == "issues=write"


def test_a_token_for_one_repository_does_not_open_another(place: Place) -> None:
    place.hub.actions.add_repository("ada/other", {"a": "b"})
    assert place.ask("GET", "/repos/ada/other").status_code == 404
    path = f"/app/installations/{place.installation.id}/access_tokens"
    answer = place.ask("POST", path, auth=place.jwt(), json={"repositories": ["other"]})
    assert answer.status_code == 422


def test_more_than_was_granted_is_not_given(place: Place) -> None:
    path = f"/app/installations/{place.installation.id}/access_tokens"
    answer = place.ask("POST", path, auth=place.jwt(), json={"permissions": {"workflows": "write"}})
    assert answer.status_code == 422
    assert answer.json()["message"] == "The permissions requested are not granted to this installation."


def test_a_jwt_without_an_end_is_401(place: Place) -> None:
    raw = jwt.encode({"iss": str(place.app.id), "iat": 1}, place.app.private_key, algorithm="RS256")
    assert place.ask("GET", "/app", auth=raw).status_code == 401


def test_a_token_may_be_narrowed_by_ids_and_not_in_two_ways(place: Place) -> None:
    place.hub.actions.add_to_installation(place.installation, ["ada/other"])
    place.hub.actions.add_repository("ada/other", {"a": "b"})
    only = place.token(repository_ids=[place.repo.id])
    assert place.ask("GET", SHOP, auth=only).status_code == 200
    assert place.ask("GET", "/repos/ada/other", auth=only).status_code == 404
    path = f"/app/installations/{place.installation.id}/access_tokens"
    both = {"repositories": ["shop"], "repository_ids": [place.repo.id]}
    assert place.ask("POST", path, auth=place.jwt(), json=both).status_code == 422


def test_a_removed_installation_is_gone_with_its_tokens(place: Place) -> None:
    token = place.token()
    place.hub.actions.uninstall(place.installation)
    assert place.ask("GET", SHOP, auth=token).status_code == 401
    path = f"/app/installations/{place.installation.id}/access_tokens"
    assert place.ask("POST", path, auth=place.jwt()).status_code == 404
    place.hub.wait_idle()
    before = len(place.ear.heard)
    place.issue()
    place.hub.wait_idle()
    assert len(place.ear.heard) == before


def test_a_suspended_installation_opens_nothing_and_hears_nothing(place: Place) -> None:
    token = place.token()
    place.installation.suspended = True
    place.hub.wait_idle()
    before = len(place.ear.heard)
    place.issue()
    place.hub.wait_idle()
    assert place.ask("GET", SHOP, auth=token).status_code == 403
    assert len(place.ear.heard) == before
