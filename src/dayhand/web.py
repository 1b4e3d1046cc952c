"""The Flask app: the webhook and the dashboard. Nothing here can run code, or calls GitHub."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import field

from flask import Flask, Response, jsonify
from redis import Redis
from redis.exceptions import RedisError

from dayhand.child_process import tell_ready
from dayhand.dashboard.access import Access, protect
from dayhand.dashboard.metrics import metrics
from dayhand.dashboard.pages import dashboard
from dayhand.errors import DayhandError
from dayhand.intake.http_server import HttpServer, ServerLimits
from dayhand.intake.route import MAX_BYTES, webhook
from dayhand.ledger import keys
from dayhand.ledger.deliveries import Deliveries
from dayhand.ledger.github_share import GitHubShare
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import LogReader
from dayhand.ledger.queue import enqueue_delivery
from dayhand.ledger.redis_server import connect, connect_raw
from dayhand.settings.dashboard_token import dashboard_link, dashboard_token
from dayhand.settings.required import open_redis, require_app, require_data
from dayhand.settings.table import PUBLIC_API, Settings
from dayhand.startup.records import dataclass


@dataclass(frozen=True, slots=True)
class Parts:
    """What the app works with."""

    ledger: Ledger
    live: LogReader
    queue: Redis  # a client for bytes, which RQ needs
    secrets: Sequence[str]
    access: Access
    app_id: int = 0
    github: str = ""  # where people see repositories: links begin with it
    stopping: threading.Event = field(default_factory=threading.Event)  # ends the live logs


def create_app(parts: Parts) -> Flask:
    """Build the app from its parts."""
    app = Flask("dayhand", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BYTES
    protect(app, parts.access)
    deliveries = Deliveries(parts.ledger.redis)
    app.register_blueprint(
        webhook(deliveries, lambda guid: enqueue_delivery(parts.queue, guid), parts.secrets)
    )
    app.register_blueprint(metrics(parts.ledger))
    app.register_blueprint(dashboard(parts.ledger, parts.live, parts.github, stopping=parts.stopping))

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(ok=True, app=parts.app_id)  # a proxy that leads elsewhere is noticed by it

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        try:
            parts.ledger.redis.set(keys.READY, "", ex=60)  # one that is full or a replica answers a ping too
            # what arrives meanwhile is stored, and handled once GitHub accepts the App again
            rejections = GitHubShare(parts.ledger.redis).rejections()
        except RedisError as error:  # anyone may ask, so its address stays out of the answer
            return jsonify(ok=False, redis=type(error).__name__), 503
        return jsonify(ok=True, **({"github": rejections} if rejections else {})), 200

    return app


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; requests that run then are answered. Raises ``DayhandError``."""
    stopping = threading.Event()
    with open_app(settings, stopping) as app:
        try:
            server = HttpServer(app, (settings.host, settings.port), ServerLimits(), stopping=stopping)
        except OSError as error:
            raise DayhandError(
                f"Dayhand cannot listen on {settings.bind_address}: {os.strerror(error.errno or 0)}.",
                advice="Stop the program that uses this port, or set DAYHAND_PORT or DAYHAND_HOST.",
            ) from error
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.stop())
        tell_ready()
        server.run()


@contextmanager
def open_app(settings: Settings, stopping: threading.Event) -> Iterator[Flask]:
    """The app of these settings. Raises ``SettingsError`` if a setting of the App is missing or wrong."""
    require_app(settings)
    if not settings.redis_url:
        require_data(settings)
    access = read_access(settings)
    if settings.log == "text" and not settings.dashboard_token:  # a log that is collected gets no token
        print(f"Tasks: {dashboard_link(settings, access.token)}", flush=True)
    with open_redis(settings) as redis_url:
        with suppress(RedisError):
            connect(redis_url, quick=True).delete(
                keys.LOOKED
            )  # deliveries may have failed while we were away
        # GitHub waits ten seconds: a delivery that cannot be stored is refused at once, and can be sent again.
        parts = Parts(
            ledger=Ledger(connect(redis_url, quick=True)),
            live=LogReader(connect(redis_url)),
            queue=connect_raw(redis_url, quick=True),
            secrets=settings.webhook_secrets,
            access=access,
            app_id=settings.app_id,
            github=web_address(settings.api_url),
            stopping=stopping,
        )
        yield create_app(parts)


def read_access(settings: Settings) -> Access:
    """What opens the dashboard. Raises ``SettingsError`` if the token can neither be read nor made."""
    return Access(
        dashboard_token(settings), settings.metrics_token, https=settings.url.lower().startswith("https:")
    )


def web_address(api_url: str) -> str:
    """The address of GitHub's pages for its API at ``api_url``."""
    return "https://github.com" if api_url == PUBLIC_API else api_url.removesuffix("/api/v3")
