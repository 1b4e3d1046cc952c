"""Where GitHub sends the App's deliveries, what became of the last ones, and whether this installation answers there."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dayhand.commands.doctor.codes import FaultCode
from dayhand.commands.doctor.finding import HealthFinding
from dayhand.commands.doctor.github import (
    Clock,
    is_public_github,
    not_read,
    open_auth,
    short_reason,
    web_address,
)
from dayhand.errors import HubError, SettingsError
from dayhand.settings.table import Settings
from dayhand.settings.value_types import mask_password

if TYPE_CHECKING:  # as in github.py
    from dayhand.hub.app_record import WebhookRecord
    from dayhand.hub.missed.deliveries import DeliveryRecord

DAY = 24 * 3600.0
SECONDS = 5.0
REFUSED_SIGNATURE = 401
MAX_BYTES = 4096


def check_webhook(settings: Settings, clock: Clock = time.time) -> Iterator[HealthFinding]:
    """GitHub's own record of the webhook and of its deliveries. What GitHub does not tell is reported elsewhere."""
    try:
        auth = open_auth(settings)
    except SettingsError:
        return
    from dayhand.hub.app_record import read_app_record, read_attempts, read_webhook

    try:
        app, _ = read_app_record(auth)
    except HubError:
        return
    page = f"{web_address(settings.api_url)}{app.settings_path('')}"
    try:
        yield from check_record(settings, read_webhook(auth), page)
        yield from check_attempts(settings, read_attempts(auth, clock() - DAY), page)
    except HubError as error:
        yield not_read(error, page)


def check_record(settings: Settings, hook: WebhookRecord, page: str) -> Iterator[HealthFinding]:
    """GitHub's record of the webhook against the settings."""
    from dayhand.hub.app_record import JSON

    expected = f"{settings.url}/webhook"
    if settings.poll:
        yield HealthFinding(
            f"deliveries are read from GitHub's list every {settings.poll} s, so their address does not matter"
        )
        return
    faults = []
    if hook.url.rstrip("/") != expected:
        faults.append(
            HealthFinding(
                f"GitHub delivers to {mask_password(hook.url) or 'no address'}, but DAYHAND_URL is {settings.url}",
                FaultCode.WEBHOOK_ELSEWHERE,
                f"Set the webhook URL at {page} to {expected}, or correct DAYHAND_URL.",
            )
        )
    if hook.content_type != JSON:
        faults.append(
            HealthFinding(
                f"GitHub sends deliveries as {hook.content_type}",
                FaultCode.WEBHOOK_FORM,
                f"Set the webhook's content type to application/json at {page}.",
            )
        )
    if not hook.has_secret:
        faults.append(
            HealthFinding(
                "the webhook has no secret",
                FaultCode.WEBHOOK_NO_SECRET,
                f"Enter the value of GITHUB_WEBHOOK_SECRET at {page}.",
            )
        )
    if hook.insecure_ssl:
        faults.append(
            HealthFinding(
                "GitHub does not verify the certificate of the webhook's address",
                FaultCode.WEBHOOK_UNVERIFIED,
                f"Enable SSL verification at {page}.",
            )
        )
    yield from faults or [HealthFinding(f"GitHub delivers to {expected}, signed")]


def check_attempts(
    settings: Settings, attempts: Sequence[DeliveryRecord], page: str
) -> Iterator[HealthFinding]:
    """The deliveries of the last day, the newest first: are they refused, lost, or were they?"""
    if settings.poll:
        return
    failed = [each for each in attempts if not each.succeeded]
    list_page = f"{page}/advanced"
    if not attempts:
        yield HealthFinding("GitHub sent no delivery in the last 24 hours")
    elif not failed:
        yield HealthFinding(f"all of the last {len(attempts)} deliveries in 24 hours arrived")
    elif attempts[0].succeeded:
        yield HealthFinding(
            f"{len(failed)} of the last {len(attempts)} deliveries failed, but the newest arrived",
            FaultCode.DELIVERIES_FAILED,
            f"Nothing to do: Dayhand fetches what it missed. They are listed at {list_page}",
        )
    elif attempts[0].status_code == REFUSED_SIGNATURE:
        yield HealthFinding(
            f"the newest delivery was refused with 401 ({_count(attempts)})",
            FaultCode.SECRET_DIFFERS,
            f"Enter the value of GITHUB_WEBHOOK_SECRET at {page}, or set it to the one that GitHub has.",
        )
    else:
        newest = attempts[0]
        status = f"status {newest.status_code}" if newest.status_code else newest.status
        yield HealthFinding(
            f"the newest delivery failed: {status} ({_count(attempts)})",
            FaultCode.DELIVERIES_FAIL,
            f"See its response at {list_page}. Without a public address set DAYHAND_POLL=5.",
        )


def _count(attempts: Sequence[DeliveryRecord]) -> str:
    failed = sum(1 for each in attempts if not each.succeeded)
    return f"{failed} of {len(attempts)} failed in the last 24 hours"


def check_url(settings: Settings) -> Iterator[HealthFinding]:
    """Fetch ``DAYHAND_URL``: does this installation answer there? From this machine, which may see less than GitHub does."""
    local = is_local(settings.url)
    if not settings.poll and is_out_of_reach(settings.url, settings.api_url):
        yield HealthFinding(
            f"DAYHAND_URL is {settings.url}, which GitHub cannot reach",
            FaultCode.URL_LOCAL,
            "Set it to the address that GitHub reaches, or set DAYHAND_POLL=5 to read deliveries from GitHub's list.",
        )
    answer = fetch_health(settings.url)
    if isinstance(answer, str):
        if local:
            return  # it is the port's address: nothing runs there, or the check of the port says what does
        yield HealthFinding(
            f"{settings.url}/healthz does not answer: {answer}",
            FaultCode.URL_SILENT,
            "Start `dayhand up`, then check again. If it runs: see the proxy's log, DNS and the firewall.",
        )
    elif answer != settings.app_id:
        yield HealthFinding(
            f"at {settings.url} answers {'a Dayhand of another App' if answer else 'another program'}",
            FaultCode.URL_FOREIGN,
            f"Point the proxy of that address at {settings.bind_address}, or correct DAYHAND_URL.",
        )
    else:
        yield HealthFinding(f"this installation answers at {settings.url}")


def is_out_of_reach(url: str, api_url: str) -> bool:
    """Whether GitHub cannot reach an address. An Enterprise Server reaches its own network, and its own machine.

    >>> [is_out_of_reach(url, "https://api.github.com") for url in ("https://10.1.2.3", "https://example.org")]
    [True, False]
    >>> [is_out_of_reach(url, "https://github.corp/api/v3") for url in ("http://10.1.2.3", "http://localhost:8080")]
    [False, True]
    >>> is_out_of_reach("http://127.0.0.1:8080", "http://127.0.0.1:8000/api/v3")
    False
    """
    if is_public_github(api_url):
        return is_local(url)
    return is_loopback(url) and not is_loopback(api_url)


def is_loopback(url: str) -> bool:
    """Whether an address leads to the machine that uses it."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback or ip_address(host).is_unspecified
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_local(url: str) -> bool:
    """Whether only this machine or its network knows an address.

    >>> [is_local(url) for url in ("http://127.0.0.1:80", "http://localhost", "https://10.1.2.3", "http://[::1]")]
    [True, True, True, True]
    >>> [is_local(url) for url in ("https://example.org", "https://140.82.121.4")]
    [False, False]
    """
    host = urlsplit(url).hostname or ""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))


def fetch_health(url: str, seconds: float = SECONDS) -> int | str:
    """The App's number that ``/healthz`` of an address tells; 0 if it is no Dayhand, a sentence if there is no answer."""
    import requests

    try:
        with requests.get(f"{url}/healthz", timeout=seconds, stream=True, allow_redirects=False) as answer:
            body = answer.raw.read(MAX_BYTES, decode_content=True)
    except (requests.RequestException, OSError) as error:
        return short_reason(error)
    try:
        return int(json.loads(body)["app"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0
