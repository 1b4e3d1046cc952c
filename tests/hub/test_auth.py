"""How the App proves who it is."""

from __future__ import annotations

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from dayhand.errors import HubError, HubUnavailable, SettingsError
from dayhand.hub.auth import REFRESH_SECONDS, AppAuth, Token, load_key
from dayhand.hub.client import Hub
from tests.hub.conftest import Place


def test_the_jwt_lives_shorter_than_ten_minutes_and_begins_a_minute_back(place: Place) -> None:
    auth = AppAuth(place.server.api_url, place.app.id, place.app.private_key, clock=lambda: 1_000_000.0)
    claims = jwt.decode(auth.jwt(), options={"verify_signature": False})
    assert claims == {"iat": 999_940, "exp": 1_000_540, "iss": str(place.app.id)}


@pytest.mark.parametrize(
    "pem", ["", "not a key", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"]
)
def test_a_key_that_is_none_is_refused_with_where_to_get_one(pem: str) -> None:
    with pytest.raises(SettingsError, match="cannot be read as a PEM key") as refused:
        load_key(pem)
    assert "GITHUB_APP_PRIVATE_KEY_PATH" in refused.value.advice


def test_a_key_of_another_kind_is_named() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(SettingsError, match="not RSA"):
        load_key(pem.decode())


def test_a_locked_key_and_a_weak_key_are_named() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    locked = key.private_bytes(pem, pkcs8, serialization.BestAvailableEncryption(b"secret"))
    with pytest.raises(SettingsError, match="protected by a passphrase"):
        load_key(locked.decode())
    with pytest.raises(SettingsError, match="1024 bits"):
        load_key(key.private_bytes(pem, pkcs8, serialization.NoEncryption()).decode())


def test_another_apps_key_is_refused_with_what_to_compare(place: Place) -> None:
    other = place.server.actions.add_app(
        "other", permissions={}, events=(), webhook_url="", secret="s", owner="ada"
    )
    with pytest.raises(HubError, match="rejects our credentials") as refused:
        Hub(place.server.api_url, place.app.id, other.private_key).slug()
    assert "GITHUB_APP_ID" in refused.value.advice


def test_a_token_is_for_one_repository_and_our_permissions_only(place: Place) -> None:
    place.server.actions.add_repository("ada/other", {"a": "b"})
    place.installation.repositories.append("ada/other")
    place.app.permissions["administration"] = "write"  # the App may more than one task needs
    grant = place.server.tokens.find(place.there.token())
    assert grant.repositories == ("ada/shop",)
    assert dict(grant.permissions) == {
        "metadata": "read", "contents": "write", "issues": "write", "pull_requests": "write", "checks": "write",
    }  # fmt: skip


def test_a_token_is_kept_until_it_is_nearly_over_then_renewed(place: Place) -> None:
    first = place.there.token()
    assert place.there.token() == first
    soon = place.there.auth.clock() + REFRESH_SECONDS - 1
    place.there._token = Token(first, expires_at=soon)
    assert place.there.token() != first


def test_a_closed_repository_leaves_a_worthless_token(place: Place) -> None:
    token = place.there.token()
    place.there.close()
    assert token not in place.server.tokens._grants


def test_secrets_do_not_show_when_things_are_printed(place: Place) -> None:
    token = place.there.auth.token(place.installation.id, "ada/shop")
    assert token.value not in repr(token)


def test_a_server_that_is_not_there_may_be_there_later() -> None:
    with pytest.raises(HubUnavailable, match="could not be reached"):
        Hub("http://127.0.0.1:9/api/v3", 1, a_key()).slug()


def a_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
