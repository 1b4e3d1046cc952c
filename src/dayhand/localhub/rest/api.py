"""What all endpoints share: authentication, rate limits, errors and pagination.

Only the calls that Dayhand makes are implemented; any other call is answered with 404.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, jsonify, request

from dayhand.localhub.errors import ApiError
from dayhand.localhub.pages.markdown import markdown
from dayhand.localhub.payloads.pulls import Payloads
from dayhand.localhub.rate_limits import RateLimits
from dayhand.localhub.state.actions import Actions
from dayhand.localhub.state.models import App, Comment, Issue, Repository
from dayhand.localhub.tokens import Grant, Tokens
from dayhand.localhub.webhooks import WebhookSender

API_VERSIONS = ("2022-11-28", "2026-03-10")
DOCUMENTATION_URL = "https://docs.github.com/rest"
MAX_PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class Api:
    """The state behind the endpoints, and look-ups for the current request. Each raises ``ApiError``."""

    actions: Actions
    tokens: Tokens
    webhooks: WebhookSender
    limits: RateLimits

    @property
    def payloads(self) -> Payloads:
        return self.actions.payloads

    def with_html(self, shape: dict[str, Any]) -> dict[str, Any]:
        """A text's payload; with its HTML if the request asks for that. Its attachments have signed addresses there."""
        if "full+json" not in request.headers.get("Accept", ""):
            return shape
        html = str(markdown(shape["body"] or "", breaks=True))
        return {**shape, "body_html": self.actions.attachments.signed(html)}

    def authorization(self) -> str:
        """The request's ``Authorization`` header."""
        return request.headers.get("Authorization", "")

    def client(self) -> str:
        """Whose rate limit the request counts against: an installation shares one among its tokens."""
        try:
            return f"installation {self.tokens.grant(self.authorization()).installation.id}"
        except ApiError:
            return "others"

    def app(self) -> App:
        """The App whose JWT the request carries."""
        return self.tokens.app(self.authorization(), self.actions.apps)

    def open(self, owner: str, name: str, permission: str, *, level: str) -> tuple[Repository, Grant]:
        """The repository, if the request's token has ``permission`` on it."""
        grant = self.tokens.grant(self.authorization())
        repo = self.actions.repo(owner, name)
        grant.require(repo, permission, level)
        return repo, grant

    def issue(self, repo: Repository, number: int) -> Issue:
        """The issue or pull request of this number."""
        issue = repo.issues.get(number)
        if issue is None:
            raise ApiError(404, "Not Found")
        if issue.deleted:
            raise ApiError(410, "This issue was deleted")
        if issue.moved_to:
            location = self.payloads.api + issue.moved_to
            raise ApiError(301, "Moved Permanently", headers={"Location": location})
        return issue

    def pull(self, repo: Repository, number: int) -> Issue:
        """The pull request of this number."""
        issue = self.issue(repo, number)
        if issue.pull is None:
            raise ApiError(404, "Not Found")
        return issue

    def comment(self, repo: Repository, comment_id: int) -> tuple[Issue, Comment]:
        """The comment of this id, and its issue."""
        for issue in repo.issues.values():
            for comment in issue.comments:
                if comment.id == comment_id:
                    return issue, comment
        raise ApiError(404, "Not Found")


def request_body() -> dict[str, Any]:
    """The request's JSON object. Raises ``ApiError`` (400) for anything else."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise ApiError(400, "Problems parsing JSON")
    return body


def per_page() -> int:
    return min(MAX_PER_PAGE, max(1, request.args.get("per_page", 30, int)))


def paginate(items: list[Any], *, key: str = "") -> Response:
    """One page of a list with GitHub's ``Link`` header; with ``key``, an object of that list and ``total_count``."""
    size = per_page()
    number = max(1, request.args.get("page", 1, int))
    part = items[(number - 1) * size : number * size]
    response = jsonify({"total_count": len(items), key: part} if key else part)
    if len(items) > number * size:
        args = {**request.args, "page": str(number + 1), "per_page": str(size)}
        query = "&".join(f"{name}={value}" for name, value in args.items())
        response.headers["Link"] = f'<{request.base_url}?{query}>; rel="next"'
    return response


def rest(api: Api, parts: tuple[Callable[[Blueprint, Api], None], ...]) -> Blueprint:
    """The endpoints of ``parts`` under ``/api/v3``."""
    blueprint = Blueprint("rest", __name__, url_prefix="/api/v3")

    @blueprint.before_request
    def check_request() -> None:
        version = request.headers.get("X-GitHub-Api-Version")
        if version and version not in API_VERSIONS:
            supported = ", ".join(API_VERSIONS)
            raise ApiError(400, f"Unsupported API version {version!r}. Supported: {supported}.")
        api.limits.count(api.client(), request.method, request.path)

    @blueprint.after_request
    def add_rate_limit_headers(response: Response) -> Response:
        response.headers.update(api.limits.headers(api.client()))
        return response

    @blueprint.errorhandler(ApiError)
    def error_response(error: ApiError) -> tuple[Response, int, dict[str, str]]:
        body: dict[str, Any] = {
            "message": str(error),
            "documentation_url": DOCUMENTATION_URL,
            "status": str(error.status),
        }
        if error.errors:
            body["errors"] = error.errors
        headers = dict(error.headers)
        if re.search(r"/repositories/\d+$", headers.get("Location", "")):  # a renamed repository
            headers["Location"] += re.sub(r"^/api/v3/repos/[^/]+/[^/]+", "", request.full_path.rstrip("?"))
        return jsonify(body), error.status, headers

    for part in parts:
        part(blueprint, api)
    return blueprint
