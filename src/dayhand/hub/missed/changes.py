"""What people did in a repository since a time, as GitHub's webhooks would have said it.

https://docs.github.com/rest/issues/issues#list-repository-issues
https://docs.github.com/rest/issues/comments#list-issue-comments-for-a-repository
https://docs.github.com/rest/issues/events#list-issue-events-for-a-repository
https://docs.github.com/rest/pulls/reviews#list-reviews-for-a-pull-request
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from dayhand.hub.connection import RepositoryConnection
from dayhand.hub.errors import hub_errors
from dayhand.hub.requester import PROGRESS
from dayhand.startup.records import dataclass

ROWS = 100  # of a page
MAX_EVENT_PAGES = 10
ISSUES, COMMENTS = "issues?state=open&", "issues/comments?"


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a list was read: up to a time in seconds since the epoch, with the ETag of the list since then."""

    since: int
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Happened:
    """What somebody did. ``fields`` is a webhook's payload, without its repository and installation."""

    event: str
    number: int  # of the issue or pull request
    comment: int  # 0 if it is none
    text: str
    by_bot: bool
    labels: tuple[str, ...]  # that the issue has
    begun: int  # when the issue or comment was created, in seconds since the epoch
    at: int
    fields: Mapping[str, Any]


class RepositoryChanges(RepositoryConnection):
    """Reads what changed in one repository. A request never waits for room in the budget: a later look reads the same.

    Raises ``HubError``.
    """

    def issues(self, mark: Mark) -> tuple[list[Happened], Mark]:
        """The open issues and pull requests that changed, as if they had been opened now."""
        rows, mark = self._updated(ISSUES, mark)
        return [_opened(row) for row in rows], mark

    def comments(self, mark: Mark) -> tuple[list[Happened], Mark]:
        """The comments that were written or edited."""
        rows, mark = self._updated(COMMENTS, mark)
        return [_commented(row) for row in rows], mark

    def labeled(self, label: str, since: int, issues: Mapping[int, Happened]) -> list[Happened]:
        """Of these issues those that were given the label since a time, and have it since, with who did it."""
        last: dict[int, Mapping[str, Any]] = {}
        for page in range(1, MAX_EVENT_PAGES + 1):
            rows = self._get(f"issues/events?per_page={ROWS}&page={page}") or []
            for row in rows:  # the newest first
                if _seconds(row["created_at"]) >= since and row.get("label", {}).get("name") == label:
                    last.setdefault(int(row["issue"]["number"]), row)
            if len(rows) < ROWS or _seconds(rows[-1]["created_at"]) < since:
                break
        return [
            _labeled(issues[number], row)
            for number, row in last.items()
            if number in issues and row["event"] == "labeled"
        ]

    def reviews(self, number: int, since: int) -> list[Happened]:
        """The reviews of a pull request that were submitted since a time, and not dismissed."""
        rows = self._get(f"pulls/{number}/reviews?per_page={ROWS}") or []
        found = [row for row in rows if _seconds(row.get("submitted_at")) >= since]
        return [_reviewed(number, row) for row in found if row["state"] != "DISMISSED"]

    def pull(self, number: int) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._get(f"pulls/{number}")
        return found

    def closed_at(self, number: int) -> tuple[int, Mapping[str, Any]]:
        """When an issue or pull request was closed, 0 if it is open; and itself."""
        issue = self._get(f"issues/{number}")
        return _seconds(issue["closed_at"]), issue

    def repository(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._get("")
        return found

    def _updated(self, what: str, mark: Mark) -> tuple[list[Any], Mark]:
        """What is newer than a mark, the oldest first, and the mark of its end. A list that did not change costs nothing."""
        since = datetime.fromtimestamp(mark.since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        path = f"{what}since={since}&sort=updated&direction=asc&per_page={ROWS}"
        headers = {"If-None-Match": mark.etag} if mark.etag else {}
        with hub_errors(f"reading what changed in {self.full_name}"):
            answered, rows = self._requester(PROGRESS).requestJsonAndCheck(
                "GET", self._path(path), headers=headers
            )
        if rows is None:  # 304
            return [], mark
        newest = max((_seconds(row["updated_at"]) for row in rows), default=mark.since)
        return rows, Mark(newest, str(answered.get("etag", "")) if newest == mark.since else "")

    def _get(self, path: str) -> Any:
        with hub_errors(f"reading what changed in {self.full_name}"):
            return self._requester(PROGRESS).requestJsonAndCheck("GET", self._path(path))[1]

    def _path(self, path: str) -> str:
        return f"{self._address}/{path}".rstrip("/")


def _opened(row: Mapping[str, Any]) -> Happened:
    event, key = ("pull_request", "pull_request") if "pull_request" in row else ("issues", "issue")
    fields = {"action": "opened", key: row, "sender": row["user"]}
    text, labels = f"{row['title']}\n\n{row['body'] or ''}", tuple(one["name"] for one in row["labels"])
    created = _seconds(row["created_at"])
    return Happened(
        event, row["number"], 0, text, _is_bot(row["user"]), labels, begun=created, at=created, fields=fields
    )


def _labeled(issue: Happened, row: Mapping[str, Any]) -> Happened:
    """``updated_at`` becomes the time of the label, as it is in the webhook."""
    key = next(name for name in ("pull_request", "issue") if name in issue.fields)
    shown = {**issue.fields[key], "updated_at": row["created_at"]}
    fields = {"action": "labeled", key: shown, "label": row["label"], "sender": row["actor"]}
    at = _seconds(row["created_at"])
    return replace(issue, by_bot=_is_bot(row["actor"]), at=at, fields=fields)


def _commented(row: Mapping[str, Any]) -> Happened:
    number, at = int(row["issue_url"].rpartition("/")[2]), _seconds(row["updated_at"])
    fields = {"action": "created", "comment": row, "sender": row["user"]}
    created = _seconds(row["created_at"])
    text, by_bot = row["body"] or "", _is_bot(row["user"])
    return Happened("issue_comment", number, row["id"], text, by_bot, (), begun=created, at=at, fields=fields)


def _reviewed(number: int, row: Mapping[str, Any]) -> Happened:
    at, fields = _seconds(row["submitted_at"]), {"action": "submitted", "review": row, "sender": row["user"]}
    return Happened(
        "pull_request_review",
        number,
        0,
        row["body"] or "",
        _is_bot(row["user"]),
        (),
        begun=at,
        at=at,
        fields=fields,
    )


def _is_bot(user: Mapping[str, Any] | None) -> bool:
    """Whether it is no person; GitHub shows a deleted account as null."""
    return user is None or user["type"] == "Bot"


def _seconds(when: str | None) -> int:
    return int(datetime.fromisoformat(when).timestamp()) if when else 0
