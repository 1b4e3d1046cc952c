"""Web, workers and, if need be, Redis, in one command."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from types import FrameType

from dayhand.child_process import running
from dayhand.errors import DayhandError
from dayhand.ledger.redis_server import embedded
from dayhand.settings import Settings, require_app

LOOK_SECONDS = 0.5


def up(settings: Settings) -> int:
    """Run until asked to stop (SIGTERM or Ctrl-C), or until a part ends by itself, which is a failure."""
    require_app(settings)
    asked = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        asked.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with ExitStack() as stack:
        redis_url = settings.redis_url or stack.enter_context(embedded(settings.data))
        env = {"REDIS_URL": redis_url}
        parts = {name: stack.enter_context(running([name], env=env)) for name in ("web", "work")}
        print(
            f"Dayhand is up: {settings.url}  (webhook: {settings.url}/webhook; stop with Ctrl-C)", flush=True
        )
        while not asked.wait(LOOK_SECONDS):
            for name, child in parts.items():
                if child.poll() is not None:
                    raise DayhandError(
                        f"`dayhand {name}` ended with exit code {child.returncode}.",
                        advice="Its last lines above say why; start again when that is mended.",
                    )
    return 0
