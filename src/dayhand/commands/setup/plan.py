"""What is to be registered: the App's owner, name and address, and the manifest that follows from them."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

from dayhand.commands.doctor.github import DATA_RESIDENCY, is_public_github, web_address
from dayhand.commands.doctor.webhook import is_local
from dayhand.errors import SettingsError
from dayhand.settings.table import PUBLIC_API
from dayhand.settings.value_types import PLAIN_ADDRESS, WrongText
from dayhand.startup.records import dataclass

MAX_NAME_CHARS = 34
POLL_SECONDS = 5
# GitHub lists only what it tries to send, so the webhook needs an address even where nobody listens. The name never
# resolves (RFC 2606), so nobody else receives what GitHub sends there.
NO_ADDRESS = "https://dayhand.invalid"
LOGIN = re.compile(r"(?=.{1,39}$)[A-Za-z0-9]+(-[A-Za-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class AppPlan:
    """The choices of the person who registers the App."""

    api_url: str
    organization: str  # "" for the person's own account
    name: str
    url: str  # where GitHub reaches this machine; with ``poll``, any address
    poll: bool  # GitHub cannot reach this machine: events are read from its list

    @property
    def web_url(self) -> str:
        return web_address(self.api_url)

    def form_address(self, state: str) -> str:
        """Where the browser posts the manifest."""
        path = f"organizations/{self.organization}/settings" if self.organization else "settings"
        return f"{self.web_url}/{path}/apps/new?{urlencode({'state': state})}"

    @property
    def apps_page(self) -> str:
        """Where the owner's Apps are listed, and can be deleted."""
        path = f"organizations/{self.organization}/settings" if self.organization else "settings"
        return f"{self.web_url}/{path}/apps"

    def settings(self) -> dict[str, str]:
        """The lines of ``.env`` besides the credentials."""
        lines = {} if self.api_url == PUBLIC_API else {"GITHUB_API_URL": self.api_url}
        return lines | ({"DAYHAND_POLL": str(POLL_SECONDS)} if self.poll else {"DAYHAND_URL": self.url})

    def manifest(self, redirect_url: str) -> str:
        """The manifest as JSON."""
        hook = {"url": f"{self.url}/webhook", "active": True}
        chosen = {"name": self.name, "url": self.url, "hook_attributes": hook, "redirect_url": redirect_url}
        return json.dumps({**read_manifest(), **chosen})


def read_manifest() -> Mapping[str, Any]:
    """``app.yml``, which is installed beside this module."""
    text = files("dayhand.commands.setup").joinpath("app.yml").read_text(encoding="utf-8")
    manifest: Mapping[str, Any] = yaml.safe_load(text)
    return manifest


def make_plan(api_url: str, *, organization: str, name: str, url: str, poll: bool) -> AppPlan:
    """Check the choices. Raises ``SettingsError`` that names the wrong one."""
    if organization and not LOGIN.fullmatch(organization):
        raise SettingsError(
            f"“{organization}” is not the name of an organization.",
            advice="Give the name as it stands in its address, such as acme for https://github.com/acme.",
        )
    check_api(api_url)
    plan = AppPlan(api_url, organization, name or default_name(organization), NO_ADDRESS, poll)
    if (
        len(plan.name) > MAX_NAME_CHARS
        or not re.search(r"[A-Za-z0-9]", plan.name)
        or not plan.name.isprintable()
    ):
        raise SettingsError(
            f"“{plan.name}” cannot be the name of an App: GitHub takes at most {MAX_NAME_CHARS} characters.",
            advice="Choose another one with --name.",
        )
    return replace(plan, url=public_address(url, api_url)) if url else plan


def default_name(organization: str) -> str:
    """Names are unique on all of GitHub, so “dayhand” alone is taken."""
    return f"dayhand-{organization or secrets.token_hex(3)}"[:MAX_NAME_CHARS].rstrip("-")


def public_address(text: str, api_url: str) -> str:
    """An address that GitHub can reach, as far as its text tells. Raises ``SettingsError``."""
    try:
        url = PLAIN_ADDRESS.read(text)
    except WrongText as error:
        raise SettingsError(
            f"“{text}” is not an address.",
            advice="Give the public address of this Dayhand, such as https://dayhand.example.org.",
        ) from error
    if is_local(url) and is_public_github(api_url):
        raise SettingsError(
            f"GitHub cannot reach {url}: that address is only known to this machine or network.",
            advice="Give the public address, or use --no-public-address.",
        )
    return url


def check_api(api_url: str) -> None:
    """Raise ``SettingsError`` unless the address of GitHub's pages follows from its API's."""
    parts = urlsplit(api_url)
    if parts.path != "/api/v3" and not is_public_github(api_url):
        raise SettingsError(
            f"GITHUB_API_URL: {api_url} is not the API of GitHub or of GitHub Enterprise.",
            advice="For GitHub Enterprise Server it ends with /api/v3, or give --enterprise-url https://HOST.",
        )


def enterprise_api(url: str) -> str:
    """The API of an enterprise's GitHub, from its address or from its API's. Raises ``SettingsError``."""
    try:
        address = PLAIN_ADDRESS.read(url).removesuffix("/api/v3")
    except WrongText as error:
        raise SettingsError(
            f"“{url}” is not an address.", advice="Give one such as https://github.example.org."
        ) from error
    parts = urlsplit(address)
    host = parts.hostname or ""
    if host == "github.com":
        return PUBLIC_API
    if host.endswith(DATA_RESIDENCY):
        return f"https://api.{host.removeprefix('api.')}"
    return f"{parts.scheme}://{parts.netloc}/api/v3"
