"""How requests are sent: counted against the installation's budget, and repeated as ``failures.py`` says."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import requests
from github import Auth
from github.Requester import Requester

from dayhand.errors import AnswerLost, BudgetReached
from dayhand.hub.failures import CallKind, Failure, Next, failure_of_status, next_step
from dayhand.startup.records import dataclass

API_VERSION = "2022-11-28"  # supported until March 2028; PyGithub sends no version by itself
TIMEOUT_SECONDS, SHORT_TIMEOUT_SECONDS = 20, 5
PAUSES = (1.0, 4.0, 15.0)  # seconds before each repetition
MAX_WAIT_SECONDS = (
    62.0  # for room in the budget, which is there after a minute; then the task waits in the queue
)
LIMIT_SECONDS = 60.0  # if GitHub names no time
MAX_NEW_TOKENS = 2
# What creates something each time. Other POSTs change nothing the second time, such as a reaction.
CREATES = re.compile(r"/(comments|pulls|issues|check-runs)$")
# What GitHub counts as content: the endpoints whose documentation warns of it.
CONTENT = re.compile(r"/(comments|pulls|issues|requested_reviewers|reviews|replies)$")
CONTENT_MUTATIONS = re.compile(r"\b(addComment|createPullRequest|createIssue|requestReviews)\s*\(")


class Share(Protocol):
    """What all processes share about an installation: ``ledger.github_share.GitHubShare``."""

    def admit(
        self,
        installation: int,
        *,
        points: int,
        creations: int,
        graphql: bool,
        part: float,
        hour_part: float,
        behind: bool,
    ) -> tuple[float, str]: ...
    def release(self, installation: int, slot: str) -> None: ...
    def note_left(self, installation: int, *, left: int, limit: int, reset: int) -> None: ...
    def pause(self, installation: int, seconds: float) -> None: ...
    def tasks_showing_progress(self, installation: int, task_id: str) -> int: ...
    def begin_creation(self, installation: int, name: str) -> float: ...
    def renew_creation(self, installation: int, name: str) -> None: ...
    def end_creation(self, installation: int, name: str, *, sent: bool) -> None: ...
    def expect_creation(self, installation: int, name: str) -> None: ...
    def secret(self, name: str) -> str | None: ...
    def keep_secret(self, name: str, text: str, seconds: float) -> None: ...
    def drop_secret(self, name: str) -> None: ...
    def note_token(self, installation: int, repository: str, permissions: Mapping[str, str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Urgency:
    """Which requests go first while an installation's budget is short."""

    part: float = 1.0  # of each limit of a minute that such requests may use up
    hour_part: float = 1.0  # of the creations of an hour
    behind: bool = False  # leaves room for the first comments of tasks that have none yet
    waits: bool = True  # for room, up to a minute
    repeated: bool = True  # after a failure; otherwise the next request says the same


# What people wait for: reactions, replies, first comments and results.
AWAITED = Urgency()
# “Queued”, on a task that has no comment yet: half of the hour is for the tasks that run.
NOTICE = Urgency(hour_part=0.5, waits=False)
REVIEW_REQUEST = Urgency(part=0.8, behind=True)
# A draft and its check run are made later if there is no room.
DRAFT = Urgency(part=0.8, behind=True, waits=False)
PROGRESS = Urgency(part=0.5, behind=True, waits=False, repeated=False)


@dataclass(frozen=True, slots=True)
class Cost:
    """What GitHub counts for one request."""

    call: CallKind
    points: int
    creations: int
    graphql: bool


def cost_of(verb: str, path: str, body: Any = None) -> Cost:
    """https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#calculating-points."""
    if path.endswith("/graphql"):
        query = str((body or {}).get("query", ""))
        mutates = query.lstrip().startswith("mutation")
        made = len(CONTENT_MUTATIONS.findall(query))
        return Cost(CallKind.CREATE if mutates else CallKind.READ, 5 if mutates else 1, made, graphql=True)
    if verb in ("GET", "HEAD"):
        return Cost(CallKind.READ, 1, 0, graphql=False)
    post = verb == "POST"
    call = CallKind.CREATE if post and CREATES.search(path) else CallKind.CHANGE
    return Cost(call, 5, int(post and bool(CONTENT.search(path))), graphql=False)


@dataclass(frozen=True, slots=True)
class Sending:
    """How the requests of one client are sent."""

    share: Share | None = None  # None: for requests that belong to no installation
    installation: int = 0
    sent: Callable[[], None] = lambda: None  # called before each request that creates something
    # Whether there is another token now; called with the headers of the answer that refused the one before.
    renew: Callable[[Mapping[str, Any]], bool] = lambda _headers: False
    pauses: Sequence[float] = PAUSES
    sleep: Callable[[float], None] = time.sleep
    urgency: Urgency = AWAITED

    @contextmanager
    def counted(self, cost: Cost) -> Iterator[None]:
        """Wait for room in the budget. Raises ``BudgetReached`` if there is none for too long."""
        if self.share is None:
            yield
            return
        slot = self._admitted(self.share, cost)
        try:
            yield
        finally:
            self.share.release(self.installation, slot)

    def _admitted(self, share: Share, cost: Cost) -> str:
        waited, urgency = 0.0, self.urgency
        while True:
            seconds, slot = share.admit(
                self.installation,
                points=cost.points,
                creations=cost.creations,
                graphql=cost.graphql,
                part=urgency.part,
                hour_part=urgency.hour_part,
                behind=urgency.behind,
            )
            if not seconds:
                return slot
            if not urgency.waits or waited + seconds > MAX_WAIT_SECONDS:
                raise BudgetReached(
                    "GitHub's limit of requests for this installation is reached.",
                    advice="It is retried when there is room again.",
                )
            pause = min(seconds, 1.0)  # others may free it earlier
            self.sleep(pause)
            waited += pause

    def note_left(self, headers: Mapping[str, Any]) -> None:
        """Keep what GitHub says is left of its hourly limit of REST requests, for operators."""
        names = ("x-ratelimit-remaining", "x-ratelimit-limit", "x-ratelimit-reset")
        numbers = [str(headers.get(name, "")) for name in names]
        if (
            self.share
            and headers.get("x-ratelimit-resource", "core") == "core"
            and all(map(str.isdigit, numbers))
        ):
            left, limit, reset = map(int, numbers)
            self.share.note_left(self.installation, left=left, limit=limit, reset=reset)

    def limited(self, headers: dict[str, Any]) -> bool:
        """GitHub asks to wait: nobody sends anything meanwhile. Whether it is worth waiting here."""
        seconds = seconds_to_wait(headers)
        if self.share is not None:
            self.share.pause(self.installation, seconds)
        return self.urgency.waits and seconds <= MAX_WAIT_SECONDS


def seconds_to_wait(headers: dict[str, Any], now: float | None = None) -> float:
    """How long GitHub asks to wait: by Retry-After, else until its primary limit is reset, else a minute."""
    if str(headers.get("retry-after", "")).isdigit():
        return float(headers["retry-after"])
    reset = str(headers.get("x-ratelimit-reset", ""))
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return max(1.0, float(reset) - (time.time() if now is None else now))
    return LIMIT_SECONDS


class CountedRequester(Requester):
    """PyGithub's requester, without its own throttle and retries: they count each client on its own, and repeat POST."""

    def __init__(self, api_url: str, auth: Auth.Auth, sending: Sending) -> None:
        super().__init__(
            auth=auth,
            base_url=api_url,
            timeout=TIMEOUT_SECONDS if sending.urgency.repeated else SHORT_TIMEOUT_SECONDS,
            user_agent="dayhand",
            per_page=100,
            verify=True,
            retry=None,
            pool_size=None,
            lazy=True,  # an object is requested when one of its fields is read
            api_version=API_VERSION,
        )
        self.sending = sending

    def requestJson(  # noqa: N802, PLR0917 - PyGithub's own signature
        self,
        verb: str,
        url: str,
        parameters: dict[str, Any] | None = None,
        headers: dict[str, Any] | None = None,
        input: Any | None = None,  # noqa: A002
        cnx: Any = None,
        follow_302_redirect: bool = False,  # noqa: FBT001, FBT002
    ) -> tuple[int, dict[str, Any], str]:
        """Send a request until it succeeds or fails for good. Raises ``AnswerLost``, ``HubUnavailable``."""
        sending, cost = self.sending, cost_of(verb, url.partition("?")[0], input)
        pauses, new_tokens = iter(sending.pauses if sending.urgency.repeated else ()), MAX_NEW_TOKENS
        while True:
            broken: requests.RequestException | None = None
            try:
                with sending.counted(cost):
                    if cost.call is CallKind.CREATE:
                        sending.sent()
                    answer = super().requestJson(
                        verb, url, parameters, dict(headers or {}), input, cnx, follow_302_redirect
                    )
            except requests.RequestException as error:
                failure, answer, broken = _broken(error), (0, {}, ""), error
            else:
                sending.note_left(answer[1])
                if answer[0] < 400:
                    return answer
                failure = failure_of_status(answer[0], answer[2][:2000])
            step = next_step(failure, cost.call)
            if step is Next.NEW_TOKEN and new_tokens and sending.renew(answer[1]):
                new_tokens -= 1
                continue
            if step is Next.RETRY and (pause := next(pauses, None)) is not None:
                sending.sleep(pause)
                continue
            if step is Next.WAIT and sending.limited(answer[1]) and (pause := next(pauses, None)) is not None:
                if sending.share is None:
                    sending.sleep(seconds_to_wait(answer[1]))
                continue
            if step is Next.LOOK_UP and failure is not Failure.MOVED:
                what = f"GitHub's answer to {verb} {url} was lost."
                raise AnswerLost(what, status=answer[0]) from broken
            if broken:
                raise broken
            return answer


def _broken(error: requests.RequestException) -> Failure:
    """Whether a request can have reached GitHub."""
    refused = isinstance(error, requests.ConnectTimeout) or "NewConnectionError" in repr(error)
    return Failure.NO_CONNECTION if refused else Failure.LOST_ANSWER
