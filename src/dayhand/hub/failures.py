"""What a failed call to GitHub means, and what to do next: one table for requests, GraphQL and git.

`docs/github-calls.md` shows the table, and a test compares them cell by cell.
"""

from __future__ import annotations

import re
from enum import StrEnum


class CallKind(StrEnum):
    """The kinds of calls. They differ in what happens if one is made twice."""

    READ = "read"
    CHANGE = "change"  # PATCH, PUT, DELETE: the same again changes nothing
    CREATE = "create"  # POST, and GraphQL mutations: the same again makes a second one
    FETCH = "git fetch"
    PUSH = "git push"


class Next(StrEnum):
    """What to do after a failure."""

    RETRY = "retry"
    WAIT = "wait"
    NEW_TOKEN = "new token"  # noqa: S105 - no credential
    LOOK_UP = "look up"  # find out what happened, then do only what is missing
    GIVE_UP = "give up"


class Failure(StrEnum):
    """What happened, in the words of the documentation."""

    NO_CONNECTION = "no connection"
    LOST_ANSWER = "connection reset, or no answer in time"
    SERVER_FAULT = "5xx"
    LIMIT = "429, or a rate limit"
    BAD_TOKEN = "401"  # noqa: S105 - no credential
    FORBIDDEN = "403"
    MOVED = "301, 404, or repository not found"
    INVALID = "409, 410, 422"
    BRANCH_MOVED = "the branch is at another commit"
    RULE = "a ruleset, a protected branch or a hook declines"
    FULL_DISK = "no space left on this machine"
    OTHER = "anything else"


_R, _W, _T, _L, _G = Next.RETRY, Next.WAIT, Next.NEW_TOKEN, Next.LOOK_UP, Next.GIVE_UP
_CALLS = tuple(CallKind)
# None: cannot happen to this kind of call.
TABLE: dict[Failure, dict[CallKind, Next | None]] = {
    failure: dict(zip(_CALLS, cells, strict=True))
    for failure, cells in {
        #                     read change create fetch push
        Failure.NO_CONNECTION: (_R, _R, _R, _R, _R),
        Failure.LOST_ANSWER: (_R, _R, _L, _R, _L),
        Failure.SERVER_FAULT: (_R, _R, _L, _R, _L),
        Failure.LIMIT: (_W, _W, _W, _W, _W),
        Failure.BAD_TOKEN: (_T, _T, _T, _T, _T),
        Failure.FORBIDDEN: (_G, _G, _G, _G, _G),
        Failure.MOVED: (_L, _L, _L, _L, _L),
        Failure.INVALID: (_G, _G, _G, None, None),
        Failure.BRANCH_MOVED: (None, None, None, None, _L),
        Failure.RULE: (None, None, None, None, _G),
        Failure.FULL_DISK: (None, None, None, _W, _W),
        Failure.OTHER: (_G, _G, _G, _G, _G),
    }.items()
}


def next_step(failure: Failure, call: CallKind) -> Next:
    """What to do after this failure of such a call."""
    return TABLE[failure][call] or Next.GIVE_UP


def failure_of_status(status: int, message: str = "") -> Failure:
    """The failure behind an HTTP answer, from its status and GitHub's message."""
    text = message.lower()
    if status == 429 or (status == 403 and "rate limit" in text) or "was submitted too quickly" in text:
        return Failure.LIMIT
    if status >= 500:
        return Failure.SERVER_FAULT
    named = {401: Failure.BAD_TOKEN, 403: Failure.FORBIDDEN, 409: Failure.INVALID, 410: Failure.INVALID}
    named |= {422: Failure.INVALID} | dict.fromkeys((301, 302, 307, 308, 404), Failure.MOVED)
    return named.get(status, Failure.OTHER)


# In this order: a line about a lock or a rule can come with the words of a broken connection.
_GIT = (
    (Failure.RULE, r"GH0\d\d:|hook declined|protected branch|refusing to allow a GitHub App|rule violations"),
    (
        Failure.BRANCH_MOVED,
        (
            r"\[(remote )?rejected\].*\((fetch first|non-fast-forward|stale info|needs force|reference already exists)"
            r"|cannot lock ref|failed to update ref|failed to lock"
        ),
    ),
    (Failure.FULL_DISK, r"No space left on device|disk quota exceeded"),
    (
        Failure.BAD_TOKEN,
        r"error: 401|Authentication failed|could not read (Username|Password)|Invalid username or",
    ),
    (Failure.LIMIT, r"error: 429|HTTP 429|rate limit"),
    (Failure.SERVER_FAULT, r"error: 5\d\d|HTTP 5\d\d|Internal Server Error"),
    (Failure.FORBIDDEN, r"error: 403|HTTP 403|Permission to .* denied|access .* not granted"),
    (
        Failure.MOVED,
        r"error: (301|302|307|308|404)|HTTP 404|url base from redirection|epository.* not found",
    ),
    (Failure.NO_CONNECTION, r"Failed to connect|Couldn't connect|Could not resolve host|Connection refused"),
    (
        Failure.LOST_ANSWER,
        (
            r"RPC failed|curl \d+|Connection (reset|timed out)|Recv failure|Send failure|Empty reply|timed out"
            r"|hung up unexpectedly|early EOF|unexpected disconnect|transfer closed|SSL_|TLS|not closed cleanly|expected flush"
        ),
    ),
)


def failure_of_git(stderr: str) -> Failure:
    """The failure behind what git wrote to standard error."""
    return next(
        (failure for failure, words in _GIT if re.search(words, stderr, re.IGNORECASE)), Failure.OTHER
    )


def refusal_lines(stderr: str) -> str:
    """What the server said when it declined a push: its own lines, as one text."""
    lines = [
        line.removeprefix("remote:").strip(" -") for line in stderr.splitlines() if line.startswith("remote:")
    ]
    return " ".join(" ".join(line for line in lines if line).split())[:600]
