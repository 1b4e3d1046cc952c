"""``dayhand up``: the web server, dispatchers, workers and, unless REDIS_URL is set, Redis, in one command."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from types import FrameType

from dayhand.child_process import PROCESSES, TERMINATE_SECONDS, running
from dayhand.errors import DayhandError, ExitCode, SettingsError
from dayhand.ledger.redis_server import kept_server
from dayhand.settings.dashboard_token import TOKEN_NAME, dashboard_link, dashboard_token
from dayhand.settings.required import require_app, require_data
from dayhand.settings.sources import read_texts, resolve_former
from dayhand.settings.table import DOTENV, FORMER, Settings

LOOK_SECONDS = 0.5


def up(settings: Settings) -> int:
    """Run until SIGTERM or Ctrl-C. Raises ``DayhandError`` if one of its processes ends by itself."""
    require_app(settings)
    require_data(settings)
    token = dashboard_token(settings)
    stopped = threading.Event()

    children: dict[str, Popen[str]] = {}

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if stopped.is_set():  # a second time: the children end at once
            for child in children.values():
                child.terminate()
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with ExitStack() as stack:
        server = None if settings.redis_url else stack.enter_context(kept_server(settings.data))
        redis_url = server.url if server else settings.redis_url
        env = {"REDIS_URL": redis_url, TOKEN_NAME: token, **renamed_settings()}
        for name in PROCESSES:
            stop_seconds = settings.stop_seconds + TERMINATE_SECONDS
            children[name] = stack.enter_context(running([name], env=env, stop_seconds=stop_seconds))
        print(
            f"Dayhand is running (stop with Ctrl-C).\n  tasks:   {dashboard_link(settings, token)}\n"
            f"  webhook: {settings.url}/webhook",
            flush=True,
        )
        while not stopped.wait(LOOK_SECONDS):
            if server and (code := server.restart_if_dead()) is not None:
                print(f"dayhand: Redis ended with {code} and was started again.", file=sys.stderr, flush=True)
            for name, child in children.items():
                if child.poll() is not None:
                    raise _ended(name, child.returncode)
    return ExitCode.OK


def _ended(name: str, code: int) -> DayhandError:
    """The failure of a child, with the exit code of its own kind."""
    failure = SettingsError if code == ExitCode.SETTINGS else DayhandError
    return failure(
        f"`dayhand {name}` ended with exit code {code}.",
        advice="Its last lines above say why; correct that, then start again.",
    )


def renamed_settings(environ: Mapping[str, str] = os.environ, dotenv: Path | None = DOTENV) -> dict[str, str]:
    """What is set under a former name, by its current one: with it a child process needs no notice of its own."""
    moved = resolve_former(read_texts(environ, dotenv), FORMER)
    return {FORMER[old]: text.value for old, text in moved.items()}
