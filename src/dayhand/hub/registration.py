"""The registration of an App: its credentials in exchange for a code.

https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import requests

from dayhand.errors import HubError, HubUnavailable
from dayhand.startup.records import dataclass

TIMEOUT_SECONDS = 20
CODE = re.compile(r"[A-Za-z0-9_-]{1,200}")
UNKNOWN_CODE = (404, 410, 422)
STILL_VALID = "The code stays valid for an hour."


@dataclass(frozen=True, slots=True)
class AppCredentials:
    """What GitHub gives once for an App. Secrets are kept out of ``repr``."""

    id: int
    slug: str
    page: str  # its address on GitHub
    webhook_secret: str
    private_key: str  # PEM

    def __repr__(self) -> str:
        return f"AppCredentials(id={self.id}, slug={self.slug})"


def redeem(api_url: str, code: str) -> AppCredentials:
    """Exchange the code of a registration, which works once. Raises ``HubError``, or ``HubUnavailable`` to try again.

    It is sent once: a repetition after a lost answer would find the code used.
    """
    if not CODE.fullmatch(code):
        raise HubError("That is not a code of GitHub's.", status=404)
    address = f"{api_url}/app-manifests/{code}/conversions"
    try:
        response = requests.post(
            address, headers={"Accept": "application/vnd.github+json"}, timeout=TIMEOUT_SECONDS
        )
    except requests.exceptions.ProxyError as error:
        raise HubUnavailable(
            f"The proxy of HTTPS_PROXY did not connect to {api_url}: {_reason(error)}.",
            advice=f"Correct HTTPS_PROXY, or name GitHub's host in NO_PROXY. {STILL_VALID}",
        ) from error
    except requests.exceptions.SSLError as error:
        raise HubUnavailable(
            f"The certificate of {api_url} is not trusted: {_reason(error)}.",
            advice=f"Name your certificate authority in REQUESTS_CA_BUNDLE (see the README). {STILL_VALID}",
        ) from error
    except requests.RequestException as error:
        raise HubUnavailable(
            f"{api_url} does not answer: {_reason(error)}.", advice=f"Check the network. {STILL_VALID}"
        ) from error
    if response.status_code in UNKNOWN_CODE:
        raise HubError(
            "GitHub does not know this code: it works once, within an hour.", status=response.status_code
        )
    if response.status_code != 201:
        raise HubUnavailable(
            f"{api_url} answered with status {response.status_code}.",
            status=response.status_code,
            advice=f"Try again in a minute. {STILL_VALID}",
        )
    return _read_credentials(response)


def _read_credentials(response: requests.Response) -> AppCredentials:
    try:
        row: Mapping[str, Any] = response.json()
        return AppCredentials(
            id=int(row["id"]),
            slug=str(row["slug"]),
            page=str(row["html_url"]),
            webhook_secret=_text(row["webhook_secret"]),
            private_key=_text(row["pem"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise HubError("GitHub's answer is not the credentials of an App.") from error


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(value)
    return value


def _reason(error: Exception) -> str:
    """The innermost reason of a failed connection, on one line."""
    while inner := error.__cause__ or error.__context__:
        if not isinstance(inner, Exception):
            break
        error = inner
    return " ".join(str(error).split())[:200] or type(error).__name__
