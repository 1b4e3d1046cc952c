"""A delivery's JSON becomes a typed event here, or is passed over by name; it travels no further.

https://docs.github.com/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dayhand.errors import IntakeError
from dayhand.file_kinds import decides_set_up

MAX_COMMITS = 2048  # GitHub names no more in one push
MAX_PATHS = 3000  # nor more files of one commit


@dataclass(frozen=True, slots=True)
class Subject:
    """The issue or pull request that an event is about, as it stood when the event was sent."""

    repository: str  # "owner/name"
    clone_url: str
    default_branch: str
    installation: int
    number: int
    title: str
    body: str
    is_pull: bool


@dataclass(frozen=True, slots=True)
class Labeled:
    """Somebody put a label on an issue."""

    where: Subject
    label: str
    sender: str
    by_bot: bool


@dataclass(frozen=True, slots=True)
class Commented:
    """Somebody wrote a comment on an issue or pull request."""

    where: Subject
    comment: int
    words: str
    sender: str
    by_bot: bool


@dataclass(frozen=True, slots=True)
class RepositoriesAdded:
    """Somebody let the App into repositories: by installing it, or by adding them to an installation."""

    installation: int
    repositories: tuple[str, ...]  # "owner/name"
    sender: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """The default branch moved, and what decides the set-up may have changed with it."""

    repository: str
    clone_url: str
    default_branch: str
    installation: int
    sender: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that asks nothing of us."""

    reason: str


Event = Labeled | Commented | RepositoriesAdded | Pushed | Ignored


def parse(name: str, body: bytes) -> Event:
    """Read a delivery. Raises ``IntakeError`` (400) where it is not JSON, or lacks what such an event always has."""
    try:
        payload = json.loads(body)
    except ValueError as error:
        raise IntakeError(
            f"The delivery is not JSON: {error}.",
            status=400,
            advice="Set the webhook's content type to application/json on the App's settings page.",
        ) from error
    fields = Fields(payload, name)
    action = payload.get("action", "") if isinstance(payload, Mapping) else ""
    match name, action:
        case "issues", "labeled":
            return Labeled(_where(fields, "issue"), fields.text("label", "name"), *_sender(fields))
        case "pull_request", "labeled":
            return Labeled(_where(fields, "pull_request"), fields.text("label", "name"), *_sender(fields))
        case "issue_comment", "created":
            comment, words = fields.number("comment", "id"), fields.text("comment", "body")
            return Commented(_where(fields, "issue"), comment, words, *_sender(fields))
        case "installation", "created":
            return _granted(fields, "repositories")
        case "installation_repositories", "added":
            return _granted(fields, "repositories_added")
        case "push", _:
            return _pushed(fields)
    return Ignored(
        f"{name or 'an event without a name'}{f'.{action}' if action else ''} asks nothing of Dayhand"
    )


@dataclass(frozen=True, slots=True)
class Fields:
    """A payload that names what it lacks."""

    payload: Any
    event: str

    def get(self, *path: str) -> Any:
        value = self.payload
        for key in path:
            if not isinstance(value, Mapping) or key not in value:
                raise IntakeError(f"The {self.event} event has no {'.'.join(path)}.", status=400)
            value = value[key]
        return value

    def text(self, *path: str) -> str:
        """A text; GitHub sends null where somebody wrote nothing."""
        value = self.get(*path)
        if not isinstance(value, str | None):
            raise IntakeError(f"In the {self.event} event, {'.'.join(path)} is no text.", status=400)
        return value or ""

    def list(self, *path: str) -> list[Any]:
        value = self.get(*path)
        if not isinstance(value, list):
            raise IntakeError(f"In the {self.event} event, {'.'.join(path)} is no list.", status=400)
        return value

    def number(self, *path: str) -> int:
        value = self.get(*path)
        if not isinstance(value, int) or isinstance(value, bool):
            raise IntakeError(f"In the {self.event} event, {'.'.join(path)} is no number.", status=400)
        return value


def _where(fields: Fields, key: str) -> Subject:
    """The issue or pull request under ``key``; GitHub calls a pull request's thread an issue, too."""
    return Subject(
        repository=fields.text("repository", "full_name"),
        clone_url=fields.text("repository", "clone_url"),
        default_branch=fields.text("repository", "default_branch"),
        installation=fields.number("installation", "id"),
        number=fields.number(key, "number"),
        title=fields.text(key, "title"),
        body=fields.text(key, "body"),
        is_pull=key == "pull_request" or "pull_request" in fields.get(key),
    )


def _sender(fields: Fields) -> tuple[str, bool]:
    return fields.text("sender", "login"), fields.text("sender", "type") == "Bot"


def _granted(fields: Fields, key: str) -> RepositoriesAdded:
    names = tuple(Fields(one, fields.event).text("full_name") for one in fields.list(key))
    return RepositoriesAdded(fields.number("installation", "id"), names, fields.text("sender", "login"))


def _pushed(fields: Fields) -> Pushed | Ignored:
    """https://docs.github.com/webhooks/webhook-events-and-payloads#push."""
    branch = fields.text("repository", "default_branch")
    if fields.text("ref") != f"refs/heads/{branch}":
        return Ignored("the push is not to the default branch")
    if fields.get("deleted") is True:
        return Ignored("the push deletes the default branch")
    if not _may_touch_set_up(fields):
        return Ignored("the push touches nothing that decides the set-up")
    return Pushed(
        repository=fields.text("repository", "full_name"),
        clone_url=fields.text("repository", "clone_url"),
        default_branch=branch,
        installation=fields.number("installation", "id"),
        sender=fields.text("sender", "login"),
    )


def _may_touch_set_up(fields: Fields) -> bool:
    """Whether a push changes a file that decides the set-up; so it may where GitHub does not tell all of it."""
    commits = [one for one in fields.list("commits") if isinstance(one, Mapping)]
    told = any(one.get("id") == fields.text("after") for one in commits)
    if fields.payload.get("forced") is True or not told or len(commits) >= MAX_COMMITS:
        return True  # what was taken away, or left out, is named nowhere
    return any(_touches(commit) for commit in commits)


def _touches(commit: Mapping[str, Any]) -> bool:
    lists = [commit.get(key) for key in ("added", "removed", "modified")]
    named = [one for one in lists if isinstance(one, list)]
    paths = [path for one in named for path in one if isinstance(path, str)]
    return len(named) < len(lists) or len(paths) >= MAX_PATHS or any(map(decides_set_up, paths))
