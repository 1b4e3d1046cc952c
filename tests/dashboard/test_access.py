"""Who may see tasks: the holder of the token, wherever a request comes from and whatever it says about that."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from dayhand.dashboard.access import OPEN, WHAT, WRONG, Access
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import LogReader
from dayhand.ledger.redis_server import connect, connect_raw
from dayhand.web import Parts, create_app
from tests.dashboard.conftest import BEARER, TOKEN, a_task, finish, reader

METRICS_TOKEN = "a-token-for-the-monitor-of-the-tests"
ACCESS = Access(TOKEN, METRICS_TOKEN)
OTHER = Access("a-token-of-another-installation-0123")
TITLE = "Search is upside down"
JSON = {"Accept": "application/json"}
PAGES = ["/tasks", "/tasks/t1", "/tasks/t1/head", "/tasks/t1/events", "/tasks/t1.patch", "/tasks/t1.log"]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


@pytest.fixture
def whole(ledger: Ledger, redis_url: str) -> Flask:
    """The app as it is served, with a finished task in it."""
    finish(ledger, a_task("t1", TITLE))
    live = LogReader(connect(redis_url))
    return create_app(Parts(ledger, live, connect_raw(redis_url), ("s",), ACCESS))


@pytest.fixture
def port(whole: Flask) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, whole, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_address_demands_a_token_except_these(whole: Flask) -> None:
    """A new endpoint is closed until somebody adds it to the list."""
    assert {"webhook.receive", "healthz", "readyz", "dashboard.static"} == OPEN
    rules = list(whole.url_map.iter_rules())
    assert {rule.endpoint for rule in rules} >= OPEN
    for rule in rules:
        if rule.endpoint in OPEN:
            continue
        address = whole.url_map.bind("localhost").build(
            rule.endpoint, dict.fromkeys(rule.arguments, "t1"), method=min(rule.methods or METHODS)
        )
        for method in METHODS:
            answer = whole.test_client().open(address, method=method)
            assert answer.status_code == 401, f"{method} {address}"
            assert TITLE not in answer.text


# As proxies, forwarded ports and other people's web pages send them from this machine.
FROM_HERE = [
    pytest.param("GET {path} HTTP/1.0\nHost: 127.0.0.1:{port}\nConnection: close", id="nginx-proxy_pass"),
    pytest.param("GET {path} HTTP/1.1\nHost: 127.0.0.1:{port}", id="tcp-forward"),
    pytest.param("GET {path} HTTP/1.1\nHost: dayhand.example.org", id="haproxy-keeps-the-host"),
    pytest.param("GET {path} HTTP/1.1\nHost: localhost", id="localhost"),
    pytest.param("GET {path} HTTP/1.1\nHost: [::1]:{port}", id="ipv6"),
    pytest.param("GET {path} HTTP/1.1\nHost: 127.0.0.1.evil.example", id="rebinding"),
    pytest.param("GET {path} HTTP/1.0", id="no-host"),
    pytest.param("GET http://127.0.0.1{path} HTTP/1.1\nHost: 127.0.0.1", id="absolute-address"),
    pytest.param("GET {path} HTTP/1.1\nHost: a\nX-Forwarded-For: 127.0.0.1", id="x-forwarded-for"),
    pytest.param("GET {path} HTTP/1.1\nHost: a\nX-Forwarded-Host: 127.0.0.1", id="x-forwarded-host"),
    pytest.param("GET {path} HTTP/1.1\nHost: a\nForwarded: for=127.0.0.1;host=localhost", id="forwarded"),
    pytest.param("GET {path} HTTP/1.1\nHost: a\nX-Real-IP: 127.0.0.1", id="x-real-ip"),
    pytest.param("GET {path} HTTP/1.1\nHost: a\nX-Original-URL: /healthz", id="x-original-url"),
    pytest.param("POST {path} HTTP/1.1\nHost: a\nX-HTTP-Method-Override: GET\nContent-Length: 0", id="override"),
    pytest.param("GET {path}?endpoint=healthz HTTP/1.1\nHost: a", id="another-endpoint"),
]  # fmt: skip


@pytest.mark.parametrize("request_lines", FROM_HERE)
def test_no_request_from_this_machine_is_trusted_for_that(port: int, request_lines: str) -> None:
    for path in PAGES:
        status, answer = talk(port, request_lines.format(path=path, port=port))
        assert status == 401, path
        assert TITLE not in answer


SPELLINGS = [
    "//tasks/t1", "/tasks//t1", "/%2e/tasks/t1", "/./tasks/t1", "/static/../tasks/t1", "/static/%2e%2e/tasks/t1",
    "/static/..%2ftasks%2ft1", "/healthz/../tasks/t1", "/healthz/%2e%2e/tasks", "/%74asks/t1", "/tasks/%74%31",
    "/tasks/t1%2elog", "/tasks/t1/", "/tasks/t1;a=b", "/tasks/t1%00", "/tasks/t1?x=/healthz", "/TASKS/t1",
    "/tasks/t1/events/", "//127.0.0.1/tasks/t1", "/healthz%2f..%2ftasks%2ft1", "/healthz?/tasks/t1", "*", "\\tasks",
]  # fmt: skip


@pytest.mark.parametrize("path", SPELLINGS)
def test_no_spelling_of_an_address_shows_a_task(port: int, path: str) -> None:
    for method in ("GET", "POST"):
        status, answer = talk(port, f"{method} {path} HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 0")
        assert TITLE not in answer
        assert status in ((200, 401) if path.startswith("/healthz?") else (400, 401, 404)), answer


WRONG_TOKENS = [
    pytest.param(TOKEN.upper(), id="other-case"),
    pytest.param(TOKEN[:-1], id="prefix"),
    pytest.param(f"{TOKEN}x", id="longer"),
    pytest.param("", id="empty"),
    pytest.param("None", id="None"),
    pytest.param(f"\0{TOKEN}", id="nul"),
    pytest.param("ü" * 40, id="not-ascii"),
    pytest.param("\ufffd\U000e0041", id="not-in-the-plane"),
    pytest.param("x" * 1_000_000, id="huge"),
    pytest.param(ACCESS.cookie_value, id="what-the-cookie-holds"),
    pytest.param(METRICS_TOKEN, id="of-the-metrics"),
    pytest.param(OTHER.token, id="of-another-installation"),
]


@pytest.mark.parametrize("token", WRONG_TOKENS)
def test_a_token_that_is_not_the_right_one_opens_nothing(whole: Flask, token: str) -> None:
    for path in PAGES:
        by_link = whole.test_client().get(path, query_string={"token": token})
        by_header = whole.test_client().get(
            path, environ_base={"HTTP_AUTHORIZATION": f"Bearer {token}".encode().decode("latin-1")}
        )
        for answer in (by_link, by_header):
            assert answer.status_code == 401
            assert "Set-Cookie" not in answer.headers
            assert TITLE not in answer.text


@pytest.mark.parametrize(
    "cookie",
    [
        f"{ACCESS.cookie}={TOKEN}",
        f"{ACCESS.cookie}=",
        f"{ACCESS.cookie}={ACCESS.cookie_value[:-1]}",
        f"{ACCESS.cookie}={ACCESS.cookie_value.upper()}",
        f"{ACCESS.cookie}={OTHER.cookie_value}",
        f"{OTHER.cookie}={OTHER.cookie_value}",
        f"{OTHER.cookie}={ACCESS.cookie_value}",
        f"{ACCESS.cookie}=" + "x" * 100_000,
        f"{ACCESS.cookie}=\xff\xfe",
        f"token={TOKEN}",
    ],
    ids=lambda cookie: cookie[:40],
)
def test_a_cookie_that_is_not_ours_opens_nothing(whole: Flask, cookie: str) -> None:
    for path in PAGES:
        answer = with_cookies(whole, cookie, path)
        assert answer.status_code == 401
        assert TITLE not in answer.text


@pytest.mark.parametrize("method", [method for method in METHODS if method not in {"GET", "HEAD"}])
def test_a_token_in_anything_but_a_visit_is_no_credential(whole: Flask, method: str) -> None:
    for fields in ({"data": {"token": TOKEN}}, {"query_string": {"token": TOKEN}}):
        answer = whole.test_client().open("/tasks/t1", method=method, **fields)  # type: ignore[arg-type]
        assert answer.status_code == 401
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", PAGES)
def test_the_link_opens_the_page_and_leaves_the_address(whole: Flask, path: str, method: str) -> None:
    browser = whole.test_client()
    answer = browser.open(f"{path}?after=1&token={TOKEN}", method=method)
    assert (answer.status_code, answer.location) == (303, f"{path}?after=1")
    assert TOKEN not in f"{answer.headers} {answer.text}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert "Domain" not in cookie
    with browser.open(path, method=method) as page:
        assert page.status_code == 200


def test_a_cookie_that_others_put_beside_ours_does_not_shut_us_out(whole: Flask) -> None:
    """Another program on a port of this host can set a cookie of the same name."""
    cookies = f"{ACCESS.cookie}=theirs; a=b; {ACCESS.cookie}={ACCESS.cookie_value}"
    assert with_cookies(whole, cookies, "/tasks").status_code == 200


def test_an_old_link_in_a_browser_that_was_let_in_still_leaves_the_address(whole: Flask) -> None:
    browser = whole.test_client()
    browser.get(f"/tasks?token={TOKEN}")
    answer = browser.get("/tasks?token=an-old-token")
    assert (answer.status_code, answer.location) == (303, "/tasks")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "/%5cevil.example", "/.//evil.example", "*"]
)
def test_the_link_leads_nowhere_else(port: int, path: str) -> None:
    status, answer = talk(port, f"GET {path}?token={TOKEN} HTTP/1.1\nHost: 127.0.0.1")
    locations = [
        line.partition(": ")[2] for line in answer.splitlines() if line.lower().startswith("location:")
    ]
    assert (status, locations) in [(303, ["/tasks"]), (401, [])]


def test_over_https_the_cookie_stays_with_this_host_and_never_goes_by_http(
    ledger: Ledger, redis_url: str
) -> None:
    access = Access(TOKEN, https=True)
    live = LogReader(connect(redis_url))
    app = create_app(Parts(ledger, live, connect_raw(redis_url), ("s",), access))
    (cookie,) = app.test_client().get(f"/tasks?token={TOKEN}").headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-dayhand-")
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


def test_what_shows_tasks_is_stored_nowhere(whole: Flask) -> None:
    for path in [*PAGES, "/", "/tasks/none", "/metrics"]:
        for client in (whole.test_client(), reader(whole)):
            with client.get(path) as answer:
                assert answer.headers["Cache-Control"] == "no-store", path
                assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin", path


def test_the_refusal_does_not_tell_whether_a_task_exists(whole: Flask) -> None:
    def told(answer: TestResponse) -> tuple[int, bytes, list[tuple[str, str]]]:
        return answer.status_code, answer.data, sorted(answer.headers)

    for headers in ({}, JSON, {"Authorization": "Bearer wrong"}):
        for form in ("/tasks/{}", "/tasks/{}.log", "/tasks/{}.patch", "/tasks/{}/events", "/tasks/{}/head"):
            there, absent = (
                told(whole.test_client().get(form.format(name), headers=headers)) for name in ("t1", "none")
            )
            assert there == absent


def test_the_refusal_says_what_happened_and_what_to_do(whole: Flask) -> None:
    page = whole.test_client().get("/tasks/t1")
    assert page.headers["WWW-Authenticate"] == 'Bearer realm="Dayhand"'
    for words in (WHAT, "dayhand up", "dashboard-token", "DAYHAND_DASHBOARD_TOKEN", 'name="token"'):
        assert words in page.text
    assert WRONG in whole.test_client().get("/tasks/t1?token=wrong").text
    told = whole.test_client().get("/tasks/t1", headers=JSON)
    assert told.status_code == 401
    assert told.json
    assert told.json["error"] == WHAT
    assert "Authorization: Bearer TOKEN" in told.json["advice"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
def test_programs_send_the_token_in_a_header(whole: Flask, scheme: str) -> None:
    answer = whole.test_client().get("/tasks/t1", headers={**JSON, "Authorization": f"{scheme} {TOKEN}"})
    assert answer.json
    assert answer.json["title"] == TITLE


def test_a_proxys_own_login_does_not_disturb_the_cookie(whole: Flask) -> None:
    browser = whole.test_client()
    browser.get(f"/tasks?token={TOKEN}")
    for login in ("Basic dXNlcjpwYXNz", "Bearer a-token-of-the-proxy"):
        assert browser.get("/tasks", headers={"Authorization": login}).status_code == 200


def test_the_metrics_have_a_token_of_their_own(whole: Flask, app: Flask) -> None:
    monitor = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    assert whole.test_client().get("/metrics", headers=monitor).status_code == 200
    assert whole.test_client().get("/metrics", headers=BEARER).status_code == 200
    for path in PAGES:
        assert whole.test_client().get(path, headers=monitor).status_code == 401
    for wrong in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer"}):
        assert whole.test_client().get("/metrics", headers=wrong).status_code == 401
        assert app.test_client().get("/tasks", headers=wrong).status_code == 401


@pytest.mark.parametrize(("token", "metrics"), [("", ""), ("short", ""), (TOKEN, "short")])
def test_no_app_starts_with_a_token_that_can_be_guessed(token: str, metrics: str) -> None:
    with pytest.raises(ValueError, match="too short"):
        Access(token, metrics)


def test_no_secret_shows_when_it_is_printed() -> None:
    assert TOKEN not in repr(ACCESS)
    assert METRICS_TOKEN not in repr(ACCESS)


def with_cookies(app: Flask, cookies: str, path: str) -> TestResponse:
    """Ask for a page with this header; a client that keeps cookies would send its own instead."""
    return app.test_client(use_cookies=False).get(path, environ_base={"HTTP_COOKIE": cookies})


def talk(port: int, head: str) -> tuple[int, str]:
    """Send these lines as they are; gives the status and everything that came back."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode("latin-1") + b"\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode("utf-8", "replace")
    return int(answer.split(" ", 2)[1]), answer
