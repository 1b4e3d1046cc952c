"""Apps that are registered from a manifest: what was submitted, and the codes that give an App's credentials once.

https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from dayhand.localhub.errors import ApiError
from dayhand.localhub.state.actions import Actions
from dayhand.localhub.state.events import EVENT_PERMISSION
from dayhand.localhub.state.models import App, User

CODE_SECONDS = 3600.0
MAX_NAME_CHARS = 34
LEVELS = ("read", "write")
PERMISSIONS = (
    "actions",
    "checks",
    "contents",
    "issues",
    "metadata",
    "pull_requests",
    "statuses",
    "workflows",
)
KEYS = (
    "name", "url", "hook_attributes", "redirect_url", "callback_urls", "setup_url", "description", "public",
    "default_events", "default_permissions", "request_oauth_on_install", "setup_on_update",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Submission:
    """A manifest that waits for its owner's confirmation."""

    id: str
    manifest: Mapping[str, Any]
    state: str
    owner: User


class AppManifests:
    """Registers Apps from manifests, and gives their credentials once."""

    def __init__(self, actions: Actions, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._actions = actions
        self._submissions: dict[str, Submission] = {}
        self._codes: dict[str, tuple[App, float]] = {}

    def submit(self, text: str, state: str, owner: User) -> Submission:
        """Take a manifest. Raises ``ApiError`` as GitHub's page refuses it."""
        submission = Submission(secrets.token_hex(8), read_manifest(text), state, owner)
        self._submissions[submission.id] = submission
        return submission

    def find(self, submission_id: str) -> Submission:
        if submission_id not in self._submissions:
            raise ApiError(404, "Not Found")
        return self._submissions[submission_id]

    def create(self, submission: Submission, name: str) -> str:
        """Register the App; gives the address that the browser is sent to. Raises ``ApiError``."""
        manifest = submission.manifest
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        if not slug:
            raise ApiError(422, "Name can't be blank")
        if len(name) > MAX_NAME_CHARS:
            raise ApiError(422, f"Name is too long (maximum is {MAX_NAME_CHARS} characters)")
        with self._actions.lock:
            if slug in {app.slug for app in self._actions.apps.values()} | self._actions.users.keys():
                raise ApiError(422, "Name is already taken")
            hook = manifest.get("hook_attributes", {})
            app = self._actions.add_app(
                slug,
                permissions=manifest.get("default_permissions", {}),
                events=tuple(manifest.get("default_events", ())),
                webhook_url=hook.get("url", "") if hook.get("active", True) else "",
                secret=secrets.token_hex(20),
                owner=submission.owner.login,
            )
            app.public = bool(manifest.get("public", False))
            del self._submissions[submission.id]
        self._actions.ping(app)
        code = secrets.token_hex(20)
        self._codes[code] = (app, self.clock() + CODE_SECONDS)
        query = {"code": code} | ({"state": submission.state} if submission.state else {})
        return f"{manifest['redirect_url']}?{urlencode(query)}"

    def redeem(self, code: str) -> App:
        """The App of a code, once and within an hour. Raises ``ApiError`` (404)."""
        app, expires = self._codes.pop(code, (None, 0.0))
        if app is None or expires <= self.clock():
            raise ApiError(404, "Not Found")
        return app


def read_manifest(text: str) -> Mapping[str, Any]:
    """Read a manifest as strictly as GitHub. Raises ``ApiError``."""
    try:
        manifest = json.loads(text)
    except ValueError as error:
        raise _refusal("it is not JSON") from error
    if not isinstance(manifest, dict):
        raise _refusal("it is not a JSON object")
    hook = manifest.get("hook_attributes", {"url": "-"})
    # GitHub names the field without its parent, which is why it is so hard to find.
    if not manifest.get("url") or not isinstance(hook, dict) or not hook.get("url"):
        raise _refusal('"url" wasn\'t supplied')
    for key in manifest.keys() - set(KEYS):
        raise _refusal(f'"{key}" is not a permitted key')
    if urlsplit(str(manifest.get("redirect_url", ""))).scheme not in ("http", "https"):
        raise _refusal("redirect_url must be an address")
    permissions = manifest.get("default_permissions", {})
    for name, level in permissions.items():
        if name not in PERMISSIONS or level not in LEVELS:
            raise _refusal(
                f"Default permission records resource is not included in the list ({name}: {level})"
            )
    for event in manifest.get("default_events", ()):
        if event not in EVENT_PERMISSION:
            raise _refusal(f"Default events unsupported: {event}")
        if EVENT_PERMISSION[event] not in permissions:
            raise _refusal(f"Default events are not supported by permissions: {event}")
    return manifest


def _refusal(reason: str) -> ApiError:
    return ApiError(
        422,
        "Invalid GitHub App configuration. The configuration does not appear to be a valid GitHub App manifest. "
        f"Error {reason}.",
    )
