"""``dayhand up``: web, workers and Redis in one command, and all of them gone with it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from rq import Worker

from dayhand.commands.up import up
from dayhand.errors import DayhandError
from dayhand.ledger.queue import dispatch_queue, queue
from dayhand.ledger.redis_server import connect, connect_raw
from dayhand.localhub.server import LocalHub
from dayhand.scripted_model.moves import Script, ScriptState
from dayhand.scripted_model.server import ScriptedServer
from dayhand.settings.table import Settings
from dayhand.worker.dispatcher import DISPATCHERS
from tests.app_key import app_key_pem
from tests.journey.harness import (
    DONE,
    EVENTS,
    FIX,
    PERMISSIONS,
    SECRET,
    SHOP,
)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dayhand-up-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, condition: object, seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < ends, what
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=2).ok
    except requests.ConnectionError:
        return False


def kill_redis(data: Path) -> None:
    with connect(f"unix://{data}/redis/redis.sock") as client:
        os.kill(client.info("server")["process_id"], signal.SIGKILL)


def registered(data: Path) -> dict[str, int]:
    """How many workers are at each queue."""
    with connect_raw(f"unix://{data}/redis/redis.sock") as client:
        queues = (queue(client), dispatch_queue(client))
        return {each.name: Worker.count(queue=each) for each in queues}


def test_a_port_that_another_program_holds_is_said_before_anything_starts(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = Settings(
            data=folder / "data",
            app_id=7,
            private_key=app_key_pem(),
            webhook_secrets=("s",),
            port=other.getsockname()[1],
        )
        with pytest.raises(DayhandError, match=r"another program listens on 127\.0\.0\.1:") as refused:
            up(settings)
    assert "ss -ltnp" in refused.value.advice
    assert not (folder / "data" / "redis").exists()


def test_a_label_becomes_a_pull_request_with_everything_in_one_command(folder: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    def play(scene: ScriptState) -> list[object]:
        return [FIX] if scene.turn == 0 else [DONE]

    with LocalHub(folder / "github") as hub, ScriptedServer([Script("up", lambda _: True, play)]) as model:  # type: ignore[arg-type]
        actions = hub.actions
        ada = actions.add_user("ada", "Ada")
        app = actions.add_app(
            "dayhand",
            permissions=PERMISSIONS,
            events=EVENTS,
            webhook_url=f"{url}/webhook",
            secret=SECRET,
            owner="ada",
        )
        repo = actions.add_repository("ada/shop", SHOP)
        (folder / "key.pem").write_text(app.private_key)
        plain = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("DAYHAND_", "GITHUB_", "OPENAI_", "REDIS_"))
        }
        env = {
            **plain, "DAYHAND_DATA": str(folder / "data"), "GITHUB_API_URL": hub.api_url, "GITHUB_APP_ID": str(app.id),
            "GITHUB_APP_PRIVATE_KEY_PATH": str(folder / "key.pem"), "GITHUB_WEBHOOK_SECRET": SECRET,
            "OPENAI_BASE_URL": model.base_url, "DAYHAND_MODEL": "scripted", "DAYHAND_CONCURRENCY": "1",
            "DAYHAND_PORT": url.rpartition(":")[2],
        }  # fmt: skip
        command = [sys.executable, "-m", "dayhand.cli", "up"]
        with subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout
                printed = iter(process.stdout)
                assert next(printed) == "Dayhand is up (stop with Ctrl-C).\n"
                assert answers(url), "it is said when it is so"
                assert registered(folder / "data") == {"dayhand": 1, "dayhand-dispatch": DISPATCHERS}
                link = next(part for part in next(printed).split() if "?token=" in part)
                kill_redis(folder / "data")
                wait_for("Redis is not started again", lambda: answers(url))
                actions.install(app, "ada", ["ada/shop"], silent=True)
                issue = actions.open_issue(
                    repo, ada, "Totals are one too high", body="An empty cart costs 1."
                )
                actions.label(repo, issue, "codex", by=ada)
                wait_for(
                    "no pull request is ready", lambda: any(p.pull and not p.pull.draft for p in repo.pulls())
                )
                assert link.startswith(f"{url}/tasks?token=")
                with requests.Session() as browser:
                    page = browser.get(link, timeout=5)
                    assert (page.status_code, page.url) == (200, f"{url}/tasks"), "the token left the address"
                    (task,) = browser.get(
                        f"{url}/tasks", headers={"Accept": "application/json"}, timeout=5
                    ).json()
                assert task["title"] == issue.title, json.dumps(task)
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=20) == 0
            finally:
                process.kill()
        wait_for("the web process outlives it", lambda: not answers(url), 10)
