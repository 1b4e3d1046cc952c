"""``dayhand up``: web, workers and Redis in one command, and all of them gone with it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from redis import Redis
from rq import Worker

from dayhand.child_process import ready_socket, reserved_port
from dayhand.commands.up import how_it_ended, supervise, up
from dayhand.errors import DayhandError, SettingsError
from dayhand.ledger.queue import dispatch_queue, queue
from dayhand.ledger.redis_server import connect, connect_raw
from dayhand.settings.table import Settings
from dayhand.worker.dispatcher import DISPATCHERS
from tests.app_key import app_key_pem
from tests.waiting import PATIENCE, until


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dayhand-up-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=PATIENCE).ok
    except requests.ConnectionError:
        return False


def kill_redis(data: Path) -> None:
    """Kill the server, and wait until another one answers."""
    with connect(f"unix://{data}/redis/redis.sock") as client:
        os.kill(pid := server_of(client), signal.SIGKILL)
        until(lambda: server_of(client) != pid, "that Redis is started again")


def server_of(client: Redis) -> int:
    return int(client.info("server")["process_id"])


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


def test_a_key_that_is_none_is_said_before_anything_starts(folder: Path) -> None:
    settings = Settings(data=folder / "data", app_id=7, private_key="not a key", webhook_secrets=("s",))
    with pytest.raises(SettingsError, match="cannot be read as a PEM key"):
        up(settings)
    assert not (folder / "data").exists()


def test_it_is_up_when_everything_answers_survives_redis_and_takes_everything_along(folder: Path) -> None:
    plain = {
        k: v for k, v in os.environ.items() if not k.startswith(("DAYHAND_", "GITHUB_", "OPENAI_", "REDIS_"))
    }
    with ready_socket(folder / "systemd") as systemd, reserved_port() as port:
        url = f"http://127.0.0.1:{port}"
        env = {
            **plain, **systemd.env, "DAYHAND_DATA": str(folder / "data"), "GITHUB_API_URL": "http://127.0.0.1:1",
            "GITHUB_APP_ID": "7", "GITHUB_APP_PRIVATE_KEY": app_key_pem(), "GITHUB_WEBHOOK_SECRET": "s",
            "DAYHAND_CONCURRENCY": "1", "DAYHAND_PORT": f"{port}",
        }  # fmt: skip
        command = [sys.executable, "-m", "dayhand.cli", "up"]
        with subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout
                printed = iter(process.stdout)
                assert next(printed) == "Dayhand is up (stop with Ctrl-C).\n"
                assert answers(url), "it is said when it is so"
                assert registered(folder / "data") == {"dayhand": 1, "dayhand-dispatch": DISPATCHERS}
                until(systemd.is_ready, "that systemd is told")
                link = next(part for part in next(printed).split() if "?token=" in part)
                assert link.startswith(f"{url}/tasks?token=")
                with requests.Session() as browser:
                    page = browser.get(link, timeout=PATIENCE)
                    assert (page.status_code, page.url) == (200, f"{url}/tasks"), "the token left the address"
                kill_redis(folder / "data")
                until(lambda: answers(url))
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=PATIENCE) == 0
            finally:
                process.kill()
        until(lambda: not answers(url), "that the web process ends with it")


@pytest.mark.parametrize(
    ("code", "failure", "says"),
    [
        (3, DayhandError, "`dayhand work` ended with exit code 3."),
        (2, SettingsError, "`dayhand work` ended with exit code 2."),
        (-11, DayhandError, "`dayhand work` was ended by SIGSEGV."),
        (-50, DayhandError, "`dayhand work` was ended by signal 50."),
    ],
)
def test_how_a_process_ended_is_said(code: int, failure: type[DayhandError], says: str) -> None:
    error = how_it_ended("work", code)
    assert (type(error), str(error)) == (failure, says)
    assert "last lines" in error.advice


def test_a_process_that_ends_by_itself_ends_the_others_with_a_sentence() -> None:
    with (
        subprocess.Popen(["sh", "-c", "kill -9 $$"], text=True) as child,
        pytest.raises(DayhandError, match="`dayhand dispatch` was ended by SIGKILL"),
    ):
        list(supervise({"dispatch": child}, None, threading.Event()))


def test_a_process_that_was_killed_points_to_the_kernels_log() -> None:
    error = how_it_ended("work", -9)
    assert str(error) == "`dayhand work` was ended by SIGKILL."
    assert "`journalctl -k`" in error.advice
