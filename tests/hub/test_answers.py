"""Whatever a server answers, and however it breaks off: each cell of the table of failures, through a real socket."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from github import Auth, GithubException
from redis import Redis

from dayhand.errors import AnswerLost, HubError, HubUnavailable
from dayhand.hub.errors import hub_errors
from dayhand.hub.failures import TABLE, CallKind, Failure, Next
from dayhand.hub.requester import (
    AWAITED,
    BODY_TIMEOUTS,
    PROGRESS,
    CountedRequester,
    GitHubConnection,
    Sending,
    Urgency,
)
from dayhand.ledger.github_share import GitHubShare
from tests.waiting import PATIENCE

Reply = bytes | Callable[[socket.socket], None]
TIMEOUT = 1.0  # for an answer that does not come


def http(status: int, body: Any = None, *, length: int | None = None, **headers: str) -> bytes:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in {**named, "Content-Length": length or len(text)}.items()]
    return "\r\n".join([f"HTTP/1.1 {status} Status", *lines, "Connection: close", "", ""]).encode() + text


GOOD = http(200, {"ok": True})


@dataclass
class Server:
    """Gives its replies in their order, one for each connection, and then good ones."""

    listener: socket.socket
    replies: list[Reply] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                with client, suppress(OSError):
                    self._answer(client)

    def _answer(self, client: socket.socket) -> None:
        head, _, body = client.recv(65536).partition(b"\r\n\r\n")
        named = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        while len(body) < int(named.get("Content-Length", 0)):
            body += client.recv(65536)
        self.requests.append(" ".join(head.decode().split()[:2]))
        self.tokens.append(named["Authorization"])
        reply = self.replies.pop(0) if self.replies else GOOD
        if isinstance(reply, bytes):
            client.sendall(reply)
        else:
            reply(client)


@pytest.fixture
def server() -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener)
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@dataclass
class Client:
    """A client, and what it did besides its requests."""

    requester: CountedRequester
    pauses: list[float]
    renewed: list[object]

    def call(self, kind: CallKind, *, graphql: str = "") -> Any:
        verb = {CallKind.READ: "GET", CallKind.CHANGE: "PATCH", CallKind.CREATE: "POST"}[kind]
        path = "/issues/1/comments" if kind is CallKind.CREATE else "/issues/1"
        body: dict[str, Any] | None = None if kind is CallKind.READ else {"body": "On it."}
        if graphql:
            verb, path, body = "POST", "/graphql", {"query": graphql}
        with hub_errors("calling"):
            return self.requester.requestJsonAndCheck(verb, path, input=body)[1]


@pytest.fixture
def client(server: Server, redis: Redis) -> Iterator[Client]:
    """A client that waits for an answer as long as this machine may need."""
    with open_client(server, redis, PATIENCE) as opened:
        yield opened


@pytest.fixture
def brief_client(server: Server, redis: Redis) -> Iterator[Client]:
    with open_client(server, redis, TIMEOUT) as opened:
        yield opened


@contextmanager
def open_client(server: Server, redis: Redis, timeout: float) -> Iterator[Client]:
    pauses: list[float] = []
    renewed: list[object] = []

    def renew(headers: object) -> bool:
        renewed.append(headers)
        return True

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        redis.delete("dayhand:github:1:pause")  # the time is over

    sending = Sending(
        share=GitHubShare(redis),
        installation=1,
        renew=renew,
        pauses=(4.0,),
        sleep=sleep,
        timeouts=(timeout, timeout),
    )
    requester = CountedRequester(server.url, Auth.Token("t"), sending)
    yield Client(requester, pauses, renewed)
    requester.close()


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def close(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)


def say_nothing(client: socket.socket) -> None:
    client.recv(1)  # until the client gives up


def trickle(client: socket.socket) -> None:
    """A byte at a time, and never as late as the client waits for one."""
    steps = 20 * BODY_TIMEOUTS
    client.sendall(http(200, b"[", length=steps + 2))
    for _ in range(steps):
        client.sendall(b" ")
        time.sleep(TIMEOUT / 10)
    client.sendall(b"]")


# How a server breaks off, or what it says instead of an answer.
LOST: dict[str, Reply] = {
    "reset": reset,
    "closed without a byte": close,
    "no answer in time": say_nothing,
    "an answer that does not end": trickle,
    "half of the headers": b"HTTP/1.1 200 OK\r\nContent-",
    "half of the body": http(200, b'{"ok"', length=100),
    "half of a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{",
    "no gzip": http(200, b"{}", Content_Encoding="gzip"),
    "JSON that is cut off": http(200, b'{"number": 1, "title": "Wr'),
    "a page of a proxy": http(200, b"<html>Please log in</html>", Content_Type="text/html"),
    "nothing": http(200, b""),
    "304 that nobody asked for": http(304, b""),
    "no HTTP": b"SSH-2.0-OpenSSH_9.9\r\n",
}
SAMPLES: dict[Failure, Reply] = {
    Failure.LOST_ANSWER: close,
    Failure.SERVER_FAULT: http(502, b"<html>Bad Gateway</html>"),
    Failure.LIMIT: http(429, {"message": "Too many"}, Retry_After="7"),
    Failure.BAD_TOKEN: http(401, {"message": "Bad credentials"}),
    Failure.SUSPENDED: http(403, {"message": "This installation has been suspended"}),
    Failure.FORBIDDEN: http(403, {"message": "Resource not accessible by integration"}),
    Failure.MOVED: http(404, {"message": "Not Found"}),
    Failure.INVALID: http(422, {"message": "Validation Failed"}),
    Failure.OTHER: http(400, {"message": "Problems parsing JSON"}),
}
REQUESTS = (CallKind.READ, CallKind.CHANGE, CallKind.CREATE)
LATE = ("no answer in time", "an answer that does not end")


def expect(server: Server, client: Client, kind: CallKind, failure: Failure, *, graphql: str = "") -> None:
    """Make a call whose first reply is this failure, and see what the table says."""
    step = TABLE[failure][kind]
    if step is Next.LOOK_UP and failure is not Failure.MOVED:
        with pytest.raises(AnswerLost):
            client.call(kind, graphql=graphql)
    elif step in (Next.LOOK_UP, Next.GIVE_UP):
        with pytest.raises(HubError) as refused:
            client.call(kind, graphql=graphql)
        assert not isinstance(refused.value, HubUnavailable)
    else:
        assert client.call(kind, graphql=graphql)["ok"]
    again = step in (Next.RETRY, Next.WAIT, Next.NEW_TOKEN)
    assert len(server.requests) == 1 + again
    assert bool(client.renewed) == (step is Next.NEW_TOKEN)
    if step is Next.WAIT:
        assert 0 < sum(client.pauses) <= 1, "until there is room, in steps of a second"
    else:
        assert client.pauses == ([4.0] if step is Next.RETRY else [])


@pytest.mark.parametrize("kind", REQUESTS)
@pytest.mark.parametrize("failure", SAMPLES)
def test_each_cell_of_the_table_is_what_a_request_does(
    server: Server, client: Client, failure: Failure, kind: CallKind
) -> None:
    server.replies.append(SAMPLES[failure])
    expect(server, client, kind, failure)


def test_the_cells_of_requests_are_complete() -> None:
    possible = {failure for failure, cells in TABLE.items() if cells[CallKind.READ]}
    assert possible == {*SAMPLES, Failure.NO_CONNECTION}  # the next test


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_server_that_takes_no_connection_is_asked_again(
    server: Server, client: Client, kind: CallKind
) -> None:
    sending = replace(client.requester.sending, installation=2)
    nowhere = CountedRequester("http://127.0.0.1:9", Auth.Token("t"), sending)
    with pytest.raises(HubUnavailable) as away:
        Client(nowhere, client.pauses, client.renewed).call(kind)
    assert not isinstance(away.value, AnswerLost), "nothing can have been carried out"
    assert client.pauses == [4.0]
    nowhere.close()


@pytest.mark.parametrize("kind", [CallKind.READ, CallKind.CREATE])
@pytest.mark.parametrize("form", LOST)
def test_a_lost_answer_has_many_forms(
    server: Server, client: Client, brief_client: Client, form: str, kind: CallKind
) -> None:
    server.replies.append(LOST[form])
    expect(server, brief_client if form in LATE else client, kind, Failure.LOST_ANSWER)


@pytest.mark.parametrize("form", LOST)
def test_an_answer_that_stays_lost_is_for_later_and_no_fault_of_ours(
    server: Server, client: Client, brief_client: Client, form: str
) -> None:
    server.replies += [LOST[form]] * 2
    with pytest.raises(HubUnavailable, match=r"could not be reached|cannot be read"):
        (brief_client if form in LATE else client).call(CallKind.READ)
    assert len(server.requests) == 2


@pytest.mark.parametrize(("urgency", "served"), [(AWAITED, True), (PROGRESS, False)])
def test_progress_waits_less_long_for_an_answer(
    server: Server, client: Client, urgency: Urgency, served: bool
) -> None:
    def answer_late(connection: socket.socket) -> None:
        """Once the client gave up, or could have."""
        connection.settimeout(2 * TIMEOUT if served else None)
        with suppress(TimeoutError):
            connection.recv(1)
        connection.sendall(GOOD)

    server.replies.append(answer_late)
    sending = replace(client.requester.sending, urgency=urgency, pauses=(), timeouts=(PATIENCE, TIMEOUT))
    late = Client(CountedRequester(server.url, Auth.Token("t"), sending), [], [])
    try:
        assert late.call(CallKind.READ)["ok"] is served
    except HubUnavailable:
        assert not served
    late.requester.close()


def told(kind: str | None, message: str, **more: Any) -> dict[str, Any]:
    return {"data": None, "errors": [{"type": kind, "message": message, **more}]}


# GraphQL says it with the status 200.
GRAPHQL = [
    (told("RATE_LIMITED", "API rate limit already exceeded for installation ID 1."), Failure.LIMIT),
    (told(None, "You have exceeded a secondary rate limit."), Failure.LIMIT),
    (told("UNPROCESSABLE", "was submitted too quickly"), Failure.LIMIT),
    (
        told(None, "Something went wrong while executing your query. It may be a timeout."),
        Failure.SERVER_FAULT,
    ),
]


@pytest.mark.parametrize(("answer", "failure"), GRAPHQL)
def test_a_query_of_graphql_is_repeated_where_a_read_is(
    server: Server, client: Client, answer: dict[str, Any], failure: Failure
) -> None:
    server.replies.append(http(200, answer))
    expect(server, client, CallKind.READ, failure, graphql="query { viewer { login } }")


@pytest.mark.parametrize(("answer", "failure"), GRAPHQL)
def test_a_request_of_several_mutations_is_not_sent_twice(
    server: Server, client: Client, redis: Redis, answer: dict[str, Any], failure: Failure
) -> None:
    """Those before the one that met a limit were carried out: who made it looks first."""
    server.replies.append(http(200, answer))
    if failure is Failure.LIMIT:
        assert client.call(CallKind.CREATE, graphql="mutation { a b }") == answer
        assert redis.exists("dayhand:github:1:pause"), "everybody waits"
    else:
        with pytest.raises(AnswerLost):
            client.call(CallKind.CREATE, graphql="mutation { a b }")
    assert len(server.requests) == 1


def test_what_graphql_refuses_is_the_callers_to_read(server: Server, client: Client) -> None:
    answer = told("FORBIDDEN", "Resource not accessible by integration", path=["m0"])
    server.replies.append(http(200, answer))
    assert client.call(CallKind.CREATE, graphql="mutation { a }") == answer


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize(
    ("location", "followed"),
    [
        ("{url}/repositories/7/issues", "/repositories/7/issues?head=ada%3Ab&state=all"),
        ("/repositories/7/issues", "/repositories/7/issues?head=ada%3Ab&state=all"),
        ("{url}/repositories/7/issues?state=all", "/repositories/7/issues?state=all"),
        ("http://127.0.0.2:1/issues", ""),
        ("https://127.0.0.1/issues", ""),
    ],
)
def test_a_renamed_repository_is_followed_with_the_whole_request(
    server: Server, client: Client, status: int, location: str, followed: str
) -> None:
    """Without its query, a list of the pull requests of one branch would become one of all pull requests."""
    server.replies.append(http(status, {"message": "Moved"}, Location=location.format(url=server.url)))
    verb = "POST" if status > 302 else "GET"
    if followed:
        client.requester.requestJsonAndCheck(verb, "/repos/ada/shop/issues?head=ada:b&state=all", input={})
        assert server.requests[1:] == [f"{verb} {followed}"]
    else:
        with pytest.raises(GithubException) as refused:
            client.requester.requestJsonAndCheck(verb, "/repos/ada/shop/issues?state=all", input={})
        assert (refused.value.status, len(server.requests)) == (status, 1)


def test_redirections_in_a_circle_end(server: Server, client: Client) -> None:
    server.replies += [http(301, {}, Location=f"{server.url}/issues/1")] * 9
    with pytest.raises(HubError, match="it has moved") as refused:
        client.call(CallKind.READ)
    assert "GITHUB_API_URL" in refused.value.advice
    assert len(server.requests) == 4


def test_a_list_that_did_not_change_is_a_good_answer(server: Server, client: Client) -> None:
    server.replies.append(http(304, b""))
    _, rows = client.requester.requestJsonAndCheck("GET", "/issues", headers={"If-None-Match": '"x"'})
    assert rows is None


@pytest.mark.parametrize("status", [202, 204, 205])
def test_an_answer_may_be_empty_where_there_is_nothing_to_say(
    server: Server, client: Client, status: int
) -> None:
    server.replies.append(http(status, b""))
    assert client.call(CallKind.CHANGE) is None


def test_two_threads_that_share_a_connection_get_their_own_answers(server: Server) -> None:
    connection, named = GitHubConnection(server.url, PATIENCE), {"Authorization": "token x"}
    connection.request("GET", "/one", None, named, False)

    def ask() -> None:
        connection.request("GET", "/two", None, named, False)
        connection.getresponse()

    other = threading.Thread(target=ask)
    other.start()
    other.join()
    connection.getresponse()
    assert server.requests == ["GET /two", "GET /one"]
