"""``dayhand up``: the web server, dispatchers, workers and, unless REDIS_URL is set, Redis, in one command."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory
from types import FrameType

from dayhand.child_process import PROCESSES, TERMINATE_SECONDS, ReadySocket, ready_socket, running, tell_ready
from dayhand.commands.doctor.doctor import look
from dayhand.commands.doctor.machine import check_port
from dayhand.commands.doctor.report import print_faults
from dayhand.errors import DayhandError, ExitCode, SettingsError
from dayhand.hub.auth import load_key
from dayhand.ledger.redis_server import EmbeddedServer, kept_server
from dayhand.process_log.fields import LOGGER
from dayhand.settings.dashboard_token import TOKEN_NAME, dashboard_link, dashboard_token
from dayhand.settings.required import app_key, require_app, require_data
from dayhand.settings.sources import read_texts, resolve_former
from dayhand.settings.table import DOTENV, FORMER, Settings

LOOK_SECONDS = 0.1
LAST_LINES = "Its last lines above say why; correct that, then start again."
KILLED = "A person or the kernel killed it; `journalctl -k` says whether memory was short. Start again: no task is lost."


def up(settings: Settings) -> int:
    """Run until SIGTERM or Ctrl-C. Raises ``DayhandError`` if one of its processes ends by itself."""
    require_app(settings)
    load_key(app_key(settings))
    require_data(settings)
    require_port(settings)
    token = dashboard_token(settings)
    print_faults(look(settings, full=False))
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
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="dayhand-up-")))
        starting: dict[str, ReadySocket] = {}
        for name in PROCESSES:
            stop_seconds = settings.stop_seconds + TERMINATE_SECONDS
            ready = starting[name] = stack.enter_context(ready_socket(folder / name))
            children[name] = stack.enter_context(
                running([name], env={**env, **ready.env}, stop_seconds=stop_seconds)
            )
        for _ in supervise(children, server, stopped):
            if starting and all(each.is_ready() for each in starting.values()):
                starting.clear()
                print(
                    f"Dayhand is up (stop with Ctrl-C).\n  tasks:   {dashboard_link(settings, token)}\n"
                    f"  webhook: {settings.url}/webhook",
                    flush=True,
                )
                tell_ready()
    return ExitCode.OK


def supervise(
    children: Mapping[str, Popen[str]], server: EmbeddedServer | None, stopped: threading.Event
) -> Iterator[None]:
    """Look after the processes, again and again, until ``stopped``. Raises ``DayhandError`` if one ends by itself."""
    while not stopped.wait(LOOK_SECONDS):
        if server and (ended := server.restart_if_dead()):
            LOGGER.warning("Redis ended (%s) and was started again.", ended)
        for name, child in children.items():
            if child.poll() is not None:
                raise how_it_ended(name, child.returncode)
        yield


def require_port(settings: Settings) -> None:
    """Raise ``DayhandError`` unless the web server can listen on its port."""
    for finding in check_port(settings, free_only=True):
        if finding.fault:
            raise DayhandError(f"{finding.observed} ({finding.fault.code}).", advice=finding.cure)


def how_it_ended(name: str, code: int) -> DayhandError:
    """The failure of a child, with the exit code of its own kind; ``code`` is negative for a signal."""
    if code >= 0:
        failure = SettingsError if code == ExitCode.SETTINGS else DayhandError
        return failure(f"`dayhand {name}` ended with exit code {code}.", advice=LAST_LINES)
    known = -code in set(signal.Signals)
    return DayhandError(
        f"`dayhand {name}` was ended by {signal.Signals(-code).name if known else f'signal {-code}'}.",
        advice=KILLED if code == -signal.SIGKILL else LAST_LINES,
    )


def renamed_settings(environ: Mapping[str, str] = os.environ, dotenv: Path | None = DOTENV) -> dict[str, str]:
    """What is set under a former name, by its current one: with it a child process needs no notice of its own."""
    moved = resolve_former(read_texts(environ, dotenv), FORMER)
    return {FORMER[old]: text.value for old, text in moved.items()}
