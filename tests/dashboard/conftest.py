"""A ledger on a real server, with a finished and a running task in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from dayhand.dashboard.access import Access, protect
from dayhand.dashboard.pages import dashboard
from dayhand.ledger import facts
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.log import LogReader, TaskLog
from dayhand.ledger.redis_server import connect, embedded
from dayhand.task import Ask, Citation, Proof, Proposed, Solution, Stage, State, Task, TaskKind
from dayhand.usage import Usage
from dayhand.verification import (
    Concern,
    Expectation,
    Finding,
    Gap,
    Run,
    Unverified,
    Verdict,
    Verification,
)
from tests.tasks import make_task

TOKEN = "a-token-of-the-tests_0123456789abcdef"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
HOSTILE = "<script>alert(1)</script>"
PATCH = (
    "diff --git a/sql/search.sql b/sql/search.sql\nindex 1..2 100644\n--- a/sql/search.sql\n+++ b/sql/search.sql\n"
    "@@ -1,2 +1,2 @@\n--- a removed comment\n+-- a new comment\n SELECT 1\n"
)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def ledger(redis_url: str) -> Ledger:
    redis = connect(redis_url)
    redis.flushall()
    return Ledger(redis)


@pytest.fixture
def app(ledger: Ledger, redis_url: str) -> Flask:
    made = Flask("dayhand", static_folder=None)
    protect(made, Access(TOKEN))
    made.register_blueprint(dashboard(ledger, LogReader(connect(redis_url)), "https://github.example"))
    return made


def reader(app: Flask) -> FlaskClient:
    """A client that has the token."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = BEARER["Authorization"]
    return client


@pytest.fixture
def served(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def a_task(task_id: str, title: str = "Search is upside down") -> Task:
    return make_task(
        id=task_id,
        repository="ada/shop",
        installation=3,
        title=title,
        body="…",
        ask=Ask(TaskKind.FIX, "fix", "ada"),
    )


def start(ledger: Ledger, task: Task) -> tuple[Claim, TaskLog]:
    ledger.open(task, delivery=task.id, thread=task.id)
    claim = ledger.claim(task.id, "test")
    assert claim
    return claim, TaskLog(ledger, claim)


CHANGED = Expectation(
    "test_sum", "tests/test_sum.py", f"-    assert total() == 3 {HOSTILE}\n+    assert total() == 4"
)


def finish(ledger: Ledger, task: Task) -> None:
    """A whole life: some log, a verdict, an outcome with everything a page shows."""
    claim, log = start(ledger, task)
    with log.stage(Stage.SOLVE):
        log.line("command", "pytest -q")
        log.line("output", f"12 passed {HOSTILE}")
    run = Run("pytest -q", 0, "exit", 1.0, "12 passed", 2)
    bad = Run("ruff check .", 1, "exit", 1.0, "E501", 3)
    verification = Verification(
        "t" * 40,
        (
            Finding("test", "pytest -q", Verdict.PASSES, run),
            Finding("lint", "ruff check .", Verdict.NEW_FAILURE, bad, run),
            Finding("types", "mypy", Verdict.CANNOT_RUN, None, missing="mypy is not there"),
            Finding("test", "npm test", Verdict.PASSES, run, fewer=("cart > adds",), expectations=(CHANGED,)),
        ),
        (Concern("weakened test", "tests/test_shop.py", 3, f"test_total {HOSTILE}"),),
        gaps=(Gap(Unverified.CANNOT_RUN, "backend", f"The package acme is missing. {HOSTILE}"),),
    )
    usage = Usage("scripted", 6, 21_961, 0, 1_625, 0.0, scripted=True)
    account = f"**Yes**, `rank` exists. {HOSTILE} [x](https://evil.example)"
    solution = Solution("Sort it", account, (), (Citation("a.sql", 1),), usage)
    found = Proof(Citation("a.sql", 1), found=True, text="SELECT 1", commit="c0ffee12")
    lost = Proof(Citation("b.sql", 9), found=False, text="there is no text file b.sql", commit="c0ffee12")
    claim.facts.put(facts.PATCH, PATCH)
    outcome = Proposed(
        "https://github.example/ada/shop/pull/8", "c" * 40, verification, solution, (found, lost)
    )
    ledger.finish(claim, State.PROPOSED, outcome=outcome)
