"""The local GitHub's HTTP server: REST, GraphQL, git and pages on one loopback address."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from flask import Flask, Response, request
from werkzeug.routing import Rule
from werkzeug.serving import WSGIRequestHandler, make_server

from dayhand.localhub.faults import Faults, Wsgi
from dayhand.localhub.git_http import git_http
from dayhand.localhub.lfs import lfs
from dayhand.localhub.pages.routes import pages
from dayhand.localhub.payloads.pulls import Payloads
from dayhand.localhub.rate_limits import RateLimits, RateLimitSettings
from dayhand.localhub.rest.api import Api, rest
from dayhand.localhub.rest.apps import apps
from dayhand.localhub.rest.checks import checks
from dayhand.localhub.rest.graphql import graphql
from dayhand.localhub.rest.hook_config import hook_config
from dayhand.localhub.rest.issues import issues
from dayhand.localhub.rest.manifests import conversions
from dayhand.localhub.rest.pulls import pulls
from dayhand.localhub.rest.reviews import reviews
from dayhand.localhub.state.actions import Actions
from dayhand.localhub.state.manifests import AppManifests
from dayhand.localhub.tokens import Tokens
from dayhand.localhub.webhooks import WebhookSender

HOST = "127.0.0.1"
POLL_SECONDS = 0.02  # between two looks whether the server should stop


class LocalHub:
    """A running GitHub: ``with LocalHub(folder) as hub``.

    Tests and the demo act through ``actions``, as users do in the browser; ``url`` is its home page.
    """

    def __init__(self, data: Path, *, port: int = 0, limits: RateLimitSettings | None = None) -> None:
        """Keep the repositories in the folder ``data``; port 0 chooses a free port."""
        data.mkdir(parents=True, exist_ok=True)
        app = Flask("localhub", template_folder=None, static_folder=None)
        app.url_rule_class = _MatchedRule
        self._server = make_server(HOST, port, app, threaded=True, request_handler=_QuietRequestHandler)
        self.url = f"http://{HOST}:{self._server.server_port}"
        self.api_url = f"{self.url}/api/v3"
        app.before_request(self._check_host)
        self.webhooks = WebhookSender()
        self.tokens = Tokens()
        self.actions = Actions(data, Payloads(self.url), self.webhooks.send)
        self.manifests = AppManifests(self.actions)
        self.limits = RateLimits(limits)
        self.faults = Faults()
        self.app = app
        api = Api(self.actions, self.tokens, self.webhooks, limits=self.limits)
        parts = (apps, conversions(self.manifests), hook_config, issues, pulls, reviews, checks)
        app.register_blueprint(rest(api, parts))
        app.register_blueprint(graphql(api))
        app.register_blueprint(self.actions.attachments.routes())
        app.register_blueprint(lfs(self.actions, self.tokens))
        app.register_blueprint(git_http(self.actions, self.tokens))
        app.register_blueprint(pages(self.actions, self.manifests))
        app.wsgi_app = self.faults.around(self._by_id(app.wsgi_app))  # type: ignore[method-assign, assignment]
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

    def _by_id(self, app: Wsgi) -> Wsgi:
        """The same application, which also serves ``/repositories/ID/…`` for each ``/repos/OWNER/NAME/…``."""

        def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            parts = environ["PATH_INFO"].split("/")
            if parts[1:4] == ["api", "v3", "repositories"] and len(parts) > 4:
                names = {str(repo.id): name for name, repo in self.actions.repositories.items()}
                environ["PATH_INFO"] = "/".join(["/api/v3/repos", names.get(parts[4], "-/-"), *parts[5:]])
            return app(environ, start_response)

        return serve

    def _check_host(self) -> Response | None:
        """Refuse requests for another host name, which a page could point at this address (DNS rebinding)."""
        name = request.host.partition(":")[0]
        if name in (HOST, "localhost"):
            return None
        return Response(f"This is {self.url}, not {name}.\n", 421, mimetype="text/plain")

    def wait_idle(self) -> None:
        """Wait until every queued webhook is sent. Raises ``TimeoutError``."""
        self.webhooks.wait_idle()


class _MatchedRule(Rule):
    """A rule that addresses are matched with, and never built from, which most of the time of a start went into."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: FBT001, FBT002 - as werkzeug has it
        return lambda *_, **__: ("", "")


class _QuietRequestHandler(WSGIRequestHandler):
    """Logs no requests, because the terminal shows the demo's progress."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass
