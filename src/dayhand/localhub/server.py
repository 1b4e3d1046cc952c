"""The whole of it behind one address on the loopback: API, GraphQL, git and pages."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from flask import Flask, Response, request
from werkzeug.serving import WSGIRequestHandler, make_server

from dayhand.localhub.actions import Actions
from dayhand.localhub.git_http import git_http
from dayhand.localhub.limits import RateLimits, RateLimitSettings
from dayhand.localhub.pages import pages
from dayhand.localhub.payloads import PullPayloads
from dayhand.localhub.rest import Api, Backstage, rest
from dayhand.localhub.rest_checks import checks
from dayhand.localhub.rest_issues import issues
from dayhand.localhub.rest_pulls import graphql, pulls
from dayhand.localhub.tokens import Tokens
from dayhand.localhub.webhooks import WebhookSender

HOST = "127.0.0.1"
POLL_SECONDS = 0.02  # how soon a stop is noticed


class LocalHub:
    """A running GitHub: ``with LocalHub(folder) as hub``. ``actions`` changes it as people would; ``url`` is its home page."""

    def __init__(self, data: Path, *, port: int = 0, bounds: RateLimitSettings | None = None) -> None:
        """``data`` is a folder for the repositories; ``port`` 0 takes a free one."""
        data.mkdir(parents=True, exist_ok=True)
        app = Flask(
            "localhub", template_folder=str(Path(__file__).with_name("templates")), static_folder=None
        )
        self._server = make_server(HOST, port, app, threaded=True, request_handler=_Quiet)
        self.url = f"http://{HOST}:{self._server.server_port}"
        self.api_url = f"{self.url}/api/v3"
        app.before_request(self._stay_home)
        self.webhooks = WebhookSender()
        self.tokens = Tokens()
        self.actions = Actions(data, PullPayloads(self.url), self.webhooks.send)
        self.limits = RateLimits(bounds)
        self.app = app
        backstage = Backstage(self.actions, self.tokens, self.webhooks, self.limits)
        app.register_blueprint(rest(backstage, (issues, pulls, checks)))
        app.register_blueprint(graphql(Api(backstage), self.limits))
        app.register_blueprint(git_http(self.actions, self.tokens))
        app.register_blueprint(pages(self.actions))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), name="localhub", daemon=True
        )

    def __enter__(self) -> Self:
        self.webhooks.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.webhooks.stop()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _stay_home(self) -> Response | None:
        """Answer to our own name only: a page elsewhere could have its name lead here (DNS rebinding)."""
        name = request.host.partition(":")[0]
        if name in (HOST, "localhost"):
            return None
        return Response(f"This is {self.url}, and not {name}.\n", 421, mimetype="text/plain")

    def wait_idle(self) -> None:
        """Wait until every webhook was sent."""
        self.webhooks.wait_idle()


class _Quiet(WSGIRequestHandler):
    """Without a line for each request: the terminal belongs to the demo."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass
