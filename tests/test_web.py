"""The app as a whole: what it answers when something around it is missing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask

from dayhand.dashboard.access import Access
from dayhand.hub.client import Hub
from dayhand.intake.signature import sign
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import LogReader
from dayhand.ledger.redis_server import connect, connect_raw, embedded
from dayhand.task import Ask, State, TaskKind
from dayhand.web import Parts, create_app, web_address
from tests.tasks import make_task

SECRET = "s"
ACCESS = Access("the-dashboard-token-of-these-tests", "the-metrics-token-of-these-tests")
NOBODY = "http://127.0.0.1:9/api/v3"  # the discard port: nobody answers


@pytest.fixture(scope="module")
def key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def app_on(redis_url: str, key: str) -> Flask:
    redis = connect(redis_url, quick=True)
    hub = Hub(NOBODY, 1, key)
    queue = connect_raw(redis_url, quick=True)
    return create_app(
        Parts(Ledger(redis), LogReader(redis), queue, hub, (SECRET,), "codex", ("bot",), ACCESS)
    )


def signed(body: bytes, event: str = "ping") -> dict[str, str]:
    return {"X-Hub-Signature-256": sign(body, SECRET), "X-GitHub-Event": event, "X-GitHub-Delivery": "d-1"}


def test_it_is_alive_and_ready_while_redis_answers(tmp_path: Path, key: str) -> None:
    with embedded(tmp_path) as url:
        client = app_on(url, key).test_client()
        assert client.get("/healthz").json == {"ok": True}
        assert client.get("/readyz").status_code == 200
    assert client.get("/healthz").status_code == 200
    unready = client.get("/readyz")
    assert unready.status_code == 503
    assert str(tmp_path) not in unready.text, "anyone may ask: Redis's address stays out"


def test_metrics_say_what_waits_what_ended_and_what_became_of_deliveries(tmp_path: Path, key: str) -> None:
    ask = Ask(TaskKind.FIX, "fix", "ada")
    with embedded(tmp_path) as url:
        client, ledger = app_on(url, key).test_client(), Ledger(connect(url))
        for name in ("one", "two"):
            task = make_task(
                id=name,
                repository="a/b",
                installation=1,
                number=1,
                title="T",
                body="B",
                ask=ask,
                created_at=time.time() - 60,
            )
            ledger.open(task, delivery=name, meaning=name)
        claim = ledger.claim("one", "me")
        assert claim
        ledger.finish(claim, State.FAILED, reason="no")
        client.post("/webhook", data=b"{}", headers={"X-Hub-Signature-256": "sha256=0"})
        client.post("/webhook", data=b"{}", headers=signed(b"{}"))
        monitor = {"Authorization": f"Bearer {ACCESS.metrics_token}"}
        far = client.get("/metrics", headers=monitor)
        metrics = {
            line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
            for line in far.text.splitlines()[2:]
            if line[0] != "#"
        }
    assert far.mimetype == "text/plain"
    assert metrics["dayhand_redis_up"] == 1
    assert metrics['dayhand_tasks{state="queued"}'] == 1
    assert metrics['dayhand_tasks{state="running"}'] == 0
    assert metrics['dayhand_tasks_ended_total{state="failed"}'] == 1
    assert metrics['dayhand_tasks_ended_total{state="proposed"}'] == 0
    assert 60 <= metrics["dayhand_oldest_wait_seconds"] < 90
    assert metrics['dayhand_deliveries_total{status="401"}'] == 1
    assert metrics['dayhand_deliveries_total{status="202"}'] == 1
    assert "dayhand_redis_up 0.0" in client.get("/metrics", headers=monitor).text


def test_the_webhook_is_open_to_github_and_the_tasks_are_not(tmp_path: Path, key: str) -> None:
    far = {
        "REMOTE_ADDR": "192.0.2.7",
        "HTTP_HOST": "dayhand.example.org",
        "HTTP_X_FORWARDED_FOR": "192.0.2.7",
    }
    with embedded(tmp_path) as url:
        client = app_on(url, key).test_client()
        assert client.post("/webhook", data=b"{}", headers=signed(b"{}"), environ_base=far).status_code == 202
        for path in ("/healthz", "/readyz", "/static/live.js"):
            with client.get(path, environ_base=far) as answer:
                assert answer.status_code == 200
        for path in ("/", "/tasks", "/tasks/t1", "/metrics"):
            assert client.get(path, environ_base=far).status_code == 401


@pytest.mark.parametrize(
    ("body", "headers", "status", "says"),
    [
        (b"{}", {"X-Hub-Signature-256": "sha256=0"}, 401, "signature"),
        (b"{}", {}, 401, "not signed"),
        (b"not json", None, 400, "JSON"),
    ],
    ids=["wrong", "none", "no-json"],
)
def test_a_refused_delivery_says_why(
    tmp_path: Path, key: str, body: bytes, headers: dict[str, str] | None, status: int, says: str
) -> None:
    with embedded(tmp_path) as url:
        more = signed(body, "issues") if headers is None else headers
        answer = app_on(url, key).test_client().post("/webhook", data=body, headers=more)
    assert answer.status_code == status
    assert answer.json
    assert says in answer.json["error"]


def test_without_redis_a_delivery_is_refused_within_githubs_ten_seconds(tmp_path: Path, key: str) -> None:
    client = app_on(f"unix://{tmp_path}/nobody.sock", key).test_client()
    began = time.monotonic()
    answer = client.post("/webhook", data=b"{}", headers=signed(b"{}"))
    assert answer.status_code == 503
    assert answer.json
    assert "redeliver it" in answer.json["advice"]
    assert time.monotonic() - began < 9


def test_a_delivery_larger_than_github_sends_is_refused(tmp_path: Path, key: str) -> None:
    with embedded(tmp_path) as url:
        body = b"x" * (25 * 1024 * 1024 + 1)
        answer = app_on(url, key).test_client().post("/webhook", data=body, headers=signed(body))
    assert answer.status_code == 413
    assert answer.json == {"error": "The delivery is larger than 25 MB.", "advice": ""}


def test_while_github_is_away_a_wish_is_refused_and_can_be_sent_again(tmp_path: Path, key: str) -> None:
    body = (
        b'{"action": "labeled", "label": {"name": "codex"}, "installation": {"id": 1},'
        b' "sender": {"login": "ada", "type": "User"}, "issue": {"number": 1, "title": "T", "body": "B"},'
        b' "repository": {"full_name": "a/b", "clone_url": "x", "default_branch": "main"}}'
    )
    with embedded(tmp_path) as url:
        app = app_on(url, key)
        answer = app.test_client().post("/webhook", data=body, headers=signed(body, "issues"))
        assert answer.status_code == 503
        ledger = Ledger(connect(url))
        assert ledger.recent() == []
        assert ledger.seen("d-1") is None, "so that the same delivery is taken when it is sent again"


@pytest.mark.parametrize(
    ("api", "web"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://ghe.example/api/v3", "https://ghe.example"),
    ],
)
def test_where_people_see_what_the_api_serves(api: str, web: str) -> None:
    assert web_address(api) == web
