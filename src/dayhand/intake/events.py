"""Parses the JSON of a delivery into a typed event, or ignores it by name. The JSON is not passed on.

https://docs.github.com/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

from dayhand.errors import IntakeError
from dayhand.file_kinds import decides_set_up
from dayhand.intake.payload import Fields, read_payload
from dayhand.startup.records import dataclass

MAX_COMMITS = 2048  # GitHub lists no more in one push
MAX_BRANCH_COMMITS = 250  # whose pusher is kept: a larger push makes nothing trusted
COMMIT = re.compile(r"[0-9a-f]{40}")
MAX_PATHS = 3000  # and no more files of one commit
SUBJECTS = (("issues", "issue"), ("pull_request", "pull_request"))  # events, and what they are about
WITHDRAWALS = ("unlabeled", "closed", "deleted", "transferred")


@dataclass(frozen=True, slots=True)
class Subject:
    """The issue or pull request of an event, as it was when the event was sent."""

    repository: str  # "owner/name"
    clone_url: str
    default_branch: str
    installation: int
    number: int
    title: str
    body: str
    is_pull: bool
    repository_id: int = 0  # which stays if the repository is renamed or transferred
    updated_at: str = ""  # to the second, in GitHub's form, which sorts
    node: str = ""  # GitHub's id for GraphQL of what asks: the comment, the review, or this itself


@dataclass(frozen=True, slots=True)
class Labeled:
    """Someone added a label to an issue or pull request."""

    subject: Subject
    label: str
    sender: str
    by_bot: bool


@dataclass(frozen=True, slots=True)
class Commented:
    """Someone commented on an issue or pull request, edited a comment, or opened an issue with this text."""

    subject: Subject
    comment: int | None  # None for the text of the issue itself
    text: str
    sender: str
    by_bot: bool
    before: str | None = None  # the comment's text before it was edited; None if it is new


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Someone submitted a review of a pull request. Its comments on lines are not part of the event."""

    subject: Subject
    branch: str  # of the pull request
    review: int
    state: str  # "changes_requested", "commented" or "approved"
    text: str
    sender: str
    by_bot: bool
    before: str | None = None  # the text before it was edited; None if the review is new


@dataclass(frozen=True, slots=True)
class Unlabeled:
    """Someone removed a label from an issue or pull request."""

    subject: Subject
    label: str
    sender: str
    by_bot: bool


@dataclass(frozen=True, slots=True)
class Closed:
    """Someone closed an issue or pull request, or merged it, or the issue left the repository."""

    subject: Subject
    sender: str
    by_bot: bool


@dataclass(frozen=True, slots=True)
class Clicked:
    """Someone clicked a button of one of our check runs, or “Re-run”."""

    repository: str
    installation: int
    task: str  # the check run's external id; "" if the whole suite is to run again
    pull: int  # of the suite; 0 for none
    repository_id: int
    head: str
    button: str  # "" for “Re-run”
    sender: str


@dataclass(frozen=True, slots=True)
class Repositories:
    """Repositories of an installation, whose access changed."""

    installation: int
    names: tuple[str, ...]  # "owner/name"
    sender: str


class RepositoriesAdded(Repositories):
    """Someone installed the App in repositories, or added repositories to an installation."""


class RepositoriesRemoved(Repositories):
    """Someone removed the App, or repositories from an installation."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """The default branch changed, possibly including files that decide the set-up."""

    repository: str
    clone_url: str
    default_branch: str
    installation: int
    sender: str


@dataclass(frozen=True, slots=True)
class BranchPushed:
    """Another branch changed."""

    repository: str
    head: str
    commits: tuple[str, ...]  # that nobody had pushed before, as GitHub says
    sender: str
    by_bot: bool


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that requests nothing."""

    reason: str


Event = (
    Labeled
    | Unlabeled
    | Commented
    | Reviewed
    | Closed
    | Clicked
    | RepositoriesAdded
    | RepositoriesRemoved
    | Pushed
    | BranchPushed
    | Ignored
)


def parse(name: str, body: bytes) -> Event:
    """Parse a delivery. Raises ``IntakeError`` (400) if it is not JSON, or a field that such an event always has is missing."""
    payload = read_payload(body)
    action = payload.get("action", "") if isinstance(payload, Mapping) else ""
    if parser := PARSERS.get((name, action if isinstance(action, str) else "")):
        return parser(Fields(payload, name))
    return Ignored(
        f"{name or 'an event without a name'}{f'.{action}' if action else ''} requests nothing of Dayhand"
    )


def may_request(name: str, action: str) -> bool:
    """Whether an event with this name and action may request something of us."""
    return (name, action) in PARSERS


def _subject(fields: Fields, key: str, *, asks: str = "") -> Subject:
    """The issue or pull request under ``key``, which may be called an issue as well; ``asks``: the key of a comment or review."""
    return Subject(
        repository=fields.text("repository", "full_name"),
        clone_url=fields.text("repository", "clone_url"),
        default_branch=fields.text("repository", "default_branch"),
        installation=fields.number("installation", "id"),
        number=fields.number(key, "number"),
        title=fields.text(key, "title"),
        body=fields.text(key, "body"),
        is_pull=key == "pull_request" or "pull_request" in fields.get(key),
        repository_id=fields.number("repository", "id"),
        updated_at=str(fields.get(key).get("updated_at") or ""),
        node=str(fields.get(asks or key).get("node_id") or ""),
    )


def _labeled(fields: Fields, key: str) -> Labeled:
    return Labeled(_subject(fields, key), fields.text("label", "name"), *_sender(fields))


def _opened(fields: Fields, key: str) -> Commented:
    subject = _subject(fields, key)
    return Commented(subject, None, f"{subject.title}\n\n{subject.body}".strip(), *_sender(fields))


def _commented(fields: Fields) -> Commented:
    comment, text = fields.number("comment", "id"), fields.text("comment", "body")
    return Commented(_subject(fields, "issue", asks="comment"), comment, text, *_sender(fields))


def _sender(fields: Fields) -> tuple[str, bool]:
    return fields.text("sender", "login"), fields.text("sender", "type") == "Bot"


def _withdrawn(fields: Fields, key: str, action: str) -> Unlabeled | Closed:
    subject, (sender, by_bot) = _subject(fields, key), _sender(fields)
    if action == "unlabeled":
        return Unlabeled(subject, fields.text("label", "name"), sender, by_bot)
    return Closed(subject, sender, by_bot)


def _clicked(fields: Fields, key: str) -> Clicked:
    """https://docs.github.com/webhooks/webhook-events-and-payloads#check_run."""
    is_button = fields.get("action") == "requested_action"
    return Clicked(
        repository=fields.text("repository", "full_name"),
        installation=fields.number("installation", "id"),
        task=fields.text(key, "external_id") if key == "check_run" else "",
        pull=next((Fields(one, key).number("number") for one in fields.list(key, "pull_requests")), 0),
        repository_id=fields.number("repository", "id"),
        head=fields.text(key, "head_sha"),
        button=fields.text("requested_action", "identifier") if is_button else "",
        sender=fields.text("sender", "login"),
    )


def _edited(fields: Fields) -> Commented | Ignored:
    changes = fields.get("changes")
    if not isinstance(changes, Mapping) or "body" not in changes:
        return Ignored("the edit did not change the comment's text")
    if fields.text("sender", "login") != fields.text("comment", "user", "login"):
        return Ignored("somebody else edited the comment")
    return replace(_commented(fields), before=fields.text("changes", "body", "from"))


def _access(key: str, kind: type[RepositoriesAdded | RepositoriesRemoved], fields: Fields) -> Event:
    names = tuple(Fields(entry, fields.event).text("full_name") for entry in fields.list(key))
    return kind(fields.number("installation", "id"), names, fields.text("sender", "login"))


def _pushed(fields: Fields) -> Pushed | BranchPushed | Ignored:
    """https://docs.github.com/webhooks/webhook-events-and-payloads#push."""
    branch, ref = fields.text("repository", "default_branch"), fields.text("ref")
    if not ref.startswith("refs/heads/"):
        return Ignored("the push is not to a branch")
    if fields.get("deleted") is True:
        return Ignored("the push deletes the branch")
    if ref != f"refs/heads/{branch}":
        return _branch_pushed(fields)
    if not _may_touch_set_up(fields):
        return Ignored("the push changes no file that decides the set-up")
    return Pushed(
        repository=fields.text("repository", "full_name"),
        clone_url=fields.text("repository", "clone_url"),
        default_branch=branch,
        installation=fields.number("installation", "id"),
        sender=fields.text("sender", "login"),
    )


def _branch_pushed(fields: Fields) -> BranchPushed | Ignored:
    entries = [entry for entry in fields.list("commits") if isinstance(entry, Mapping)]
    if len(entries) > MAX_BRANCH_COMMITS:
        return Ignored(f"the push to a branch has more than {MAX_BRANCH_COMMITS} commits")
    commits = tuple(
        Fields(entry, fields.event).text("id") for entry in entries if entry.get("distinct") is True
    )
    head = fields.text("after")
    if not all(map(COMMIT.fullmatch, (*commits, head))):
        raise IntakeError("In the push event, a commit has no id.", status=400)
    return BranchPushed(fields.text("repository", "full_name"), head, commits, *_sender(fields))


def _may_touch_set_up(fields: Fields) -> bool:
    """Whether a push may change a file that decides the set-up. It may if GitHub does not list everything."""
    commits = [entry for entry in fields.list("commits") if isinstance(entry, Mapping)]
    listed = any(commit.get("id") == fields.text("after") for commit in commits)
    if fields.payload.get("forced") is True or not listed or len(commits) >= MAX_COMMITS:
        return True  # what was removed or left out is not listed
    return any(_touches(commit) for commit in commits)


def _touches(commit: Mapping[str, Any]) -> bool:
    lists = [commit.get(key) for key in ("added", "removed", "modified")]
    known = [entries for entries in lists if isinstance(entries, list)]
    paths = [path for entries in known for path in entries if isinstance(path, str)]
    return len(known) < len(lists) or len(paths) >= MAX_PATHS or any(map(decides_set_up, paths))


def _review_edited(fields: Fields) -> Reviewed | Ignored:
    changes = fields.get("changes")
    if not isinstance(changes, Mapping) or "body" not in changes:
        return Ignored("the edit did not change the review's text")
    if fields.text("sender", "login") != fields.text("review", "user", "login"):
        return Ignored("somebody else edited the review")
    return replace(_reviewed(fields), before=fields.text("changes", "body", "from"))


def _reviewed(fields: Fields) -> Reviewed:
    return Reviewed(
        _subject(fields, "pull_request", asks="review"),
        fields.text("pull_request", "head", "ref"),
        fields.number("review", "id"),
        fields.text("review", "state").lower(),
        fields.text("review", "body"),
        *_sender(fields),
    )


PARSERS: Mapping[tuple[str, str], Callable[[Fields], Event]] = {  # by name and action; a push has none
    **{(name, "labeled"): partial(_labeled, key=key) for name, key in SUBJECTS},
    **{(name, "opened"): partial(_opened, key=key) for name, key in SUBJECTS},
    **{
        (name, action): partial(_withdrawn, key=key, action=action)
        for (name, key), action in product(SUBJECTS, WITHDRAWALS)
    },
    ("issue_comment", "created"): _commented,
    ("issue_comment", "edited"): _edited,
    ("pull_request_review", "submitted"): _reviewed,
    ("pull_request_review", "edited"): _review_edited,
    ("check_run", "rerequested"): lambda fields: _clicked(fields, "check_run"),
    ("check_run", "requested_action"): lambda fields: _clicked(fields, "check_run"),
    ("check_suite", "rerequested"): lambda fields: _clicked(fields, "check_suite"),
    ("installation", "created"): partial(_access, "repositories", RepositoriesAdded),
    ("installation", "deleted"): partial(_access, "repositories", RepositoriesRemoved),
    ("installation_repositories", "added"): partial(_access, "repositories_added", RepositoriesAdded),
    ("installation_repositories", "removed"): partial(_access, "repositories_removed", RepositoriesRemoved),
    ("push", ""): _pushed,
}
