"""Authentication by App JWTs and installation tokens, as strict as GitHub's."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from dayhand.localhub.errors import ApiError
from dayhand.localhub.state.models import App, Installation, Repository, User

HOUR = 3600.0
MAX_JWT_SECONDS = 600
RANKS = {"": 0, "read": 1, "write": 2}


@dataclass(frozen=True, slots=True)
class Grant:
    """What an installation token gives access to."""

    installation: Installation
    permissions: Mapping[str, str]
    repositories: tuple[str, ...]
    expires: float  # seconds since the epoch

    def require(self, repo: Repository, permission: str, level: str) -> None:
        """Raises ``ApiError`` if the token lacks the permission on the repository; the headers name the permission."""
        if not {repo.full_name, *repo.former_names} & set(self.repositories):
            raise ApiError(404, "Not Found")
        if self.installation.suspended:
            raise ApiError(403, "This installation has been suspended")
        if RANKS[self.permissions.get(permission, "")] < RANKS[level]:
            headers = {"X-Accepted-GitHub-Permissions": f"{permission}={level}"}
            raise ApiError(403, "Resource not accessible by integration", headers=headers)

    @property
    def user(self) -> User:
        return self.installation.app.bot


class Tokens:
    """All installation tokens that are in use."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._grants: dict[str, Grant] = {}

    def app(self, header: str, apps: Mapping[int, App]) -> App:
        """The App that signed ``Authorization: Bearer <JWT>``. Raises ``ApiError`` (401)."""
        raw = _credential(header)
        try:
            issuer = int(jwt.decode(raw, options={"verify_signature": False})["iss"])
            app = apps[issuer]
        except (jwt.InvalidTokenError, KeyError, ValueError) as error:
            raise ApiError(401, "A JSON web token could not be decoded") from error
        try:
            claims = _claims(raw, app)
        except jwt.ExpiredSignatureError as error:
            raise ApiError(
                401,
                "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
            ) from error
        except jwt.InvalidTokenError as error:
            raise ApiError(401, "A JSON web token could not be decoded") from error
        if claims["exp"] - self.clock() > MAX_JWT_SECONDS:
            raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future")
        return app

    def create(
        self, installation: Installation, permissions: Mapping[str, str], repositories: tuple[str, ...]
    ) -> tuple[str, Grant]:
        """Create a token of the long form ``ghs_APPID_JWT``, about 520 characters with two dots."""
        app = installation.app
        claims = {"iss": "localhub", "sub": str(installation.id), "jti": secrets.token_hex(125)}
        token = f"ghs_{app.id}_{jwt.encode(claims, secrets.token_hex(32), algorithm='HS512')}"
        grant = Grant(installation, dict(permissions), repositories, self.clock() + HOUR)
        self._grants[token] = grant
        return token, grant

    def grant(self, header: str) -> Grant:
        """The grant of the token in ``Authorization``. Raises ``ApiError`` (401) if it is unknown, revoked or expired."""
        return self.find(_credential(header))

    def find(self, token: str) -> Grant:
        """The grant of a token. Raises ``ApiError`` (401)."""
        grant = self._grants.get(token)
        if grant is None or grant.expires <= self.clock() or grant.installation.removed:
            raise ApiError(401, "Bad credentials")
        return grant

    def revoke(self, header: str) -> None:
        self._grants.pop(_credential(header), None)


def _claims(raw: str, app: App) -> dict[str, Any]:
    """What one of the App's keys signed. Raises ``jwt.InvalidTokenError`` as the last key does."""
    *others, last = app.public_keys
    for key in others:
        with suppress(jwt.InvalidSignatureError):
            return _decode(raw, key)
    return _decode(raw, last)


def _decode(raw: str, key: RSAPublicKey) -> dict[str, Any]:
    return jwt.decode(raw, key, algorithms=["RS256"], leeway=5, options={"require": ["exp", "iat"]})


def _credential(header: str) -> str:
    kind, _, value = header.partition(" ")
    if kind.lower() not in ("bearer", "token") or not value:
        raise ApiError(401, "Requires authentication")
    return value.strip()
