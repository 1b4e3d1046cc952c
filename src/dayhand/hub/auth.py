"""How the App authenticates: by a short-lived JWT, and by tokens for one repository each."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from github import Auth

from dayhand.errors import AppRejected, HubError, InstallationSuspended, SettingsError
from dayhand.hub.errors import hub_errors, rejected, suspended
from dayhand.hub.permissions import PERMISSIONS
from dayhand.hub.requester import CountedRequester, Sending, Share
from dayhand.process_log.fields import LOGGER
from dayhand.startup.records import dataclass

MAX_SKEW_SECONDS = 30.0  # between our clock and GitHub's, below which it is not the reason for a 401
JWT_SECONDS = 540  # GitHub accepts at most ten minutes; one minute is left for clocks that differ
REFRESH_SECONDS = 300
REMEMBERED_SECONDS = 24 * 3600
MIN_KEY_BITS = 2048
# What people store instead of the key, by how its text begins or what it contains.
NOT_A_KEY = {
    r"\s*$": "is empty",
    r"ssh-|ecdsa-|.*-BEGIN [A-Z ]*PUBLIC KEY": "is a public key",
    r".*-BEGIN CERTIFICATE": "is a certificate, not a key",
    r".*-BEGIN OPENSSH PRIVATE KEY": "is an SSH key, not the App's",
    r"\s*SHA256:": "is only its fingerprint",
    r"\s*LS0tLS1CRUdJTi": "is encoded as Base64",
    r".*-BEGIN (?!.*-END )": "is cut off: its last line is missing",
    "": "cannot be read as a PEM key",
}
NOT_GRANTED = 422


@dataclass(frozen=True, slots=True)
class Token:
    """An installation token; ``expires_at`` in seconds since the epoch."""

    value: str
    expires_at: float

    def __repr__(self) -> str:
        return f"Token(expires_at={self.expires_at})"


class AppAuth:
    """The App's own identity.

    https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
    """

    def __init__(
        self,
        api_url: str,
        app_id: int,
        private_key: str,
        *,
        share: Share | None = None,
        sending: Sending | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises ``SettingsError`` if the key is not an RSA private key in PEM format.

        ``share``: where tokens are kept for other processes, encrypted with a key that follows from the App's key.
        """
        self.share = share
        self.sending = sending or Sending()
        digest = hashlib.sha256(b"dayhand: what is kept in Redis\0" + private_key.encode()).digest()
        self._key_name = f"app {app_id} {hashlib.sha256(digest).hexdigest()[:16]}"
        self._vault = Fernet(base64.urlsafe_b64encode(digest))
        self.api_url = api_url
        self.app_id = app_id
        self.clock = clock
        self._key = load_key(private_key)
        self._slug = ""
        self._behind = 0.0  # seconds that our clock is behind GitHub's, once that was the reason for a 401

    def now(self) -> float:
        """GitHub's time, as far as it is known."""
        return self.clock() + self._behind

    def jwt(self) -> str:
        now = int(self.now())
        claims = {"iat": now - 60, "exp": now + JWT_SECONDS, "iss": str(self.app_id)}
        return jwt.encode(claims, self._key, algorithm="RS256")

    def slug(self) -> str:
        """The App's name in URLs and mentions. Raises ``HubError``."""
        if not self._slug:
            self._slug = self.remembered("slug", self._read_slug)
        return self._slug

    def _read_slug(self) -> str:
        _, app = self.request("GET", "/app", action="reading the App's name")
        return str(app["slug"])

    def request(
        self, verb: str, path: str, *, action: str, body: Any = None, installation: int = 0
    ) -> tuple[Mapping[str, Any], Any]:
        """Send a request as the App; gives the headers and the JSON of the answer. ``action`` names it in errors.

        If our clock is wrong, it is corrected by the time of GitHub's answer. While GitHub rejects the App's key, or the
        ``installation`` is suspended, only one of all processes asks again each minute. Raises ``HubError``.
        """
        sending = replace(self.sending, share=self.share, renew=self._set_clock)
        requester = CountedRequester(self.api_url, _JWTs(self), sending)
        names = (self._key_name, f"installation {installation}")
        if self.share and self.share.rejection(names[0]):
            raise rejected(f" ({action})")
        if self.share and self.share.rejection(names[1]):
            raise suspended(f" ({action})")
        try:
            with hub_errors(action), closing(requester):
                headers, answer = requester.requestJsonAndCheck(verb, path, input=body)
        except AppRejected as error:
            self._note_rejection(error, *names)
            raise
        if self.share and self.share.end_rejection(*names):
            LOGGER.info("GitHub accepts the App again.")
        return headers, answer

    def _note_rejection(self, error: AppRejected, key: str, installation: str) -> None:
        """Stop all processes from asking, and tell the operator once."""
        if self.share is None:
            return
        at_fault = isinstance(error, InstallationSuspended)
        reason = f"{installation} is suspended" if at_fault else "GitHub rejects the App's id or key"
        if self.share.note_rejection(installation if at_fault else key, reason):
            LOGGER.error("%s %s Everything that needs it waits.", error, error.advice)

    def _set_clock(self, headers: Mapping[str, Any]) -> bool:
        """Whether a JWT was refused that another time would make valid."""
        with suppress(KeyError, TypeError, ValueError):
            behind = parsedate_to_datetime(headers["date"]).timestamp() - self.clock()
            if abs(behind - self._behind) > MAX_SKEW_SECONDS:
                self._behind = behind
                return True
        return False

    def remembered(self, what: str, ask: Callable[[], str]) -> str:
        """What does not change about the App: asked for once a day by all processes together."""
        name = self._name(what)
        if kept := self._unlocked(name):
            return kept
        text = ask()
        if self.share:
            self.share.keep_secret(name, self._vault.encrypt(text.encode()).decode(), REMEMBERED_SECONDS)
        return text

    def shared_token(
        self,
        installation: int,
        repository: str,
        permissions: Mapping[str, str],
        *,
        repository_id: int = 0,
        rejected: str = "",
    ) -> Token:
        """The token that all processes use, or a new one if it expires soon or is the ``rejected`` one."""
        which = repository_id or repository
        name = self._name("token", installation, which, *sorted(permissions.items()))
        if kept := self._unlocked(name):
            value, expires_at = json.loads(kept)
            if value != rejected and expires_at - self.now() > REFRESH_SECONDS:
                return Token(value, expires_at)
        token = self.token(installation, repository, permissions, repository_id=repository_id)
        if self.share:
            self.share.note_token(installation, repository, permissions)
        if self.share and (seconds := token.expires_at - self.now() - REFRESH_SECONDS) > 0:
            text = json.dumps([token.value, token.expires_at])
            self.share.keep_secret(name, self._vault.encrypt(text.encode()).decode(), seconds)
        return token

    def _name(self, *parts: object) -> str:
        """The name under which something of this App is kept; it says nothing to others."""
        return hashlib.sha256(repr((self.api_url, self.app_id, *parts)).encode()).hexdigest()

    def _unlocked(self, name: str) -> str:
        """What is kept under a name; "" if there is nothing, or another key locked it."""
        locked = self.share.secret(name) if self.share else None
        try:
            return self._vault.decrypt(locked.encode()).decode() if locked else ""
        except InvalidToken:
            return ""

    def token(
        self,
        installation: int,
        repository: str,
        permissions: Mapping[str, str] = PERMISSIONS,
        *,
        repository_id: int = 0,
    ) -> Token:
        """A token for one repository with only these permissions; it expires after an hour at most.

        The repository is found by its id, if that is known: its name may have changed. Raises ``HubError`` if the App is not installed there, or was not granted the permissions.
        """
        path = f"/app/installations/{installation}/access_tokens"
        named: dict[str, Any] = {"repositories": [repository.partition("/")[2]]}
        which = {"repository_ids": [repository_id]} if repository_id else named
        request = {**which, "permissions": dict(permissions)}
        try:
            action = f"requesting a token for {repository}"
            _, answer = self.request("POST", path, action=action, body=request, installation=installation)
        except HubError as error:
            if error.status == NOT_GRANTED:
                listed = ", ".join(f"{name}: {level}" for name, level in permissions.items())
                error.advice = (
                    f"Grant the App these permissions on its settings page: {listed}. Then accept them for the installation on "
                    f"{installation_page(self.api_url, installation)}; an organization has the same page under "
                    f"/organizations/{repository.partition('/')[0]}/settings."
                )
            raise
        expires = datetime.fromisoformat(answer["expires_at"]).timestamp()
        return Token(answer["token"], expires)


class _JWTs(Auth.JWT):
    """A new JWT for each request."""

    def __init__(self, auth: AppAuth) -> None:
        self._auth = auth

    @property
    def token(self) -> str:
        return self._auth.jwt()


def web_address(api_url: str) -> str:
    """The address of GitHub's pages for its API at ``api_url``."""
    return api_url.removesuffix("/api/v3").replace("https://api.", "https://", 1)


def installation_page(api_url: str, installation: int) -> str:
    """Where a person accepts an App's new permissions.

    >>> installation_page("https://api.github.com", 11)
    'https://github.com/settings/installations/11'
    >>> installation_page("https://git.example.org/api/v3", 11)
    'https://git.example.org/settings/installations/11'
    """
    return f"{web_address(api_url)}/settings/installations/{installation}"


@lru_cache(maxsize=1)
def load_key(pem: str) -> RSAPrivateKey:
    """Read the App's key. Cached, because checking a key takes 30 ms. Raises ``SettingsError`` that says what is wrong with it."""
    advice = "Download the App's private key (.pem) from its settings page on GitHub and set GITHUB_APP_PRIVATE_KEY_PATH."
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError as error:
        raise SettingsError("The App's private key is protected by a passphrase.", advice=advice) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        fault = next(fault for pattern, fault in NOT_A_KEY.items() if re.match(pattern, pem, re.DOTALL))
        raise SettingsError(f"What is set as the App's private key {fault}.", advice=advice) from error
    if not isinstance(key, RSAPrivateKey):
        kind = type(key).__name__.removesuffix("PrivateKey")
        raise SettingsError(f"The App's private key is of the kind {kind}, not RSA.", advice=advice)
    if key.key_size < MIN_KEY_BITS:
        raise SettingsError(
            f"The App's private key has {key.key_size} bits; GitHub's keys have 2048.", advice=advice
        )
    return key
