"""What a failed call to GitHub means, and what to do next: one table for requests, GraphQL and git.

`docs/github-calls.md` shows the table, and a test compares them cell by cell.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any


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
    LOST_ANSWER = "connection reset, no answer in time, or none that can be read"
    SERVER_FAULT = "5xx"
    LIMIT = "429, or a rate limit"
    BAD_TOKEN = "401"  # noqa: S105 - no credential
    SUSPENDED = "the App or its installation is suspended"
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
        Failure.SUSPENDED: (_T, _T, _T, _T, _T),
        Failure.FORBIDDEN: (_G, _G, _G, _T, _T),  # git does not say why; a refused new token does
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


# Statuses of answers to GraphQL have no meaning: 200 from GitHub, and 400 in PyGithub's exceptions.
LIMITED = re.compile(
    r"rate limit|was submitted too quickly|abuse detection|login attempts exceeded", re.IGNORECASE
)
FAULT = re.compile(r"Something went wrong while executing your query", re.IGNORECASE)
NO_TEXT = (202, 204, 205)  # that an answer may have without a text
_STATUS = {
    401: Failure.BAD_TOKEN,
    403: Failure.FORBIDDEN,
    **dict.fromkeys((301, 302, 303, 307, 308, 404), Failure.MOVED),
    **dict.fromkeys((409, 410, 422), Failure.INVALID),
}


def failure_of_status(status: int, message: str = "", headers: Mapping[str, Any] | None = None) -> Failure:
    """The failure behind an HTTP answer, from its status, GitHub's message and its headers in lower case."""
    left = headers or {}
    if status == 429 or (status in (200, 400, 403) and LIMITED.search(message)):
        return Failure.LIMIT
    if status == 403 and ("retry-after" in left or str(left.get("x-ratelimit-remaining")) == "0"):
        return Failure.LIMIT
    if status >= 500 or (status in (200, 400) and FAULT.search(message)):
        return Failure.SERVER_FAULT
    if status == 403 and "suspended" in message.lower():
        return Failure.SUSPENDED
    if status == 404 and "Integration not found" in message:  # no App has this id
        return Failure.BAD_TOKEN
    return _STATUS.get(status, Failure.OTHER)


def failure_of_answer(
    status: int, text: str, headers: Mapping[str, Any], *, cached: bool = False
) -> Failure | None:
    """The failure behind an answer; None if it is what was asked for. ``cached``: 304 is a good answer.

    GraphQL answers 200 also if it did nothing: a limit and a fault of GitHub are told here, what it refuses is not.
    """
    if status >= 400:
        return failure_of_status(status, text[:2000], headers)
    if status == 304:
        return None if cached else Failure.LOST_ANSWER
    if status >= 300:
        return Failure.MOVED
    if status in NO_TEXT and not text:
        return None
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):  # a proxy's page, or half of an answer
        return Failure.LOST_ANSWER
    errors = answer.get("errors") if isinstance(answer, dict) else None
    told = (
        failure_of_status(
            200, f"{one.get('type')} {one.get('message')}".replace("RATE_LIMITED", "rate limit")
        )
        for one in errors or ()
    )
    return next((one for one in told if one is not Failure.OTHER), None)


LIMIT_SECONDS = 60.0  # if GitHub names no time
MAX_LIMIT_SECONDS = 3660.0  # GitHub's longest limit is that of an hour: a longer one is a mistake


def seconds_to_wait(headers: Mapping[str, Any], now: float | None = None) -> float:
    """How long GitHub asks to wait: by Retry-After, else until its primary limit is reset, else a minute."""
    now = time.time() if now is None else now
    asked = _number(headers.get("retry-after"))
    with suppress(TypeError, ValueError):  # it may be a date, as HTTP has it
        asked = (
            parsedate_to_datetime(str(headers.get("retry-after"))).timestamp() - now
            if asked is None
            else asked
        )
    if asked is None and str(headers.get("x-ratelimit-remaining")) == "0":
        reset = _number(headers.get("x-ratelimit-reset"))
        asked = None if reset is None else reset - now
    return LIMIT_SECONDS if asked is None else min(max(1.0, asked), MAX_LIMIT_SECONDS)


def _number(text: Any) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]{1,15}(\.[0-9]+)?", str(text).strip()) else None


NO_ROOM = r"No space left on device|disk quota exceeded"
FULL_DISK = (
    rf"(?im)^(?!.*remote: ).*({NO_ROOM})"  # of this machine: after “remote:” the server speaks of its own
)
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
    (Failure.FULL_DISK, FULL_DISK),
    (
        Failure.BAD_TOKEN,
        r"error: 401|Authentication failed|could not read (Username|Password)|Invalid username or",
    ),
    (Failure.LIMIT, r"error: 429|HTTP 429|rate limit"),
    (Failure.SERVER_FAULT, rf"error: 5\d\d|HTTP 5\d\d|Internal Server Error|{NO_ROOM}"),
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
