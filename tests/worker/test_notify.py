"""Notifications: each outcome once, only the title and the link, and the chat decides nothing about the work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from redis import Redis
from werkzeug import Request, Response
from werkzeug.serving import make_server

from dayhand.ledger import keys
from dayhand.ledger.redis_server import connect, embedded
from dayhand.ledger.telemetry.notifications import DELAYS, Notification, Notifications
from dayhand.process_log.formats import configure_log
from dayhand.worker.notify import send_due, text_of

ENDED = Notification(
    "t1", "ready", "ada/shop", 7, "Totals are wrong", "https://github.example/ada/shop/pull/8"
)


@dataclass
class Chat:
    """A chat's server, which answers with these statuses, then with 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with connect(redis_url) as client:
        client.flushall()
        yield client


@pytest.fixture
def chat() -> Iterator[Chat]:
    made = Chat()

    @Request.application
    def receive(request: Request) -> Response:
        assert request.json
        made.texts.append(request.json["text"])
        return Response(
            status=made.statuses.pop(0) if made.statuses else 200, headers={"Location": "/elsewhere"}
        )

    server = make_server("127.0.0.1", 0, receive)
    made.url = f"http://127.0.0.1:{server.server_port}/services/T0/canary-of-the-chat"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def make_due(redis: Redis) -> list[float]:
    """Let time pass; gives the seconds that each notification would have waited."""
    now = redis.time()[0]
    waits = [due - now for _, due in redis.zrange(keys.NOTIFICATIONS, 0, -1, withscores=True)]
    for text in redis.zrange(keys.NOTIFICATIONS, 0, -1):
        redis.zadd(keys.NOTIFICATIONS, {text: now})
    return waits


def test_an_outcome_is_told_once_however_often_it_is_put(redis: Redis, chat: Chat) -> None:
    for outcome in ("ready", "ready", "failed", "ready"):  # a worker died before it could record the end
        Notifications(redis).put(replace(ENDED, outcome=outcome))
        send_due(redis, chat.url)
    assert [text.splitlines()[0] for text in chat.texts] == [
        "✅ Ready to review: ada/shop#7 Totals are wrong",
        "❌ Failed: ada/shop#7 Totals are wrong",
    ]
    assert chat.texts[0].splitlines()[1] == ENDED.link
    assert not Notifications(redis).due()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_did_not_arrive_is_sent_again_at_growing_intervals_then_given_up(
    redis: Redis, chat: Chat, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    configure_log("text", ())
    chat.statuses = [status] * 100
    Notifications(redis).put(ENDED)
    waits = []
    for _ in range(len(DELAYS) + 2):
        send_due(redis, chat.url)
        waits += make_due(redis)
    assert len(chat.texts) == len(DELAYS) + 1
    assert [round(wait / delay, 1) for wait, delay in zip(waits, DELAYS, strict=True)] == [1.0] * len(DELAYS)
    assert f"was not delivered: the server answers {status}" in capsys.readouterr().err


@pytest.mark.parametrize("status", [301, 307, 400, 404, 410])
def test_what_the_chat_refuses_is_not_sent_again_and_a_redirect_is_not_followed(
    redis: Redis, chat: Chat, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    configure_log("text", ())
    chat.statuses = [status]
    Notifications(redis).put(ENDED)
    send_due(redis, chat.url)
    assert make_due(redis) == []
    assert len(chat.texts) == 1
    logged = [line for line in capsys.readouterr().err.splitlines() if line.startswith("dayhand:")]
    assert str(status) in logged[0]
    assert "canary" not in "".join(logged), "the address is a secret"


def test_a_chat_that_is_away_is_tried_again(redis: Redis, capsys: pytest.CaptureFixture[str]) -> None:
    configure_log("text", ())
    Notifications(redis).put(ENDED)
    for _ in range(len(DELAYS) + 1):
        send_due(redis, "http://127.0.0.1:9/services/canary-of-the-chat")
        make_due(redis)
    logged = capsys.readouterr().err
    assert "task t1 was not delivered: ConnectionError" in logged
    assert "canary" not in logged
    assert not Notifications(redis).due()


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        (
            "a <!channel> & <https://evil.example|b>",
            "a &lt;!channel&gt; &amp; &lt;https:\u200b//evil.example|b&gt;",
        ),
        ("@channel @here #7", "@\u200bchannel @\u200bhere #\u200b7"),
        ("two\nlines\x1b[2K\u202e", "two lines"),
        ("key ghp_0123456789012345678901234567890123456789", "key [redacted]"),
        ("x" * 1000, "x" * 150),
    ],
)
def test_a_title_mentions_nobody_and_shows_no_secret(title: str, shown: str) -> None:
    first, second = text_of(replace(ENDED, title=title)).split("\n")
    assert first == f"✅ Ready to review: ada/shop#7 {shown}"
    assert second == ENDED.link
