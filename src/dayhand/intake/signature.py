"""Checks that a delivery was signed with the App's webhook secret, before anything parses it.

https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from dayhand.errors import IntakeError

PREFIX = "sha256="


def verify(body: bytes, header: str | None, secrets: Sequence[str]) -> None:
    """Raise ``IntakeError`` (401) unless ``header`` is the signature of the body with one of the secrets.

    There are several secrets while one is being rotated.
    """
    if not header:
        raise IntakeError(
            "The delivery is not signed.",
            status=401,
            advice="Set a webhook secret on the App's settings page, and the same one as GITHUB_WEBHOOK_SECRET.",
        )
    given = header.encode("utf-8", "replace")
    # Every secret is tried, so that the time does not reveal which one matches.
    matches = [hmac.compare_digest(sign(body, secret).encode(), given) for secret in secrets]
    if not any(matches):
        raise IntakeError(
            "The delivery's signature does not match.",
            status=401,
            advice="Compare the webhook secret on the App's settings page with GITHUB_WEBHOOK_SECRET.",
        )


def sign(body: bytes, secret: str) -> str:
    """The value of ``X-Hub-Signature-256``."""
    return PREFIX + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
