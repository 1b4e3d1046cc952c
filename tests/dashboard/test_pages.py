"""The pages: whole without a script, and deaf to hostile text."""

from __future__ import annotations

import json

import pytest
import requests
from flask import Flask

from dayhand.dashboard.views import rows_of_patch, spoken_time
from dayhand.ledger.blocked import Blocklist
from dayhand.ledger.ledger import Ledger
from dayhand.task import NOT_ALLOWED, Blocked, State
from tests.dashboard.conftest import HOSTILE, PATCH, a_task, finish, start


def test_an_empty_board_says_how_to_begin(app: Flask) -> None:
    page = app.test_client().get("/tasks").text
    assert "No tasks yet" in page
    assert "@bot fix this" in page


def test_the_board_lists_tasks_newest_first_in_words(app: Flask, ledger: Ledger) -> None:
    finish(ledger, a_task("t1"))
    start(ledger, a_task("t2", "The second"))
    page = app.test_client().get("/tasks").text
    assert "Pull request has new failures" in page
    assert "Running" in page
    assert "/tasks/t1" in page
    assert "/tasks/t2" in page


def test_a_task_shows_its_verdicts_with_the_lines_that_prove_them(app: Flask, ledger: Ledger) -> None:
    finish(ledger, a_task("t1"))
    page = app.test_client().get("/tasks/t1").text
    assert '<a href="#L2">passes</a>' in page
    assert '<a href="#L3">new failure</a>' in page
    assert "mypy is not there" in page
    assert 'id="L2"' in page
    assert "✓ <code>a.sql:1</code>" in page
    assert "✗ not confirmed: <code>b.sql:9</code>" in page
    assert "A scripted model" in page
    assert "<strong>Yes</strong>, <code>rank</code> exists." in page


def test_hostile_text_is_only_text(app: Flask, ledger: Ledger) -> None:
    finish(ledger, a_task("t1", title=f"{HOSTILE} title"))
    for path in ("/tasks", "/tasks/t1"):
        answer = app.test_client().get(path)
        assert HOSTILE not in answer.text
        assert 'evil.example"' not in answer.text
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "'unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "dayhand.example.org"},
        {"Host": "localhost.example.org"},
        {"Host": "10.0.0.1:8080"},
        {"Host": "127.0.0.1:8080", "X-Forwarded-For": "203.0.113.7"},
        {"Host": "127.0.0.1:8080", "Forwarded": "for=203.0.113.7"},
    ],
    ids=[
        "a public name",
        "a name that begins like ours",
        "another address",
        "a proxy",
        "a proxy by the standard",
    ],
)
def test_nobody_reads_through_a_proxy_or_a_name_that_points_here(app: Flask, headers: dict[str, str]) -> None:
    answer = app.test_client().get("/tasks", headers=headers)
    assert answer.status_code == 403
    assert "open it through an SSH tunnel" in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "localhost"])
def test_the_end_of_a_tunnel_is_at_home(app: Flask, host: str) -> None:
    assert app.test_client().get("/tasks", headers={"Host": host}).status_code == 200


def test_blocked_hosts_stand_on_the_page_with_who_asked_and_what_would_allow_them(
    app: Flask, ledger: Ledger
) -> None:
    task = a_task("t1")
    claim, _ = start(ledger, task)
    refused = (
        Blocked("files.example.org", 443, NOT_ALLOWED, f"npm ci {HOSTILE}"),
        Blocked("files.example.org", 22, "port 22 is not allowed", "make deps"),
    )
    Blocklist(ledger, claim, task.repository).keep(refused)
    page = app.test_client().get("/tasks/t1").text
    assert "<code>files.example.org:443</code> asked by <code>npm ci &lt;script" in page
    assert "<code>files.example.org:22</code> asked by <code>make deps</code>" in page
    assert "[network]\nallow = [&#34;files.example.org&#34;]" in page
    assert HOSTILE not in page
    told = app.test_client().get("/tasks/t1", headers={"Accept": "application/json"}).json
    assert told
    assert [(one["host"], one["port"], one["command"]) for one in told["blocked"]] == [
        ("files.example.org", 443, f"npm ci {HOSTILE}"),
        ("files.example.org", 22, "make deps"),
    ]
    assert "blocked" not in told["facts"]


def test_a_task_that_was_refused_nothing_says_nothing_of_it(app: Flask, ledger: Ledger) -> None:
    finish(ledger, a_task("t1"))
    assert "Blocked" not in app.test_client().get("/tasks/t1").text
    told = app.test_client().get("/tasks/t1", headers={"Accept": "application/json"}).json
    assert told
    assert told["blocked"] == []


def test_scripts_get_json(app: Flask, ledger: Ledger) -> None:
    finish(ledger, a_task("t1"))
    told = app.test_client().get("/tasks/t1", headers={"Accept": "application/json"}).json
    assert told
    assert (told["id"], told["state"], told["outcome"]["conclusion"]) == ("t1", "proposed", "failure")
    assert [stage["stage"] for stage in told["stages"]] == ["solve"]
    listed = app.test_client().get("/tasks", headers={"Accept": "application/json"}).json
    assert [one["id"] for one in listed or []] == ["t1"]


def test_the_patch_is_plain_text(app: Flask, ledger: Ledger) -> None:
    finish(ledger, a_task("t1"))
    answer = app.test_client().get("/tasks/t1.patch")
    assert answer.mimetype == "text/plain"
    assert answer.text == PATCH


def test_a_task_that_is_not_there_is_404_with_a_sentence(app: Flask) -> None:
    answer = app.test_client().get("/tasks/none")
    assert answer.status_code == 404
    assert "There is no task none." in answer.text


@pytest.mark.parametrize("path", ["/tasks", "/tasks/t1", "/tasks/t1/events", "/tasks/t1.patch"])
def test_only_this_machine_may_look(app: Flask, ledger: Ledger, path: str) -> None:
    finish(ledger, a_task("t1"))
    far = {"REMOTE_ADDR": "192.0.2.7"}
    answer = app.test_client().get(path, environ_base=far, headers={"X-Forwarded-For": "127.0.0.1"})
    assert answer.status_code == 403
    assert "on this machine only" in answer.text
    assert app.test_client().get(path, environ_base={"REMOTE_ADDR": "::1"}).status_code == 200


def test_the_live_log_comes_as_events_and_goes_on_where_it_broke(served: str, ledger: Ledger) -> None:
    claim, say = start(ledger, a_task("t1"))
    for number in range(3):
        say.line("say", f"line {number} {HOSTILE}")
    with requests.get(
        f"{served}/tasks/t1/events", headers={"Last-Event-ID": "1"}, stream=True, timeout=10
    ) as answer:
        lines = answer.iter_lines(decode_unicode=True)
        assert next(lines) == "id: 2"
        assert json.loads(next(lines).removeprefix("data: "))["text"] == f"line 1 {HOSTILE}"
        next(lines)
        assert next(lines) == "id: 3"
        say.line("say", "later")
        rest = (line for line in lines if line.startswith(("id", "event")))
        assert next(rest) == "id: 4"
        ledger.finish(claim, State.ANSWERED)
        assert next(rest) == "event: over"


def test_a_removed_sql_comment_is_no_file_header() -> None:
    assert rows_of_patch(PATCH) == [
        ("file", "sql/search.sql"),
        ("meta", "index 1..2 100644"),
        ("meta", "--- a/sql/search.sql"),
        ("meta", "+++ b/sql/search.sql"),
        ("hunk", "@@ -1,2 +1,2 @@"),
        ("del", "--- a removed comment"),
        ("add", "+-- a new comment"),
        ("", " SELECT 1"),
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.31, "0.3 s"), (42, "42 s"), (95, "1 min 35 s"), (7260, "2 h 1 min"), (-1, "0.0 s")],
)
def test_durations_are_spoken(seconds: float, words: str) -> None:
    assert spoken_time(seconds) == words
