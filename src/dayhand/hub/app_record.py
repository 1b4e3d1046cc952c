"""How the App is registered and installed, as GitHub knows it: what ``dayhand doctor`` compares with the settings.

https://docs.github.com/rest/apps/apps, https://docs.github.com/rest/apps/webhooks
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from github import GithubException

from dayhand.errors import HubError
from dayhand.hub.auth import AppAuth
from dayhand.hub.missed.deliveries import DeliveryRecord, list_deliveries
from dayhand.startup.records import dataclass

ORGANIZATION = "Organization"
FORM, JSON = "form", "json"


@dataclass(frozen=True, slots=True)
class Account:
    """Who owns an App, or has it installed."""

    login: str
    is_organization: bool


@dataclass(frozen=True, slots=True)
class AppRecord:
    """The App itself."""

    id: int
    slug: str
    page: str  # for everybody, below which it is installed
    owner: Account
    client_id: str
    permissions: Mapping[str, str]
    events: tuple[str, ...]

    def settings_path(self, page: str) -> str:
        """The path of one of its settings pages below GitHub's web address."""
        owner = f"/organizations/{self.owner.login}" if self.owner.is_organization else ""
        return f"{owner}/settings/apps/{self.slug}{page}"


@dataclass(frozen=True, slots=True)
class InstalledOn:
    """One installation of the App."""

    account: str
    page: str  # where its owner accepts new permissions
    permissions: Mapping[str, str]
    suspended: bool


@dataclass(frozen=True, slots=True)
class WebhookRecord:
    """Where GitHub sends deliveries. The secret itself is never told."""

    url: str
    content_type: str
    has_secret: bool
    insecure_ssl: bool


def read_app_record(auth: AppAuth) -> tuple[AppRecord, float | None]:
    """The App, and GitHub's clock in seconds since the epoch. Raises ``HubError``."""
    headers, row = auth.request("GET", "/app", action="reading the App")
    owner = row.get("owner") or {}
    record = AppRecord(
        id=int(row["id"]),
        slug=str(row["slug"]),
        page=str(row["html_url"]),
        owner=Account(str(owner.get("login", "")), owner.get("type") == ORGANIZATION),
        client_id=str(row.get("client_id") or ""),
        permissions=dict(row["permissions"]),
        events=tuple(row["events"]),
    )
    return record, _clock(headers)


def clock_of_refusal(error: HubError) -> float | None:
    """GitHub's clock when it refused a request; None if it did not say."""
    cause = error.__cause__
    return _clock(cause.headers or {}) if isinstance(cause, GithubException) else None


def read_installations(auth: AppAuth) -> tuple[InstalledOn, ...]:
    """The first hundred. Raises ``HubError``."""
    _, rows = auth.request("GET", "/app/installations?per_page=100", action="reading the App's installations")
    return tuple(
        InstalledOn(
            account=str((row.get("account") or {}).get("login", "")),
            page=f"{row['html_url']}/permissions/update",
            permissions=dict(row["permissions"]),
            suspended=bool(row.get("suspended_at")),
        )
        for row in rows
    )


def read_webhook(auth: AppAuth) -> WebhookRecord:
    """The App's webhook. Raises ``HubError``."""
    _, row = auth.request("GET", "/app/hook/config", action="reading the App's webhook")
    return WebhookRecord(
        url=str(row.get("url") or ""),
        content_type=str(row.get("content_type") or FORM),
        has_secret=bool(row.get("secret")),
        insecure_ssl=str(row.get("insecure_ssl", "0")) == "1",
    )


def read_attempts(auth: AppAuth, since: float) -> tuple[DeliveryRecord, ...]:
    """The last attempt of each of the newest deliveries since a time, the newest first. Raises ``HubError``."""
    newest: dict[str, DeliveryRecord] = {}
    for record in list_deliveries(auth, since, max_pages=1):
        newest.setdefault(record.guid, record)
    return tuple(newest.values())


def _clock(headers: Mapping[str, Any]) -> float | None:
    date = {name.lower(): value for name, value in headers.items()}.get("date", "")
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
