"""How requests are sent: counted against the installation's budget, and repeated as ``failures.py`` says."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, ItemsView, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import requests
from github import Auth, GithubException
from github.Requester import Requester
from urllib3.exceptions import HTTPError

from dayhand.errors import AnswerLost, BudgetReached, HubUnavailable
from dayhand.hub.failures import CallKind, Failure, Next, failure_of_answer, next_step, seconds_to_wait
from dayhand.startup.records import dataclass

API_VERSION = "2022-11-28"  # supported until March 2028; PyGithub sends no version by itself
TIMEOUT_SECONDS, SHORT_TIMEOUT_SECONDS = 20, 5
PAUSES = (1.0, 4.0, 15.0)  # seconds before each repetition
MAX_WAIT_SECONDS = (
    62.0  # for room in the budget, which is there after a minute; then the task waits in the queue
)
MAX_NEW_TOKENS = 2
MAX_REDIRECTIONS = 3
BODY_TIMEOUTS = 3  # how many times its timeout an answer may take from its first byte to its last
# What creates something each time; so do mutations, but for a reaction. Other POSTs change nothing the second time.
CREATES = re.compile(r"/(comments|pulls|issues|check-runs)$")
# What GitHub counts as content: the endpoints whose documentation warns of it.
CONTENT = re.compile(r"/(comments|pulls|issues|requested_reviewers|reviews|replies)$")
MUTATIONS = re.compile(r"\b(\w+)\s*\(input\b")
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
    def rejection(self, name: str) -> str: ...
    def note_rejection(self, name: str, reason: str) -> bool: ...
    def end_rejection(self, *names: str) -> bool: ...
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
        if not mutates:
            return Cost(CallKind.READ, 1, made, graphql=True)
        repeatable = set(MUTATIONS.findall(query)) == {"addReaction"}
        return Cost(CallKind.CHANGE if repeatable else CallKind.CREATE, 5, made, graphql=True)
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
    timeouts: tuple[float, float] = (TIMEOUT_SECONDS, SHORT_TIMEOUT_SECONDS)  # the second one for progress
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


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What PyGithub reads of an answer."""

    status: int
    headers: dict[str, str]
    text: str

    def getheaders(self) -> ItemsView[str, str]:
        return self.headers.items()

    def read(self) -> str:
        return self.text


class GitHubConnection:
    """The connection that PyGithub sends through. Its own one waits for a slow answer for ever, as long as bytes arrive."""

    def __init__(self, address: str, timeout: float) -> None:
        self.address, self._timeout = address, timeout
        self._next = threading.local()  # PyGithub tells of a request and asks for its answer in two calls
        self._session = requests.Session()
        self._session.auth = lambda request: request  # else a .netrc would replace the token

    def request(self, verb: str, path: str, body: Any, headers: dict[str, str], _stream: bool) -> None:  # noqa: FBT001, PLR0917 - PyGithub's own signature
        self._next.request = (verb, f"{self.address}{path}", body, headers)

    def getresponse(self) -> HttpAnswer:
        verb, url, body, headers = self._next.request
        with self._session.request(
            verb, url, data=body, headers=headers, timeout=self._timeout, allow_redirects=False, stream=True
        ) as answer:
            text = self._read(answer).decode("utf-8", "replace")
        named = {name.lower(): value for name, value in answer.headers.items()}
        if "location" in named:  # PyGithub would follow it without its query
            named["moved-to"] = named.pop("location")
        return HttpAnswer(answer.status_code, named, text)

    def _read(self, answer: requests.Response) -> bytes:
        """The body, as far as it comes in time. Raises ``requests.ConnectionError``."""
        latest, body = time.monotonic() + BODY_TIMEOUTS * self._timeout, bytearray()
        try:
            while chunk := answer.raw.read1(decode_content=True):
                body += chunk
                if time.monotonic() > latest:
                    raise requests.ReadTimeout("GitHub's answer does not end.")
        except HTTPError as error:  # of urllib3
            raise requests.ConnectionError(error) from error
        return bytes(body)

    def close(self) -> None:
        self._session.close()


class CountedRequester(Requester):
    """PyGithub's requester, without its own throttle and retries: they count each client on its own, and repeat POST."""

    def __init__(self, api_url: str, auth: Auth.Auth, sending: Sending) -> None:
        super().__init__(
            auth=auth,
            base_url=api_url,
            timeout=TIMEOUT_SECONDS,  # of its own connection, which is not used
            user_agent="dayhand",
            per_page=100,
            verify=True,
            retry=None,
            pool_size=None,
            lazy=True,  # an object is requested when one of its fields is read
            api_version=API_VERSION,
        )
        self.sending = sending
        address = urlsplit(api_url)
        timeout = sending.timeouts[0 if sending.urgency.repeated else 1]
        self._connection = GitHubConnection(f"{address.scheme}://{address.netloc}", timeout)

    def close(self) -> None:
        self._connection.close()
        super().close()

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
        cached, redirections = "If-None-Match" in (headers or {}), MAX_REDIRECTIONS
        cnx = cnx or self._connection
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
                found = failure_of_answer(answer[0], answer[2], answer[1], cached=cached)
                if found is None:
                    return answer
                failure = found
            step = next_step(failure, cost.call)
            if failure is Failure.MOVED and redirections and (target := self._target(url, answer[1])):
                url, redirections = target, redirections - 1
                parameters = None if urlsplit(target).query else parameters
                continue
            if step is Next.NEW_TOKEN and new_tokens and sending.renew(answer[1]):
                new_tokens -= 1
                continue
            if step is Next.RETRY and (pause := next(pauses, None)) is not None:
                sending.sleep(pause)
                continue
            waits = step is Next.WAIT and sending.limited(answer[1])
            # where a limit ended a request of several mutations, those before it were carried out
            if (
                waits
                and not (answer[0] < 300 and cost.call is CallKind.CREATE)
                and next(pauses, None) is not None
            ):
                if sending.share is None:
                    sending.sleep(seconds_to_wait(answer[1]))
                continue
            if step is Next.LOOK_UP and failure is not Failure.MOVED:
                what = f"GitHub's answer to {verb} {url} was lost."
                raise AnswerLost(what, status=answer[0]) from broken
            if broken:
                raise broken
            _raise_hidden(f"{verb} {url}", answer, failure)
            return answer

    def _target(self, url: str, headers: Mapping[str, Any]) -> str:
        """Where GitHub redirects a request to, with its query; "" if that is no address of this GitHub."""
        address, moved = self._connection.address, str(headers.get("moved-to", ""))
        target = urlsplit(urljoin(address, moved))
        if not moved or f"{target.scheme}://{target.netloc}" != address:
            return ""
        return (target if target.query else target._replace(query=urlsplit(url).query)).geturl()


def _raise_hidden(request: str, answer: tuple[int, dict[str, Any], str], failure: Failure) -> None:
    """Raise what PyGithub would take for a success."""
    if failure is Failure.LOST_ANSWER:
        what = f"GitHub's answer to {request} cannot be read."
        raise HubUnavailable(what, status=answer[0], advice="It is retried automatically.")
    if 300 <= answer[0] < 400:
        raise GithubException(answer[0], {"message": "it has moved"}, answer[1])


def _broken(error: requests.RequestException) -> Failure:
    """Whether a request can have reached GitHub."""
    refused = isinstance(error, requests.ConnectTimeout) or "NewConnectionError" in repr(error)
    return Failure.NO_CONNECTION if refused else Failure.LOST_ANSWER
