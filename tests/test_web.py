"""The app as a whole: what it answers when something around it is missing."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from flask import Flask

from dayhand.child_process import reserved_port
from dayhand.dashboard.access import Access
from dayhand.dashboard.pages import READERS
from dayhand.intake.http_server import HttpServer, ServerLimits
from dayhand.intake.signature import sign
from dayhand.ledger import keys
from dayhand.ledger.deliveries import MAX_WAITING, Deliveries
from dayhand.ledger.github_share import GitHubShare
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import LogReader, TaskLog
from dayhand.ledger.queue import dispatch_queue, waiting_deliveries
from dayhand.ledger.redis_server import connect, connect_raw, embedded
from dayhand.ledger.telemetry.metrics import METRICS
from dayhand.task import Ask, State, TaskKind
from dayhand.web import Parts, create_app, web_address
from tests.app_key import app_key_pem
from tests.promtool import promtool
from tests.tasks import make_task
from tests.waiting import PATIENCE, until

SECRET = "s"
NO_REPLICAS = {"min-replicas-to-write": "1"}  # it answers, and takes no writes: NOREPLICAS
ACCESS = Access("the-dashboard-token-of-these-tests", "the-metrics-token-of-these-tests")
NOBODY = "http://127.0.0.1:9/api/v3"  # the discard port: nobody answers


@pytest.fixture(scope="module")
def key() -> str:
    return app_key_pem()


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded(tmp_path_factory.mktemp("redis")) as url:
        yield url


def app_on(redis_url: str) -> Flask:
    redis = connect(redis_url, quick=True)
    queue = connect_raw(redis_url, quick=True)
    live = LogReader(connect(redis_url))  # it waits for lines longer than a quick client waits for an answer
    return create_app(Parts(Ledger(redis), live, queue, (SECRET,), ACCESS))


def signed(body: bytes, event: str = "ping", delivery: str = "d-1") -> dict[str, str]:
    return {
        "X-Hub-Signature-256": sign(body, SECRET),
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery,
    }


def test_it_is_alive_and_ready_while_redis_answers(tmp_path: Path) -> None:
    with embedded(tmp_path) as url:
        client = app_on(url).test_client()
        assert client.get("/healthz").json == {"ok": True, "app": 0}
        assert client.get("/readyz").json == {"ok": True}
        with connect(url) as redis:
            GitHubShare(redis).note_rejection("app 1", "GitHub rejects the App's id or key")
        rejected = client.get("/readyz")
        assert rejected.status_code == 200, "it stores deliveries meanwhile"
        assert rejected.json == {"ok": True, "github": ["GitHub rejects the App's id or key"]}
    assert client.get("/healthz").status_code == 200
    unready = client.get("/readyz")
    assert unready.status_code == 503
    assert str(tmp_path) not in unready.text, "anyone may ask: Redis's address stays out"


def test_a_redis_that_takes_no_writes_is_not_ready_and_a_delivery_is_refused(tmp_path: Path) -> None:
    body = labeled()
    with embedded(tmp_path) as url, connect(url) as redis:
        client = app_on(url).test_client()
        for broken, whole in [
            ({"maxmemory": "1"}, {"maxmemory": "0"}),
            (NO_REPLICAS, {"min-replicas-to-write": "0"}),
        ]:
            redis.config_set(*next(iter(broken.items())))
            assert client.get("/readyz").status_code == 503
            answer = client.post("/webhook", data=body, headers=signed(body, "issues"))
            assert answer.status_code == 503
            redis.config_set(*next(iter(whole.items())))
        assert client.get("/readyz").status_code == 200
        redis.zadd(keys.INBOX, {str(number): 0 for number in range(MAX_WAITING)})
        full = client.post("/webhook", data=body, headers=signed(body, "issues"))
        assert full.status_code == 503
        assert full.json
        assert full.json["error"] == "Too many deliveries wait for a dispatcher."
        redis.delete(keys.INBOX)
        assert client.post("/webhook", data=body, headers=signed(body, "issues")).status_code == 202


def samples(text: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if line[0] != "#"]
    return {name: float(value) for name, _, value in lines}


def test_prometheus_finds_nothing_to_correct_in_the_metrics(redis_url: str) -> None:
    monitor = {"Authorization": f"Bearer {ACCESS.metrics_token}"}
    text = app_on(redis_url).test_client().get("/metrics", headers=monitor).text
    checked = subprocess.run(
        [promtool(), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    assert set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)) <= {one.name for one in METRICS}


def test_metrics_say_what_waits_what_ended_and_what_became_of_deliveries(tmp_path: Path) -> None:
    ask = Ask(TaskKind.FIX, "fix", "ada")
    with embedded(tmp_path) as url:
        client, ledger = app_on(url).test_client(), Ledger(connect(url))
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
            ledger.open(task, delivery=name, thread=name)
        claim = ledger.claim("one", "me")
        assert claim
        ledger.finish(claim, State.FAILED, reason="no")
        client.post("/webhook", data=b"{}", headers={"X-Hub-Signature-256": "sha256=0"})
        client.post("/webhook", data=b"{}", headers=signed(b"{}"))
        monitor = {"Authorization": f"Bearer {ACCESS.metrics_token}"}
        far = client.get("/metrics", headers=monitor)
        metrics = samples(far.text)
        elsewhere = samples(app_on(url).test_client().get("/metrics", headers=monitor).text)
        oldest = "dayhand_oldest_wait_seconds"
        elsewhere[oldest] = metrics[oldest]
    assert far.mimetype == "text/plain"
    assert metrics["dayhand_redis_up"] == 1
    assert metrics['dayhand_tasks{state="queued"}'] == 1
    assert metrics['dayhand_tasks{state="running"}'] == 0
    assert metrics['dayhand_tasks_ended_total{state="failed"}'] == 1
    assert metrics['dayhand_tasks_ended_total{state="proposed"}'] == 0
    assert 60 <= metrics["dayhand_oldest_wait_seconds"] < 90
    assert metrics['dayhand_deliveries_total{status="401"}'] == 1
    assert metrics['dayhand_deliveries_total{status="202"}'] == 1
    assert metrics['dayhand_deliveries_total{status="503"}'] == 0
    assert metrics["dayhand_deliveries_waiting"] == 0
    assert metrics == elsewhere, "any web process reports the counts of all"
    assert "dayhand_redis_up 0.0" in client.get("/metrics", headers=monitor).text


def test_the_webhook_is_open_to_github_and_the_tasks_are_not(tmp_path: Path) -> None:
    far = {
        "REMOTE_ADDR": "192.0.2.7",
        "HTTP_HOST": "dayhand.example.org",
        "HTTP_X_FORWARDED_FOR": "192.0.2.7",
    }
    with embedded(tmp_path) as url:
        client = app_on(url).test_client()
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
    tmp_path: Path, body: bytes, headers: dict[str, str] | None, status: int, says: str
) -> None:
    with embedded(tmp_path) as url:
        more = signed(body, "issues") if headers is None else headers
        answer = app_on(url).test_client().post("/webhook", data=body, headers=more)
    assert answer.status_code == status
    assert answer.json
    assert says in answer.json["error"]


def labeled(body: str = "B") -> bytes:
    """The delivery of a label."""
    payload = {
        "action": "labeled", "label": {"name": "codex"}, "installation": {"id": 1},
        "sender": {"login": "ada", "type": "User"}, "issue": {"number": 1, "title": "T", "body": body},
        "repository": {"id": 1, "full_name": "a/b", "clone_url": "x", "default_branch": "main"},
    }  # fmt: skip
    return json.dumps(payload).encode()


@pytest.mark.parametrize("listens", [False, True], ids=["it is away", "it is silent"])
def test_without_redis_a_delivery_is_refused_within_githubs_ten_seconds(
    tmp_path: Path, *, listens: bool
) -> None:
    client, body = app_on(f"unix://{tmp_path}/nobody.sock").test_client(), labeled()
    silent = socket.socket(socket.AF_UNIX)
    if listens:
        silent.bind(f"{tmp_path}/nobody.sock")
        silent.listen()
    began = time.monotonic()
    answer = client.post("/webhook", data=body, headers=signed(body, "issues"))
    assert answer.status_code == 503
    assert answer.json
    assert "fetched from GitHub" in answer.json["advice"]
    silent.close()
    assert time.monotonic() - began < 9


NOT_VALID = {
    "lists in lists": b"[" * 200_000,
    "closed lists in lists": b"[" * 200_000 + b"]" * 200_000,
    "objects in objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "lists as deep as can be read, with an escape": b'{"a": "\\ud83d\\ude00", "b": %s%s}'
    % (b"[" * 980, b"]" * 980),
    "half a surrogate pair": b'{"a": "\\ud800"}',
    "the other half": b'{"a": ["\\uDC00"]}',
    "half of one as a name": b'{"\\udfff": 1}',
    "two halves in the wrong order": b'{"a": "\\ude00\\ud83d"}',
    "an encoded half": b'{"a": "\xed\xa0\x80"}',
    "no UTF-8": b'{"a": "\xff"}',
    "a number of 5,000 digits": b'{"a": %s}' % (b"9" * 5000),
    "nothing": b"",
}


@pytest.mark.parametrize("event", ["issues", "ping"])
@pytest.mark.parametrize("body", NOT_VALID.values(), ids=NOT_VALID)
def test_a_delivery_that_is_not_valid_is_refused_with_a_sentence(
    redis_url: str, body: bytes, event: str
) -> None:
    answer = app_on(redis_url).test_client().post("/webhook", data=body, headers=signed(body, event))
    assert answer.status_code == 400
    assert answer.json
    assert answer.json["error"].endswith(".")


@pytest.mark.parametrize("text", ["\\ud83d\\ude00", "\U0001f600", "\\\\ud800", "[" * 100 + "]" * 100])
def test_whole_characters_and_ordinary_depth_are_accepted(redis_url: str, text: str) -> None:
    value = text if text.startswith("[") else f'"{text}"'
    body = f'{{"zen": {value}}}'.encode()
    answer = app_on(redis_url).test_client().post("/webhook", data=body, headers=signed(body))
    assert answer.status_code == 202


def test_a_delivery_larger_than_github_sends_is_refused(tmp_path: Path) -> None:
    with embedded(tmp_path) as url:
        body = b"x" * (25 * 1024 * 1024 + 1)
        answer = app_on(url).test_client().post("/webhook", data=body, headers=signed(body))
    assert answer.status_code == 413
    assert answer.json == {"error": "The delivery is larger than 25 MB.", "advice": ""}


def test_a_delivery_is_stored_whatever_github_does_and_wakes_a_dispatcher(redis_url: str) -> None:
    redis, body = connect(redis_url), labeled()
    redis.flushall()
    answer = app_on(redis_url).test_client().post("/webhook", data=body, headers=signed(body, "issues"))
    assert (answer.status_code, answer.json) == (202, {"delivery": "d-1"})
    assert waiting_deliveries(connect_raw(redis_url)) == {"d-1"}
    removed = labeled().replace(b'"labeled"', b'"unlabeled"')
    app_on(redis_url).test_client().post("/webhook", data=removed, headers=signed(removed, "issues", "d-2"))
    assert Deliveries(redis).due() == ["d-2", "d-1"], "a stop is handled before what starts a task"
    redis.zrem(keys.INBOX, "d-2")
    stored = Deliveries(redis).claim_next("me")
    assert stored
    assert (stored.event, stored.body) == ("issues", body)


def test_the_same_delivery_twenty_times_at_once_is_stored_once(redis_url: str) -> None:
    redis, body = connect(redis_url), labeled()
    redis.flushall()
    app = app_on(redis_url)

    def send(_: int) -> int:
        return app.test_client().post("/webhook", data=body, headers=signed(body, "issues")).status_code

    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(send, range(20))) == [202] * 20
    assert Deliveries(redis).due() == ["d-1"]
    assert len(dispatch_queue(connect_raw(redis_url)).job_ids) == 1


def test_what_asks_nothing_of_us_is_not_stored(redis_url: str) -> None:
    redis, body = connect(redis_url), b'{"action": "requested"}'
    redis.flushall()
    answer = app_on(redis_url).test_client().post("/webhook", data=body, headers=signed(body, "check_suite"))
    assert answer.status_code == 202
    assert redis.keys("dayhand:*") == []


@pytest.mark.parametrize("guid", ["", "a b", "a_b", "ü", "x" * 101, "d:1"])
def test_a_delivery_without_a_proper_guid_is_refused(redis_url: str, guid: str) -> None:
    headers = signed(labeled(), "issues", guid)
    answer = app_on(redis_url).test_client().post("/webhook", data=labeled(), headers=headers)
    assert answer.status_code == 400
    assert answer.json
    assert "GUID" in answer.json["error"]


@contextmanager
def served(app: Flask) -> Iterator[int]:
    """The app on the server of ``dayhand web``, whose slow clients stay connected; its port."""
    limits = ServerLimits(idle_seconds=600, header_seconds=600, request_seconds=600)
    server = HttpServer(app, ("127.0.0.1", 0), limits)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield int(server.effective_port)
    finally:
        server.stop()
        thread.join()


def ask(port: int, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


def open_task(redis_url: str, name: str) -> None:
    ledger = Ledger(connect(redis_url))
    task = make_task(id=name, number=1, ask=Ask(TaskKind.FIX, "fix", "ada"))
    ledger.open(task, delivery=name, thread=name)
    claim = ledger.claim(name, "me")
    assert claim
    TaskLog(ledger, claim).line("say", "a live log begins with this")


def test_a_delivery_is_answered_beside_all_live_logs_and_many_slow_clients(redis_url: str) -> None:
    open_task(redis_url, "slow")
    slow = [b"", b"POST /web", b"POST /webhook HTTP/1.1\r\nHost: x\r\nX-A: "]
    body = b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    log = (
        f"GET /tasks/slow/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ACCESS.token}\r\n\r\n".encode()
    )
    with served(app_on(redis_url)) as port, ExitStack() as stack:

        def connect_with(first: bytes) -> socket.socket:
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), 60))
            client.sendall(first)
            return client

        logs = [connect_with(log) for _ in range(READERS)]
        assert {client.recv(12) for client in logs} == {b"HTTP/1.1 200"}
        others = [connect_with(first) for first in slow * 100 + [body] * 100]
        assert ask(port, "POST", "/webhook", b"{}", signed(b"{}", delivery="beside")) == 202
        bearer = {"Authorization": f"Bearer {ACCESS.token}"}
        assert ask(port, "GET", "/tasks/slow/events", headers=bearer) == 503
        for client in others:
            client.setblocking(False)
            with pytest.raises(BlockingIOError):
                client.recv(1)


@contextmanager
def web_process(redis_url: str, key: str, folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    (folder / "key.pem").write_text(key)
    (folder / "data").mkdir()
    (folder / "data" / "dashboard-token").touch(mode=0o600)
    (folder / "data" / "dashboard-token").write_text(ACCESS.token)
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("DAYHAND_", "GITHUB_", "REDIS_"))}
    env = {
        **plain, "DAYHAND_DATA": str(folder / "data"), "DAYHAND_PORT": str(port), "REDIS_URL": redis_url,
        "GITHUB_API_URL": NOBODY, "GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY_PATH": str(folder / "key.pem"),
        "GITHUB_WEBHOOK_SECRET": SECRET, "DAYHAND_LOG": "json",
    }  # fmt: skip
    command = [sys.executable, "-m", "dayhand.cli", "web"]
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def accepts(port: int) -> bool:
    with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), PATIENCE):
        return True
    return False


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_the_web_process_ends_with_0_beside_live_logs_and_slow_clients(
    redis_url: str, key: str, tmp_path: Path, sent: signal.Signals
) -> None:
    open_task(redis_url, sent.name)
    redis = connect(redis_url)
    redis.set(keys.LOOKED, "")
    with ExitStack() as stack:
        port = stack.enter_context(reserved_port())
        process = stack.enter_context(web_process(redis_url, key, tmp_path, port))
        until(lambda: accepts(port) or process.poll() is not None)
        clients = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(2)]
        for client in clients:
            stack.enter_context(client)
        assert not redis.exists(keys.LOOKED), "deliveries that failed meanwhile are looked for at once"
        clients[0].sendall(b"POST /web")
        clients[1].sendall(
            f"GET /tasks/{sent.name}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ACCESS.token}\r\n\r\n".encode()
        )
        assert clients[1].recv(12) == b"HTTP/1.1 200"
        process.send_signal(sent)
        written, logged = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        assert ACCESS.token.encode() not in written + logged, "a log that is collected gets no token"


def test_a_port_that_is_in_use_is_named_with_what_to_do(redis_url: str, key: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with web_process(redis_url, key, tmp_path, port) as process:
            _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use." in said.decode()
    assert "DAYHAND_PORT" in said.decode()


@pytest.mark.parametrize(
    ("api", "web"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://ghe.example/api/v3", "https://ghe.example"),
    ],
)
def test_where_people_see_what_the_api_serves(api: str, web: str) -> None:
    assert web_address(api) == web
