"""How the App proves who it is."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from functools import cache

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from redis import Redis

from dayhand.errors import AppRejected, HubError, HubUnavailable, InstallationSuspended, SettingsError
from dayhand.hub.auth import REFRESH_SECONDS, AppAuth, Token, load_key
from dayhand.hub.client import Hub
from dayhand.hub.repository import RepositoryHub
from dayhand.hub.requester import Sending, Share
from dayhand.ledger import keys
from dayhand.ledger.github_share import REJECTED_SECONDS, GitHubShare
from dayhand.process_log.fields import LOGGER
from tests.app_key import app_key_pem
from tests.hub.conftest import Place


def test_the_jwt_lives_shorter_than_ten_minutes_and_begins_a_minute_back(place: Place) -> None:
    auth = AppAuth(place.server.api_url, place.app.id, place.app.private_key, clock=lambda: 1_000_000.0)
    claims = jwt.decode(auth.jwt(), options={"verify_signature": False})
    assert claims == {"iat": 999_940, "exp": 1_000_540, "iss": str(place.app.id)}


@pytest.mark.parametrize("skew", [-1e9, -86400.0, -700.0, 120.0, 3600.0, 1e8])
def test_a_clock_that_jumped_is_corrected_by_githubs_own(place: Place, skew: float) -> None:
    auth = AppAuth(
        place.server.api_url, place.app.id, place.app.private_key, clock=lambda: time.time() + skew
    )
    for _ in range(2):
        auth._slug = ""
        assert auth.slug() == "dayhand"
    assert len(place.server.faults.requests) == 3, "the first one was refused, and only that"
    token = auth.token(place.installation.id, "ada/shop")
    assert 3500 < token.expires_at - auth.now() < 3700, "it is known when a token expires"


PEM = app_key_pem()
INSTEAD = {
    "": "is empty",
    " \n": "is empty",
    "not a key": "cannot be read as a PEM key",
    "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----": "cannot be read as a PEM key",
    PEM[:800]: "is cut off",
    base64.b64encode(PEM.encode()).decode(): "is encoded as Base64",
    base64.encodebytes(PEM.encode()).decode(): "is encoded as Base64",
    "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----": "is a public key",
    "ssh-rsa AAAAB3Nz me@here": "is a public key",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----": "is an SSH key",
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----": "is a certificate",
    "SHA256:3VzXqtKf0gHJ1=": "is only its fingerprint",
}


@pytest.mark.parametrize("pem", list(INSTEAD), ids=range(len(INSTEAD)))
def test_what_is_stored_instead_of_a_key_is_named_with_where_to_get_one(pem: str) -> None:
    with pytest.raises(SettingsError, match=f"private key {INSTEAD[pem]}") as refused:
        load_key(pem)
    assert "GITHUB_APP_PRIVATE_KEY_PATH" in refused.value.advice
    assert len(pem) < 20 or pem not in str(refused.value)


def test_a_key_of_another_kind_is_named() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(SettingsError, match="is of the kind EC, not RSA"):
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


def share_of(place: Place, share: Share, key: str = "") -> RepositoryHub:
    """The repository, as another process with this key of the App sees it."""
    hub = Hub(place.server.api_url, place.app.id, key or place.app.private_key, share=share)
    return hub.repository(place.installation.id, "ada/shop", repository_id=place.repo.id)


def test_processes_share_a_token_until_the_server_rejects_it(place: Place, redis: Redis) -> None:
    share = GitHubShare(redis)
    first, second = share_of(place, share), share_of(place, share)
    token = first.token()
    first.close()
    assert second.token() == token
    place.server.tokens._grants.clear()
    assert not second.issue(1).is_pull  # a 401 gets a new token
    assert first.token() == token
    assert first.renew(token) == second.token() != token
    minted = [one for one in place.server.faults.requests if one.endswith("/access_tokens")]
    assert len(minted) == 2


def test_a_token_is_kept_encrypted_and_only_the_apps_key_opens_it(place: Place, redis: Redis) -> None:
    share = GitHubShare(redis)
    token = share_of(place, share).token()
    (key,) = redis.keys(keys.github_secret("*"))
    assert token not in key
    assert token not in str(redis.xrange(keys.AUDIT)), (
        "the audit log says that there is one, and its permissions"
    )
    assert token not in str(redis.get(key))
    assert 0 < redis.ttl(key) < 3600
    with pytest.raises(HubError, match="credentials"):  # it cannot read the token, and gets none of its own
        share_of(place, share, key=a_key()).token()


def test_the_apps_key_is_rotated_process_by_process_and_nothing_fails(place: Place, redis: Redis) -> None:
    """GitHub takes both keys until the old one is deleted there; each process has one of them."""
    share, new_key = GitHubShare(redis), a_key()
    before, keys_on_github = share_of(place, share), place.app.public_keys
    before.token()
    keys_on_github.append(load_pem_private_key(new_key.encode(), None).public_key())

    after = share_of(place, share, key=new_key)
    assert not after.issue(1).is_pull, "it cannot read the token that is kept, and gets one of its own"
    assert not before.issue(1).is_pull

    del keys_on_github[0]
    assert not share_of(place, share, key=new_key).issue(1).is_pull
    redis.flushall()
    with pytest.raises(HubError, match="GitHub rejects our credentials"):
        share_of(place, share).token()


def no_key(place: Place) -> None:
    """The key is deleted on GitHub: 401."""
    place.app.public_keys[:] = [load_pem_private_key(a_key().encode(), None).public_key()]


def no_app(place: Place) -> None:
    place.server.faults.add("POST .*/access_tokens$", 404, times=99)
    place.server.faults.waiting[-1].body = '{"message": "Integration not found"}'


def no_time(place: Place) -> None:
    """GitHub refuses the JWT for its time, and its clock agrees with ours."""
    place.server.faults.add("POST .*/access_tokens$", 401, times=99)


def no_installation(place: Place) -> None:
    place.installation.suspended = True


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        (no_key, "GitHub rejects the App's id or key"),
        (no_app, "GitHub rejects the App's id or key"),
        (no_time, "GitHub rejects the App's id or key"),
        (no_installation, "installation {} is suspended"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_github_rejects_is_asked_for_once_a_minute_by_all_until_it_is_accepted(
    place: Place, redis: Redis, caplog: pytest.LogCaptureFixture, fault: Callable[[Place], None], shown: str
) -> None:
    share, public_keys = GitHubShare(redis), list(place.app.public_keys)
    caplog.set_level("INFO", LOGGER.name)
    fault(place)
    asked = place.server.faults.requests
    for _ in range(5):
        with pytest.raises(AppRejected) as rejected:
            share_of(place, share).token()
        assert rejected.value.advice
    assert len(asked) == 1
    redis.delete(*redis.keys(keys.github_asked("*")))  # a minute later
    for _ in range(5):
        with pytest.raises(AppRejected):
            share_of(place, share).token()
    assert len(asked) == 2
    assert share.rejections() == [shown.format(place.installation.id)]
    assert [record.levelname for record in caplog.records] == ["ERROR"], "the operator is told once"

    place.app.public_keys[:], place.installation.suspended = public_keys, False
    place.server.faults.waiting.clear()
    redis.delete(*redis.keys(keys.github_asked("*")))
    assert share_of(place, share).token()
    assert share.rejections() == []
    assert caplog.records[-1].message == "GitHub accepts the App again."


def test_another_key_and_another_installation_are_not_held_up(place: Place, redis: Redis) -> None:
    share, new_key = GitHubShare(redis), a_key()
    place.app.public_keys[:] = [load_pem_private_key(new_key.encode(), None).public_key()]
    with pytest.raises(AppRejected):
        share_of(place, share).token()
    there = share_of(place, share, key=new_key)
    assert there.token()
    place.installation.suspended = True
    with pytest.raises(InstallationSuspended):
        there.issue(1)
    place.server.actions.add_user("eve")
    place.server.actions.add_repository("eve/shop", {"a": "b"})
    other = place.server.actions.install(place.app, "eve", ["eve/shop"])
    assert there.auth.token(other.id, "eve/shop").value


def test_a_rejection_that_nobody_met_for_a_while_is_not_shown(redis: Redis) -> None:
    share = GitHubShare(redis)
    share.note_rejection("app 1", "GitHub rejects the App's id or key")
    redis.hset(keys.GITHUB_REJECTS, "app 0", f"{time.time() - REJECTED_SECONDS - 1} the key before")
    assert share.rejections() == ["GitHub rejects the App's id or key"]
    assert redis.hkeys(keys.GITHUB_REJECTS) == ["app 1"]


def test_a_token_with_other_permissions_is_another_one(place: Place, redis: Redis) -> None:
    there = share_of(place, GitHubShare(redis))
    assert there.for_comments().token() != there.token()


def test_secrets_do_not_show_when_things_are_printed(place: Place) -> None:
    token = place.there.auth.token(place.installation.id, "ada/shop")
    assert token.value not in repr(token)


def test_a_server_that_is_not_there_may_be_there_later() -> None:
    with pytest.raises(HubUnavailable, match="could not be reached"):
        Hub("http://127.0.0.1:9/api/v3", 1, a_key(), sending=Sending(pauses=())).slug()


@cache
def a_key() -> str:
    """Another key than the App's."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
