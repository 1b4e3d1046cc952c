"""The part of GitHub's GraphQL schema that a conversation is read with.

https://docs.github.com/graphql/reference
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from dayhand.localhub.payloads.issues import timestamp
from dayhand.localhub.rest.graphql_query import Resolver, Schema
from dayhand.localhub.state.models import Comment, Issue, Repository, User

TEXT = {
    "body": Resolver(attrgetter("body")),
    "author": Resolver(attrgetter("user"), "Actor"),
    "lastEditedAt": Resolver(lambda one: timestamp(one.edited)),
}
COMMENT = {
    **TEXT,
    "fullDatabaseId": Resolver(lambda one: str(one.id)),
    "createdAt": Resolver(lambda one: timestamp(one.created)),
    "isMinimized": Resolver(attrgetter("minimized")),
}
ISSUE = {
    **TEXT,
    "title": Resolver(attrgetter("title")),
    "createdAt": Resolver(lambda one: timestamp(one.created)),
    "comments": Resolver(attrgetter("comments"), "IssueComment", connection=True),
}


TYPES: dict[str, dict[str, Resolver]] = {
    "IssueOrPullRequest": {},
    "Issue": ISSUE,
    "PullRequest": {
        **ISSUE,
        "reviews": Resolver(lambda one: one.pull.reviews, "PullRequestReview", connection=True),
        "reviewThreads": Resolver(lambda one: one.pull.threads, "PullRequestReviewThread", connection=True),
    },
    "IssueComment": COMMENT,
    "PullRequestReview": {
        **TEXT,
        "fullDatabaseId": Resolver(lambda one: str(one.id)),
        "state": Resolver(attrgetter("state")),
        "submittedAt": Resolver(lambda one: timestamp(one.submitted)),
        "isMinimized": Resolver(attrgetter("minimized")),
    },
    "PullRequestReviewThread": {
        "isResolved": Resolver(lambda one: one.resolved_by is not None),
        "isOutdated": Resolver(lambda one: one.comments[0].line is None),
        "path": Resolver(lambda one: one.comments[0].path),
        "line": Resolver(lambda one: one.comments[0].line),
        "originalLine": Resolver(lambda one: one.comments[0].original_line),
        "comments": Resolver(attrgetter("comments"), "PullRequestReviewComment", connection=True),
    },
    "PullRequestReviewComment": {
        **COMMENT,
        "diffHunk": Resolver(attrgetter("hunk")),
        "pullRequestReview": Resolver(attrgetter("review"), "PullRequestReview"),
    },
    "Actor": {"login": Resolver(lambda one: one.login.removesuffix("[bot]"))},
}


def schema(repository: Callable[[str, str], Repository | None]) -> Schema:
    """The types; ``repository`` finds one that the token may read."""

    def of_query(call: tuple[Any, dict[str, Any]]) -> Repository | None:
        return repository(call[1]["owner"], call[1]["name"])

    query = {"repository": Resolver(of_query, "Repository")}
    issue = {"issueOrPullRequest": Resolver(_find_issue, "IssueOrPullRequest")}
    return Schema({**TYPES, "Query": query, "Repository": issue}, typename)


def _find_issue(call: tuple[Repository, dict[str, Any]]) -> Issue | None:
    repo, arguments = call
    issue = repo.issues.get(arguments["number"])
    return issue if issue and not (issue.deleted or issue.moved_to) else None


def typename(value: Any) -> str:
    """The type of a value that may be one of several."""
    match value:
        case User():
            return value.type
        case Issue():
            return "PullRequest" if value.pull else "Issue"
        case Comment():
            return "IssueComment"
    return ""
