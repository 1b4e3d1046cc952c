"""Reads what people wrote on an issue or pull request, in one GraphQL query of one point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from dayhand.reading.conversation import OUTDATED, Said

COMMENT = "fullDatabaseId body createdAt lastEditedAt isMinimized author{__typename login}"
ISSUE = f"title body createdAt lastEditedAt author{{__typename login}} comments(last:100){{totalCount nodes{{{COMMENT}}}}}"
REVIEW = "fullDatabaseId state body submittedAt lastEditedAt isMinimized author{__typename login}"
THREAD = (
    "isResolved path line originalLine "
    f"comments(first:100){{totalCount nodes{{{COMMENT} diffHunk pullRequestReview{{fullDatabaseId}}}}}}"
)
QUERY = (
    "query($owner:String!,$name:String!,$number:Int!){repository(owner:$owner,name:$name)"
    "{issueOrPullRequest(number:$number){__typename "
    f"... on Issue{{{ISSUE}}} ... on PullRequest{{{ISSUE} "
    f"reviews(last:100){{totalCount nodes{{{REVIEW}}}}} reviewThreads(last:100){{totalCount nodes{{{THREAD}}}}}}}}}}}}}"
)

EARLIER = QUERY.replace("reviewThreads(last:100)", "reviewThreads(first:100)")  # where there are more


def has_earlier_threads(data: Mapping[str, Any]) -> bool:
    """Whether a pull request has more threads than one query returns."""
    threads = ((data.get("repository") or {}).get("issueOrPullRequest") or {}).get("reviewThreads") or {}
    return int(threads.get("totalCount", 0)) > len(threads.get("nodes") or [])


def parse_conversation(data: Mapping[str, Any], number: int, bot: str) -> tuple[Said, ...]:
    """The texts in the data of ``QUERY`` or ``EARLIER``; ``bot`` is the login of our App's user."""
    found = (data.get("repository") or {}).get("issueOrPullRequest")
    if not found:
        return ()
    kind = "issue" if found["__typename"] == "Issue" else "pull request"
    texts = [_said(found, kind, bot)]
    texts += [_said(node, "comment", bot) for node in _nodes(found, "comments")]
    texts += [_said(node, "review", bot) for node in _nodes(found, "reviews")]
    texts += [said for thread in _nodes(found, "reviewThreads") for said in _thread(thread, bot)]
    return tuple(replace(text, number=number) for text in texts)


def _thread(thread: Mapping[str, Any], bot: str) -> Iterator[Said]:
    line = thread["line"] or thread["originalLine"]
    place = f"{thread['path']}:{line}" if line else str(thread["path"])
    outdated = bool(line) and not thread["line"]
    state = ", ".join(word for word in ("resolved" * thread["isResolved"], OUTDATED * outdated) if word)
    nodes = _nodes(thread, "comments")
    for number, node in enumerate(nodes):
        review = int((node["pullRequestReview"] or {}).get("fullDatabaseId") or 0)
        yield _said(
            node, "review comment", bot,
            place=place, state=state, thread=int(nodes[0]["fullDatabaseId"]), review=review,
            hunk=str(node["diffHunk"]) if not number else "",
        )  # fmt: skip


def _said(node: Mapping[str, Any], kind: str, bot: str, **fields: Any) -> Said:
    author = node["author"] or {"__typename": "User", "login": "ghost"}
    login = f"{author['login']}[bot]" if author["__typename"] == "Bot" else str(author["login"])
    title = f"{node['title']}\n\n" if "title" in node else ""
    if kind == "review":
        fields["state"] = str(node["state"]).lower().replace("_", " ")
    return Said(
        kind=kind,
        id=int(node.get("fullDatabaseId") or 0),
        author=login,
        created=_seconds(node.get("createdAt") or node.get("submittedAt")),
        text=f"{title}{node['body'] or ''}",
        edited=_seconds(node["lastEditedAt"]),
        minimized=bool(node.get("isMinimized")),
        ours=login == bot,
        **fields,
    )


def _nodes(found: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [node for node in (found.get(name) or {}).get("nodes") or [] if node]


def _seconds(text: object) -> float:
    return datetime.fromisoformat(str(text)).timestamp() if text else 0.0
