"""What a story runs on: a local GitHub with users, the web process, Redis, a scripted model and a worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from werkzeug.serving import BaseWSGIServer, make_server

from dayhand.agent.compaction import COMPACTED
from dayhand.dashboard.access import Access
from dayhand.hub.permissions import EVENTS, PERMISSIONS
from dayhand.ledger.deliveries import Deliveries
from dayhand.ledger.ledger import Ledger, Record
from dayhand.ledger.log import LogReader
from dayhand.ledger.queue import queue
from dayhand.ledger.redis_server import connect, connect_raw
from dayhand.localhub.server import LocalHub
from dayhand.localhub.state.models import App, CheckRun, Issue, Repository, User
from dayhand.process_log.formats import configure_log
from dayhand.scripted_model.moves import Fault, Finish, Move, Patch, Script, ScriptState
from dayhand.scripted_model.server import ScriptedServer
from dayhand.settings.table import Settings
from dayhand.web import Parts, create_app
from dayhand.wiring.github import GitHubServices
from dayhand.worker.dispatcher import open_handler
from dayhand.worker.job import travel_with
from tests.app_key import app_key

SECRET = "a secret of the tests"
TOKEN = "the-dashboard-token-of-the-journeys"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SHOP = {
    "README.md": "# Shop\n",
    "shop.py": "def total(prices):\n    return sum(prices) + 1\n",
    "test_shop.py": (
        "import unittest\n\nfrom shop import total\n\n\nclass Totals(unittest.TestCase):\n"
        "    def test_nothing(self):\n        self.assertIsNotNone(total([]))\n"
    ),
}
UNTESTED_SHOP = {path: SHOP[path] for path in ("README.md", "shop.py")}  # where verdicts do not matter
LINTED_SHOP = {**SHOP, "Makefile": "test:\n\tpython3 -m unittest -q\n\nlint:\n\t! grep -n ' $$' *.py\n"}
FIX = Patch(
    "*** Begin Patch\n*** Update File: shop.py\n@@ def total(prices):\n-    return sum(prices) + 1\n"
    "+    return sum(prices)\n*** End Patch"
)
DONE = Finish(
    "Count nothing twice",
    "The sum began at one.",
    citations=({"path": "shop.py", "line": 2, "quote": "sum(prices)"},),
)


class ScriptedModel:
    """The model's script: a list of turns, each a list of moves, which a test can replace."""

    def __init__(self) -> None:
        self.turns: list[list[Move]] = [[FIX], [DONE]]
        self.result = ""  # the prompt of the last task
        self.triggers: dict[str, list[Move]] = {}  # played as soon as these words are said to it

    def play(self, scene: ScriptState) -> list[Move]:
        self.result = scene.prompt
        for words, moves in self.triggers.items():
            if words in scene.new_text:
                return moves
        forgotten = 2 if COMPACTED in scene.prompt else 0  # turns before a compaction are not played again
        return self.turns[min(scene.turn + forgotten, len(self.turns) - 1)]


@dataclass
class Harness:
    """Everything that a story needs, running. Users act through ``hub.actions``; ``work`` runs the queued tasks."""

    hub: LocalHub
    app: App
    ledger: Ledger
    live: LogReader
    settings: Settings
    model_server: ScriptedServer
    scripted_model: ScriptedModel
    ada: User  # may write
    bob: User  # may not

    def repository(self, name: str, files: Mapping[str, str] = SHOP) -> Repository:
        """A repository of Ada's on which the App is installed."""
        repo = self.hub.actions.add_repository(f"ada/{name}", files)
        self.hub.actions.install(self.app, "ada", [repo.full_name], silent=True)
        return repo

    def issue(
        self, repo: Repository, title: str = "Totals are one too high", body: str = "An empty cart costs 1."
    ) -> Issue:
        return self.hub.actions.open_issue(repo, self.bob, title, body=body)

    def label(self, repo: Repository, issue: Issue, by: User | None = None, name: str = "codex") -> None:
        self.hub.actions.label(repo, issue, name, by=by or self.ada)
        self.settle()

    def comment(self, repo: Repository, issue: Issue, body: str, by: User | None = None) -> None:
        self.hub.actions.comment(repo, issue, by or self.ada, body=body)
        self.settle()

    def handle_next(self, settings: Settings | None = None) -> None:
        """Handle one delivery as a dispatcher does."""
        with connect_raw(self.settings.redis_url) as raw:
            open_handler(settings or self.settings, self.ledger.redis, raw).handle_next(worker="dispatcher")

    def settle(self) -> None:
        """Wait until every webhook is sent, and handle the deliveries as a dispatcher does."""
        deliveries = Deliveries(self.ledger.redis)
        self.hub.wait_idle()
        while deliveries.due():
            self.handle_next()
            self.hub.wait_idle()

    def waiting(self) -> list[str]:
        """The ids of the queued tasks."""
        return [job.args[0] for job in queue(connect_raw(self.settings.redis_url)).jobs]

    def work(self) -> list[Record]:
        """Run all queued tasks as a worker does; returns their records."""
        waiting = self.waiting()
        queue(connect_raw(self.settings.redis_url)).empty()
        for task_id in waiting:
            travel_with(self.ledger.claim(task_id, "w"), GitHubServices(self.settings, self.ledger))
        self.settle()
        return [self.ledger.record(task_id) for task_id in waiting]

    def bot_comments(self, issue: Issue) -> list[str]:
        return [comment.body for comment in issue.comments if comment.user is self.app.bot]

    def pulls(self, repo: Repository) -> list[Issue]:
        return list(repo.pulls())

    def checks(self, repo: Repository, pull: Issue) -> list[CheckRun]:
        """The check runs on a pull request's head."""
        assert pull.pull
        return [run for run in repo.checks.values() if run.suite.sha == pull.pull.head_sha]

    def branches(self, repo: Repository) -> set[str]:
        return set(repo.store.branches())


def open_web(settings: Settings, ledger: Ledger, live: LogReader) -> BaseWSGIServer:
    """Serve the real web app on a free loopback port, in a thread."""
    parts = Parts(
        ledger=ledger,
        live=live,
        queue=connect_raw(settings.redis_url),
        secrets=settings.webhook_secrets,
        access=Access(TOKEN),
        github=settings.api_url.removesuffix("/api/v3"),
    )
    server = make_server("127.0.0.1", 0, create_app(parts), threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


def fault(kind: str, **fields: object) -> list[Move]:
    return [Fault(kind, **fields)]  # type: ignore[arg-type]


def script(scripted_model: ScriptedModel) -> Script:
    return Script("harness", lambda _: True, scripted_model.play)


def create_harness(
    hub: LocalHub, model: ScriptedServer, scripted_model: ScriptedModel, settings: Settings
) -> Harness:
    """Create the users, the App and the settings."""
    actions = hub.actions
    ada, bob = actions.add_user("ada", "Ada"), actions.add_user("bob", "Bob")
    app = actions.add_app(
        "dayhand",
        permissions=PERMISSIONS,
        events=EVENTS,
        webhook_url="",
        secret=SECRET,
        owner="ada",
        key=app_key(),
    )
    redis = connect(settings.redis_url)
    ledger, live = Ledger(redis), LogReader(redis)
    configure_log("text", ())
    inner = replace(
        settings,
        api_url=hub.api_url,
        app_id=app.id,
        private_key=app.private_key,
        webhook_secrets=(SECRET,),
        openai_base_url=model.base_url,
        models=("scripted",),
    )
    return Harness(hub, app, ledger, live, inner, model, scripted_model, ada, bob)


@contextmanager
def start_harness(data: Path, redis_url: str, folder: Path) -> Iterator[Harness]:
    """Everything that a story needs, in an empty Redis; the local GitHub keeps its repositories in ``folder``."""
    connect(redis_url).flushall()
    scripted_model = ScriptedModel()
    with ExitStack() as stack:
        hub = stack.enter_context(LocalHub(folder))
        model = stack.enter_context(ScriptedServer([script(scripted_model)], keep=True))
        made = create_harness(
            hub, model, scripted_model, Settings(data=data, redis_url=redis_url, sandbox="bubblewrap")
        )
        web = open_web(made.settings, made.ledger, made.live)
        stack.callback(web.server_close)
        stack.callback(web.shutdown)
        made.app.webhook_url = f"http://127.0.0.1:{web.server_port}/webhook"
        yield made
