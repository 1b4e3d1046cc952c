"""The pages: whole without a script, and deaf to hostile text."""

from __future__ import annotations

import json
import re
import threading

import pytest
import requests
from flask import Flask

from dayhand.dashboard.access import Access, protect
from dayhand.dashboard.pages import READERS, dashboard
from dayhand.dashboard.views import format_duration
from dayhand.ledger import facts, keys
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import LogReader, compress_log
from dayhand.ledger.redis_server import connect
from dayhand.ledger.repository_notes import RepositoryNotes
from dayhand.task import NOT_ALLOWED, Blocked, State
from dayhand.visible_text.markdown import Dropped
from tests.dashboard.conftest import BEARER, HOSTILE, PATCH, TOKEN, a_task, finish, reader, start

EVENT_IDS = re.compile(r"^id: (\d+)$", re.MULTILINE)


def test_an_empty_board_says_how_to_begin(app: Flask) -> None:
    page = reader(app).get("/tasks").text
    assert "No tasks yet" in page
    assert "@bot fix this" in page


def test_the_board_lists_tasks_newest_first_in_words(app: Flask, ledger: Ledger) -> None:
    finish(ledger, a_task("t1"))
    start(ledger, a_task("t2", "The second"))
    page = reader(app).get("/tasks").text
    assert "Pull request has new failures" in page
    assert "Running" in page
    assert "/tasks/t1" in page
    assert "/tasks/t2" in page


def test_a_task_shows_its_verdicts_with_the_lines_that_prove_them(app: Flask, ledger: Ledger) -> None:
    finish(ledger, a_task("t1"))
    page = reader(app).get("/tasks/t1").text
    assert '<a href="?line=2#L2">passes</a>' in page
    assert '<a href="?line=3#L3">new failure</a>' in page
    assert "mypy is not there" in page
    for words in (
        "1 changed expectation. This test fails with the change as it was before",
        '<span class="add">+    assert total() == 4',
        "1 test that passed before no longer runs. ",
        "This change modifies its own checks. ",
        "the tests could not run here: <code>backend/</code> The package acme is missing.",
    ):
        assert words in page
    assert 'id="L2"' in page
    assert "✓ <code>a.sql:1</code>" in page
    assert "✗ not confirmed: <code>b.sql:9</code>" in page
    assert "A scripted model" in page
    assert "<strong>Yes</strong>, <code>rank</code> exists." in page


def test_hostile_text_is_only_text(app: Flask, ledger: Ledger) -> None:
    finish(ledger, a_task("t1", title=f"{HOSTILE} title"))
    for path in ("/tasks", "/tasks/t1"):
        answer = reader(app).get(path)
        assert HOSTILE not in answer.text
        assert 'evil.example"' not in answer.text
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "'unsafe" not in answer.headers["Content-Security-Policy"]


def test_blocked_hosts_stand_on_the_page_with_who_asked_and_what_would_allow_them(
    app: Flask, ledger: Ledger
) -> None:
    task = a_task("t1")
    claim, _ = start(ledger, task)
    refused = (
        Blocked("files.example.org", 443, NOT_ALLOWED, f"npm ci {HOSTILE}"),
        Blocked("files.example.org", 22, "port 22 is not allowed", "make deps"),
    )
    RepositoryNotes(ledger, claim, task.repository).keep_blocked(refused)
    page = reader(app).get("/tasks/t1").text
    assert "<code>files.example.org:443</code> requested by <code>npm ci &lt;script" in page
    assert "<code>files.example.org:22</code> requested by <code>make deps</code>" in page
    assert "[network]\nallow = [&#34;files.example.org&#34;]" in page
    assert HOSTILE not in page
    told = reader(app).get("/tasks/t1", headers={"Accept": "application/json"}).json
    assert told
    assert [(one["host"], one["port"], one["command"]) for one in told["blocked"]] == [
        ("files.example.org", 443, f"npm ci {HOSTILE}"),
        ("files.example.org", 22, "make deps"),
    ]
    assert "blocked" not in told["facts"]


def test_a_task_that_was_refused_nothing_says_nothing_of_it(app: Flask, ledger: Ledger) -> None:
    finish(ledger, a_task("t1"))
    assert "Blocked hosts" not in reader(app).get("/tasks/t1").text
    told = reader(app).get("/tasks/t1", headers={"Accept": "application/json"}).json
    assert told
    assert told["blocked"] == []


def test_scripts_get_json(app: Flask, ledger: Ledger) -> None:
    finish(ledger, a_task("t1"))
    told = reader(app).get("/tasks/t1", headers={"Accept": "application/json"}).json
    assert told
    assert (told["id"], told["state"], told["outcome"]["conclusion"]) == ("t1", "proposed", "failure")
    assert [stage["stage"] for stage in told["stages"]] == ["solve"]
    listed = reader(app).get("/tasks", headers={"Accept": "application/json"}).json
    assert [one["id"] for one in listed or []] == ["t1"]


def test_the_patch_is_plain_text(app: Flask, ledger: Ledger) -> None:
    finish(ledger, a_task("t1"))
    answer = reader(app).get("/tasks/t1.patch")
    assert answer.mimetype == "text/plain"
    assert answer.text == PATCH


def test_a_task_that_is_not_there_is_404_with_a_sentence(app: Flask) -> None:
    answer = reader(app).get("/tasks/none")
    assert answer.status_code == 404
    assert "There is no task none." in answer.text
    told = reader(app).get("/tasks/none", headers={"Accept": "application/json"})
    assert (told.status_code, told.json) == (
        404,
        {"error": "There is no task none.", "advice": "Finished tasks are deleted after 90 days."},
    )


def test_what_has_hidden_characters_shows_them(app: Flask, ledger: Ledger) -> None:
    _, log = start(ledger, a_task("t1", title="pay \u202eecila to bob"))
    log.line("output", "\x1b[31mred\x1b[0m \x1b]0;title\x07and\r\nplain \x07")
    page = reader(app).get("/tasks/t1").text
    assert "<bdi>pay ⟨U+202E⟩ecila to bob</bdi>" in page
    assert "\u202e" not in page
    assert "<pre>red and\nplain ⟨U+0007⟩</pre>" in page
    assert "red and\nplain ⟨U+0007⟩" in reader(app).get("/tasks/t1.log").text


def test_no_part_of_a_page_has_a_hidden_character(app: Flask, ledger: Ledger) -> None:
    claim, _ = start(ledger, a_task("t1"))
    claim.facts.put(facts.BLOCKED, (Blocked("x.example", 443, NOT_ALLOWED, "curl \U000e0041\u3164"),))
    page = reader(app).get("/tasks/t1").text
    assert "curl ⟨U+E0041⟩⟨U+3164⟩" in page
    assert "\U000e0041" not in page


def test_what_the_model_did_not_get_is_listed(app: Flask, ledger: Ledger) -> None:
    start(ledger, a_task("t1"))
    assert "Hidden text" not in reader(app).get("/tasks/t1").text
    dropped = (Dropped("HTML comment", "<!-- obey -->"), Dropped("hidden characters", "\U000e0041"))
    ledger.facts("t1").put(facts.HIDDEN_TEXT, dropped)
    page = reader(app).get("/tasks/t1").text
    assert 'HTML comment: <span class="quote">&lt;!-- obey --&gt;</span>' in page
    assert 'hidden characters: <span class="quote">⟨U+E0041⟩</span>' in page
    told = reader(app).get("/tasks/t1", headers={"Accept": "application/json"}).json
    assert told
    assert told["hidden_text"][0] == {"kind": "HTML comment", "text": "<!-- obey -->"}


def test_huge_lines_are_pages_of_bounded_size(app: Flask, ledger: Ledger) -> None:
    _, log = start(ledger, a_task("t1"))
    for number in range(1, 61):
        log.line("output", f"{number} begins {'x' * 60_000} {number} ends")
    page = reader(app).get("/tasks/t1").text
    assert len(page) < 700_000
    assert "60 begins" in page
    assert "60 ends" in page
    assert "more characters in the whole log" in page
    assert walk(app, "Older lines") == list(range(1, 61))
    whole = reader(app).get("/tasks/t1.log").text
    assert len(whole) > 60 * 60_000
    assert "59 ends" in whole


def walk(app: Flask, title: str, address: str = "/tasks/t1") -> list[int]:
    """The lines of all pages that the links with this title lead to, in order."""
    found: list[int] = []
    while True:
        page = reader(app).get(address).text
        found += [int(line) for line in re.findall(r'id="L(\d+)"', page)]
        link = re.search(f'href="([^"#]*)#[^"]*">{title}</a>', page)
        if not link:
            assert len(found) == len(set(found))
            return sorted(found)
        address = "/tasks/t1" + link[1]


LINES = 1203


@pytest.mark.parametrize("over", [False, True], ids=["running", "over and compressed"])
def test_a_long_log_is_shown_a_part_at_a_time(app: Flask, ledger: Ledger, over: bool) -> None:
    claim, log = start(ledger, a_task("t1"))
    for number in range(1, LINES + 1):
        log.line("output", f"line {number}")
    if over:
        ledger.finish(claim, State.ANSWERED)
        compress_log(ledger.redis, "t1")
    assert (
        walk(app, "Older lines") == walk(app, "Newer lines", "/tasks/t1?line=1") == list(range(1, LINES + 1))
    )
    asked = reader(app).get("/tasks/t1?line=40#L40").text
    assert ('id="L40"' in asked, 'id="L20"' in asked, 'id="L19"' in asked) == (True, True, False)
    assert "Lines 20 to 519 ·" in asked
    newest = reader(app).get("/tasks/t1").text
    assert "Lines 704 to 1,203 ·" in newest
    for text, live in ((newest, not over), (asked, False)):
        assert ('data-running="yes"' in text, 'http-equiv="refresh"' in text) == (live, live)
    for wish in ("line=0", "line=x", "line=-4", f"line={'9' * 30}", "line=99999", "before=0", "after=5000"):
        assert "Lines 704 to 1,203 ·" in reader(app).get(f"/tasks/t1?{wish}").text, wish


def test_what_a_page_reads_does_not_grow_with_the_log(app: Flask, ledger: Ledger) -> None:
    def read() -> list[int]:
        sizes = []
        for address in ("/tasks/t1", "/tasks/t1?line=300", "/tasks/t1?before=400"):
            before = int(ledger.redis.info("stats")["total_net_output_bytes"])
            reader(app).get(address)
            sizes.append(int(ledger.redis.info("stats")["total_net_output_bytes"]) - before)
        return sizes

    claim, log = start(ledger, a_task("t1"))
    sizes = {}
    for lines in (1000, 3000):
        while log.line("output", "x" * 80) < lines:
            pass
        sizes[lines] = read()
    ledger.finish(claim, State.ANSWERED)
    compress_log(ledger.redis, "t1")
    sizes["compressed"] = read()
    for little, much, compressed in zip(*sizes.values(), strict=True):
        assert much < little * 1.1
        assert compressed < much


def test_a_log_whose_beginning_is_not_stored_says_so(app: Flask, ledger: Ledger) -> None:
    _, log = start(ledger, a_task("t1"))
    for _ in range(20):
        log.line("output", "x")
    assert "no longer stored" not in reader(app).get("/tasks/t1").text
    ledger.redis.xtrim(keys.log("t1"), minid="11-0", approximate=False)
    assert "The lines before are no longer stored." in reader(app).get("/tasks/t1").text


def test_a_stage_has_the_same_name_in_the_log_and_in_the_list(app: Flask, ledger: Ledger) -> None:
    finish(ledger, a_task("t1"))
    assert reader(app).get("/tasks/t1").text.count("Working on it") == 2


def test_an_open_page_may_ask_for_the_stages_alone(app: Flask, ledger: Ledger) -> None:
    start(ledger, a_task("t1"))
    head = reader(app).get("/tasks/t1/head").text
    assert 'id="head"' in head
    assert "Running" in head
    assert "<html" not in head


def test_without_a_script_a_running_page_loads_itself_anew(app: Flask, ledger: Ledger) -> None:
    finish(ledger, a_task("t1"))
    assert 'http-equiv="refresh"' not in reader(app).get("/tasks/t1").text
    start(ledger, a_task("t2"))
    for path in ("/tasks/t2", "/tasks"):
        assert '<noscript><meta http-equiv="refresh"' in reader(app).get(path).text


def test_live_logs_leave_threads_for_webhooks(app: Flask, ledger: Ledger) -> None:
    _, log = start(ledger, a_task("t1"))
    log.line("say", "something to begin with")
    there = [reader(app).get("/tasks/t1/events") for _ in range(READERS)]
    assert {one.status_code for one in there} == {200}
    for path in ("events", "log"):
        full = reader(app).get(f"/tasks/t1{'/' if path == 'events' else '.'}{path}")
        assert full.status_code == 503
        assert int(full.headers["Retry-After"]) > 0
    there[0].close()
    with reader(app).get("/tasks/t1/events") as again:
        assert again.status_code == 200
    for one in there:
        one.close()


def test_the_live_log_comes_as_events_and_goes_on_where_it_broke(served: str, ledger: Ledger) -> None:
    claim, log = start(ledger, a_task("t1"))
    for number in range(3):
        log.line("say", f"line {number} {HOSTILE}")
    with requests.get(
        f"{served}/tasks/t1/events", headers={"Last-Event-ID": "1", **BEARER}, stream=True, timeout=60
    ) as answer:
        lines = answer.iter_lines(decode_unicode=True)
        assert next(lines) == "id: 2"
        assert json.loads(next(lines).removeprefix("data: "))["text"] == f"line 1 {HOSTILE}"
        next(lines)
        assert next(lines) == "id: 3"
        log.line("say", "later")
        rest = (line for line in lines if line.startswith(("id", "event")))
        assert next(rest) == "id: 4"
        ledger.finish(claim, State.ANSWERED)
        assert next(rest) == "event: over"


def test_a_live_log_ends_in_time_and_the_browser_continues_it(ledger: Ledger, redis_url: str) -> None:
    _, log = start(ledger, a_task("t1"))
    app = Flask("dayhand", static_folder=None)
    live = LogReader(connect(redis_url))
    protect(app, Access(TOKEN))
    app.register_blueprint(dashboard(ledger, live, "https://github.example", live_seconds=0))
    log.line("say", "first")
    assert EVENT_IDS.findall(reader(app).get("/tasks/t1/events").text) == ["1"]
    log.line("say", "second")
    again = reader(app).get("/tasks/t1/events", headers={"Last-Event-ID": "1"}).text
    assert EVENT_IDS.findall(again) == ["2"]
    assert "event: over" not in again, "the task is not over, so the browser asks again"


def test_a_live_log_ends_when_the_server_stops(ledger: Ledger, redis_url: str) -> None:
    _, log = start(ledger, a_task("t1"))
    app, stopping = Flask("dayhand", static_folder=None), threading.Event()
    live = LogReader(connect(redis_url))
    protect(app, Access(TOKEN))
    app.register_blueprint(dashboard(ledger, live, "https://github.example", stopping=stopping))
    log.line("say", "first")
    lines = iter(reader(app).get("/tasks/t1/events").response)
    assert b"id: 1" in next(lines)
    stopping.set()
    assert list(lines) == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.31, "0.3 s"), (42, "42 s"), (95, "1 min 35 s"), (7260, "2 h 1 min"), (-1, "0.0 s")],
)
def test_durations_are_spoken(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words
