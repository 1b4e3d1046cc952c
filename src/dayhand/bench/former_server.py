"""The web server of before: gunicorn with threads, as ``dayhand bench web`` starts it to compare with.

Run as ``python -m dayhand.bench.former_server``, with the settings of ``dayhand web``.
"""

from __future__ import annotations

import threading
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from dayhand.settings.table import Settings, read_settings
from dayhand.web import open_app

OPTIONS = {"workers": 1, "worker_class": "gthread", "threads": 64, "timeout": 60, "graceful_timeout": 1}


class FormerServer(BaseApplication):  # type: ignore[misc] # gunicorn ships no types
    """Started without gunicorn's own command line."""

    def __init__(self, app: Flask, bind: str) -> None:
        self._app = app
        self._bind = bind
        super().__init__()

    def load_config(self) -> None:
        for name, value in {**OPTIONS, "bind": self._bind, "loglevel": "warning"}.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self._app


def serve(settings: Settings) -> None:
    """Serve until SIGTERM."""
    with open_app(settings, threading.Event()) as app:
        FormerServer(app, settings.bind_address).run()


if __name__ == "__main__":
    serve(read_settings())
