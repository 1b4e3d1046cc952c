"""The stored objects: users, Apps, installations, repositories, issues, pull requests, check runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from dayhand.localhub.state.git_store import GitStore

ROLES = {"none": 0, "read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}


@dataclass(slots=True)
class User:
    id: int
    login: str
    name: str
    type: str = "User"  # or "Bot" or "Organization"


@dataclass(slots=True)
class App:
    id: int
    slug: str
    owner: User
    bot: User
    private_key: str  # PEM
    public_keys: list[rsa.RSAPublicKey]  # GitHub takes any of an App's keys
    permissions: dict[str, str]
    events: tuple[str, ...]
    webhook_url: str
    webhook_secret: str
    public: bool = False  # whether other accounts may install it


@dataclass(slots=True)
class Installation:
    id: int
    app: App
    account: User
    repositories: list[str]
    suspended: bool = False
    removed: bool = False


@dataclass(slots=True)
class Reaction:
    id: int
    user: User
    content: str
    created: datetime


@dataclass(slots=True)
class Comment:
    id: int
    user: User
    body: str
    created: datetime
    updated: datetime
    app: App | None = None
    reactions: list[Reaction] = field(default_factory=list)
    edited: datetime | None = None
    minimized: bool = False  # hidden on the page, as spam for example


@dataclass(slots=True)
class Review:
    id: int
    user: User
    state: str  # APPROVED, CHANGES_REQUESTED, COMMENTED or DISMISSED
    body: str
    commit: str
    submitted: datetime
    edited: datetime | None = None
    minimized: bool = False
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(slots=True)
class ReviewComment(Comment):
    """A comment on a line of a pull request's diff; without ``original_line`` it is about the file."""

    review: Review = field(kw_only=True)
    path: str = field(kw_only=True)
    side: str = field(kw_only=True)  # LEFT: the base
    line: int | None = field(kw_only=True)  # at ``commit``; None once that line was changed
    original_line: int | None = field(kw_only=True)
    start_line: int | None = field(kw_only=True)
    hunk: str = field(kw_only=True)
    commit: str = field(kw_only=True)
    original_commit: str = field(kw_only=True)


@dataclass(slots=True)
class ReviewThread:
    """A comment on a line, and the replies to it."""

    id: int
    comments: list[ReviewComment]
    resolved_by: User | None = None


@dataclass(slots=True)
class Pull:
    """What a pull request has in addition to an issue."""

    id: int
    head: str  # branch
    base: str  # branch
    head_sha: str  # follows the branch while the pull request is open
    base_sha: str
    draft: bool
    merged_by: User | None = None
    merge_sha: str = ""
    merged: datetime | None = None
    reviewers: list[User] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    threads: list[ReviewThread] = field(default_factory=list)
    fork: str = ""  # "owner/name" of the fork with the head branch; "" for this repository


@dataclass(slots=True)
class LabelEvent:
    """Somebody added or removed a label."""

    id: int
    action: str  # "labeled" or "unlabeled"
    label: str
    user: User
    created: datetime


@dataclass(slots=True)
class Issue:
    id: int
    number: int
    title: str
    body: str
    user: User
    created: datetime
    updated: datetime
    state: str = "open"
    closed: datetime | None = None
    labels: list[str] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
    pull: Pull | None = None
    app: App | None = None
    edited: datetime | None = None  # when its text was changed last; ``updated`` follows every activity
    locked: bool = False
    moved_to: str = ""  # the API's path of the issue that it was transferred to
    deleted: bool = False  # or converted to a discussion
    label_events: list[LabelEvent] = field(default_factory=list)


@dataclass(slots=True)
class CheckSuite:
    id: int
    app: App
    sha: str
    branch: str
    created: datetime


@dataclass(slots=True)
class CheckRun:
    id: int
    name: str
    suite: CheckSuite
    external_id: str
    details_url: str
    status: str
    conclusion: str | None
    started: datetime
    completed: datetime | None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[dict[str, Any]] = field(default_factory=list)
    actions: list[dict[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Repository:
    id: int
    owner: User
    name: str
    store: GitStore
    private: bool
    created: datetime
    default_branch: str = "main"
    collaborators: dict[str, str] = field(default_factory=dict)  # login -> role
    labels: dict[str, dict[str, Any]] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    suites: list[CheckSuite] = field(default_factory=list)
    checks: dict[int, CheckRun] = field(default_factory=dict)
    former_names: list[str] = field(default_factory=list)  # before it was renamed

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    def role(self, login: str) -> str:
        """A user's role on this repository."""
        if login == self.owner.login:
            return "admin"
        return self.collaborators.get(login, "none" if self.private else "read")

    def pulls(self) -> Iterator[Issue]:
        return (issue for issue in list(self.issues.values()) if issue.pull)  # others may add some
