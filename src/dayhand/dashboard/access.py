"""Access to tasks: a secret token, which a browser gets by a link and keeps as a cookie, and which programs send in a header.

Every endpoint that is not in ``OPEN`` requires it, and so does an address that does not exist. The client's address, the
host that it asks for and the headers of proxies do not matter: behind a proxy or a forwarded port on this machine,
every request comes from 127.0.0.1.
"""

from __future__ import annotations

import hmac
from dataclasses import field
from hashlib import sha256
from urllib.parse import quote, urlencode, urlsplit

from flask import Flask, Response, jsonify, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from dayhand.dashboard.pages import POLICY, wants_json
from dayhand.startup.records import dataclass

TOKEN_ARGUMENT = "token"  # noqa: S105 - its name in a link
MIN_TOKEN_CHARS = 32
COOKIE_SECONDS = 30 * 24 * 3600
METRICS = "metrics.show"
OPEN = frozenset({"webhook.receive", "healthz", "readyz", "dashboard.static"})  # endpoints without a token

WHAT = "Only people who have the secret link of this installation can see its tasks."
WRONG = "This token is not the one of this installation."
FOREIGN = "This request did not come from a page of the dashboard, so nothing was done. Use the button on the task's page.\n"
WHAT_TO_DO = (
    "Open the link that `dayhand up`, `dayhand web` or `dayhand demo` prints when it starts. Its token is also in the file "
    "`dashboard-token` in the data folder, unless DAYHAND_DASHBOARD_TOKEN sets it. Programs send “Authorization: Bearer TOKEN”."
)


@dataclass(frozen=True, slots=True)
class Access:
    """The secrets that open the dashboard."""

    token: str = field(repr=False)
    metrics_token: str = field(
        default="", repr=False
    )  # opens ``/metrics`` and nothing else; "": there is none
    https: bool = False  # whether people reach the dashboard by https: then the cookie never travels by http

    def __post_init__(self) -> None:
        if len(self.token) < MIN_TOKEN_CHARS or 0 < len(self.metrics_token) < MIN_TOKEN_CHARS:
            raise ValueError("a token is too short to be a secret")

    @property
    def cookie(self) -> str:
        """The cookie's name, different for each token: browsers share cookies among the ports of a host.

        https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
        """
        return f"{'__Host-' if self.https else ''}dayhand-{self._derived('name')[:8]}"

    @property
    def cookie_value(self) -> str:
        """What the cookie holds: it opens the pages, but does not reveal the token."""
        return self._derived("cookie")

    def _derived(self, purpose: str) -> str:
        return hmac.new(self.token.encode(), f"dayhand dashboard {purpose}".encode(), sha256).hexdigest()


def protect(app: Flask, access: Access) -> None:
    """Require a credential for every request to ``app`` whose endpoint is not in ``OPEN``."""

    @app.before_request
    def demand() -> Answer | None:
        if request.endpoint in OPEN:
            return None
        visits = request.method in ("GET", "HEAD")
        given = request.args.get(TOKEN_ARGUMENT, "") if visits else ""
        by_link = same(given, access.token)
        if not by_link and not has_credential(access):
            return refused(wrong=bool(given) or bearer() is not None)
        if not visits and bearer() is None and not from_our_pages():
            return Response(FOREIGN, 403, mimetype="text/plain")
        if visits and TOKEN_ARGUMENT in request.args:
            return without_token(access, keep=by_link)
        return None

    @app.after_request
    def keep_private(answer: Response) -> Response:
        if request.endpoint not in OPEN:
            answer.headers["Cache-Control"] = "no-store"
            answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return answer


def has_credential(access: Access) -> bool:
    """Whether the request has a valid bearer token or cookie. One valid credential is enough."""
    given = bearer()
    if given is not None and same(given, access.token):
        return True
    if given is not None and request.endpoint == METRICS and access.metrics_token:
        return same(given, access.metrics_token)
    return any(same(value, access.cookie_value) for value in request.cookies.getlist(access.cookie))


def bearer() -> str | None:
    """The token in the ``Authorization`` header; None for other schemes, which a proxy may use for its own login.

    https://www.rfc-editor.org/rfc/rfc6750#section-2.1
    """
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else None


def from_our_pages() -> bool:
    """Whether a browser sent this from one of our own pages: another site's page could send our cookie, too.

    https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
    """
    if site := request.headers.get("Sec-Fetch-Site"):
        return site == "same-origin"
    return urlsplit(request.headers.get("Origin", "")).netloc == request.host


def same(given: str, secret: str) -> bool:
    """Compare in constant time. Hashes, so that the secret's length does not show either."""
    ours, theirs = (sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (secret, given))
    return hmac.compare_digest(ours, theirs)


def without_token(access: Access, *, keep: bool) -> Answer:
    """Send a browser to the same page without the token in its address; with ``keep`` it gets the cookie."""
    rest = urlencode([item for item in request.args.items(multi=True) if item[0] != TOKEN_ARGUMENT])
    path = quote(request.path) if request.url_rule else "/tasks"  # an unknown path could lead to another host
    answer = redirect(f"{path}?{rest}" if rest else path, code=303)
    answer.headers["Referrer-Policy"] = "no-referrer"
    if keep:
        answer.set_cookie(
            access.cookie,
            access.cookie_value,
            max_age=COOKIE_SECONDS,
            secure=access.https,
            httponly=True,
            samesite="Lax",  # not Strict: a link on GitHub leads to a task's page
        )
    return answer


def refused(*, wrong: bool) -> Response:
    """401, the same for tasks that exist and tasks that do not."""
    what = WRONG if wrong else WHAT
    if wants_json():
        answer = jsonify(error=what, advice=WHAT_TO_DO)
    else:
        answer = make_response(render_template("refused.html", what=what, argument=TOKEN_ARGUMENT))
    answer.status_code = 401
    answer.headers["WWW-Authenticate"] = 'Bearer realm="Dayhand"'
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
