"""``dayhand up``: the web server, dispatchers, workers and, unless REDIS_URL is set, Redis, in one command."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from types import FrameType

from dayhand.child_process import PROCESSES, running
from dayhand.errors import DayhandError, ExitCode, SettingsError
from dayhand.ledger.redis_server import embedded
from dayhand.settings.dashboard_token import TOKEN_NAME, dashboard_link, dashboard_token
from dayhand.settings.required import require_app, require_data
from dayhand.settings.table import Settings, renamed_settings

LOOK_SECONDS = 0.5


def up(settings: Settings) -> int:
    """Run until SIGTERM or Ctrl-C. Raises ``DayhandError`` if one of its processes ends by itself."""
    require_app(settings)
    require_data(settings)
    token = dashboard_token(settings)
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with ExitStack() as stack:
        redis_url = settings.redis_url or stack.enter_context(embedded(settings.data))
        env = {"REDIS_URL": redis_url, TOKEN_NAME: token, **renamed_settings()}
        children = {name: stack.enter_context(running([name], env=env)) for name in PROCESSES}
        print(
            f"Dayhand is running (stop with Ctrl-C).\n  tasks:   {dashboard_link(settings, token)}\n"
            f"  webhook: {settings.url}/webhook",
            flush=True,
        )
        while not stopped.wait(LOOK_SECONDS):
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
