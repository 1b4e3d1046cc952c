"""The REST API, as far as Dayhand calls it; a call that is not here answers 404, as GitHub's own does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request

from dayhand.localhub.actions import Actions
from dayhand.localhub.errors import Refused
from dayhand.localhub.limits import RateLimits
from dayhand.localhub.payloads import stamp
from dayhand.localhub.state import App, Comment, Installation, Issue, Repository
from dayhand.localhub.tokens import RANKS, Grant, Tokens
from dayhand.localhub.webhooks import WebhookSender

VERSIONS = ("2022-11-28", "2026-03-10")
DOCS = "https://docs.github.com/rest"


@dataclass(frozen=True, slots=True)
class Backstage:
    """What every endpoint works with."""

    actions: Actions
    tokens: Tokens
    webhooks: WebhookSender
    limits: RateLimits


Answer = Response | tuple[Response, int] | tuple[Response, int, dict[str, str]] | tuple[str, int]


class Api:
    """Who asks, for what, and whether they may."""

    def __init__(self, backstage: Backstage) -> None:
        self.actions = backstage.actions
        self.tokens = backstage.tokens
        self.shapes = backstage.actions.shapes

    def header(self) -> str:
        return request.headers.get("Authorization", "")

    def who(self) -> str:
        """Whose budget a request is taken from: an installation's, whichever of its tokens it shows."""
        try:
            return f"installation {self.tokens.grant(self.header()).installation.id}"
        except Refused:
            return "others"

    def app(self) -> App:
        return self.tokens.app(self.header(), self.actions.apps)

    def open(self, owner: str, name: str, permission: str, *, level: str) -> tuple[Repository, Grant]:
        """The repository, where the token opens it. Refuses with 401, 403 or 404."""
        grant = self.tokens.grant(self.header())
        repo = self.actions.repo(owner, name)
        grant.need(repo, permission, level)
        return repo, grant

    def issue(self, repo: Repository, number: int) -> Issue:
        found = repo.issues.get(number)
        if found is None:
            raise Refused(404, "Not Found")
        return found

    def comment(self, repo: Repository, comment_id: int) -> tuple[Issue, Comment]:
        for issue in repo.issues.values():
            for comment in issue.comments:
                if comment.id == comment_id:
                    return issue, comment
        raise Refused(404, "Not Found")


def body() -> dict[str, Any]:
    """The request's JSON object. Refuses anything else."""
    given = request.get_json(silent=True)
    if not isinstance(given, dict):
        raise Refused(400, "Problems parsing JSON")
    return given


def invalid(resource: str, field: str, code: str = "invalid") -> Refused:
    return Refused(422, "Validation Failed", [{"resource": resource, "field": field, "code": code}])


def page(items: list[Any], *, inside: str = "") -> Response:
    """One page of a list, with GitHub's ``Link`` header; ``inside`` an object, some lists are a field beside their count."""
    size = min(100, max(1, request.args.get("per_page", 30, int)))
    number = max(1, request.args.get("page", 1, int))
    part = items[(number - 1) * size : number * size]
    answer = jsonify({"total_count": len(items), inside: part} if inside else part)
    if len(items) > number * size:
        args = {**request.args, "page": str(number + 1), "per_page": str(size)}
        query = "&".join(f"{key}={value}" for key, value in args.items())
        answer.headers["Link"] = f'<{request.base_url}?{query}>; rel="next"'
    return answer


def rest(backstage: Backstage, parts: tuple[Callable[[Blueprint, Api], None], ...]) -> Blueprint:
    """The whole API under ``/api/v3``."""
    blueprint = Blueprint("rest", __name__, url_prefix="/api/v3")
    api = Api(backstage)

    @blueprint.before_request
    def check_version() -> None:
        version = request.headers.get("X-GitHub-Api-Version")
        if version and version not in VERSIONS:
            raise Refused(400, f"Unsupported API version {version!r}. Supported: {', '.join(VERSIONS)}.")
        backstage.limits.count(api.who(), request.method, request.path)

    @blueprint.after_request
    def add_limits(answer: Response) -> Response:
        answer.headers.update(backstage.limits.headers(api.who()))
        return answer

    @blueprint.errorhandler(Refused)
    def refuse(refused: Refused) -> tuple[Response, int, dict[str, str]]:
        told: dict[str, Any] = {
            "message": str(refused),
            "documentation_url": DOCS,
            "status": str(refused.status),
        }
        if refused.errors:
            told["errors"] = refused.errors
        return jsonify(told), refused.status, refused.headers

    _apps(blueprint, api)
    _deliveries(blueprint, api, backstage.webhooks)
    for part in parts:
        part(blueprint, api)
    return blueprint


def _apps(blueprint: Blueprint, api: Api) -> None:
    actions, shapes = api.actions, api.shapes

    @blueprint.get("/app")
    def app() -> Answer:
        return jsonify(shapes.app(api.app()))

    @blueprint.get("/app/installations")
    def installations() -> Answer:
        mine = api.app()
        return page([shapes.installation(one) for one in actions.installations.values() if one.app is mine])

    @blueprint.get("/repos/<owner>/<name>/installation")
    def installation(owner: str, name: str) -> Answer:
        mine, repo = api.app(), actions.repo(owner, name)
        for one in actions.installations.values():
            if one.app is mine and repo.full_name in one.repositories:
                return jsonify(shapes.installation(one))
        raise Refused(404, "Not Found")

    @blueprint.post("/app/installations/<int:number>/access_tokens")
    def access_tokens(number: int) -> Answer:
        mine, there = api.app(), actions.installations.get(number)
        if there is None or there.app is not mine:
            raise Refused(404, "Not Found")
        if there.suspended:
            raise Refused(403, "This installation has been suspended")
        wanted = request.get_json(silent=True) or {}
        permissions = wanted.get("permissions") or mine.permissions
        for name, level in permissions.items():
            if RANKS[mine.permissions.get(name, "")] < RANKS.get(level, 9):
                raise Refused(422, "The permissions requested are not granted to this installation.")
        names = _named(actions, there, wanted) or there.repositories
        if not set(names) <= set(there.repositories):
            raise Refused(
                422,
                "There is at least one repository that does not exist or is not accessible to the parent installation.",
            )
        token, grant = api.tokens.mint(there, permissions, tuple(names))
        told = {
            "token": token, "expires_at": stamp(datetime.fromtimestamp(grant.expires, UTC)),
            "permissions": dict(permissions), "repository_selection": "selected",
            "repositories": [shapes.repository(actions.repositories[one]) for one in names],
        }  # fmt: skip
        return jsonify(told), 201

    @blueprint.delete("/installation/token")
    def revoke() -> Answer:
        api.tokens.grant(api.header())
        api.tokens.revoke(api.header())
        return "", 204

    @blueprint.get("/users/<login>")
    def user(login: str) -> Answer:
        if login not in actions.users:
            raise Refused(404, "Not Found")
        return jsonify(shapes.public_user(actions.users[login]))


def _named(actions: Actions, there: Installation, wanted: dict[str, Any]) -> list[str]:
    """The repositories that a token is narrowed to, by their names or by their ids."""
    if "repositories" in wanted and "repository_ids" in wanted:
        raise Refused(422, "Specify repositories or repository_ids, not both.")
    ids = {repo.id: repo.full_name for repo in actions.repositories.values()}
    named = [f"{there.account.login}/{one}" for one in wanted.get("repositories", [])]
    return named or [ids.get(one, "") for one in wanted.get("repository_ids", [])]


def _deliveries(blueprint: Blueprint, api: Api, webhooks: WebhookSender) -> None:
    @blueprint.get("/app/hook/deliveries")
    def deliveries() -> Answer:
        size = min(100, max(1, request.args.get("per_page", 30, int)))
        before = request.args.get("cursor", 0, int) or len(webhooks.deliveries) + 1
        wanted = request.args.get("status", "")
        mine = [
            one
            for one in reversed(webhooks.deliveries)
            if one.app is api.app() and one.id < before and wanted in ("", one.ended)
        ]
        answer = jsonify([one.shape() for one in mine[:size]])
        if len(mine) > size:
            query = f"per_page={size}&cursor={mine[size - 1].id}" + (f"&status={wanted}" if wanted else "")
            answer.headers["Link"] = f'<{request.base_url}?{query}>; rel="next"'
        return answer

    @blueprint.get("/app/hook/deliveries/<int:number>")
    def delivery(number: int) -> Answer:
        for one in webhooks.deliveries:
            if one.id == number and one.app is api.app():
                return jsonify(one.whole(one.app.webhook_url))
        raise Refused(404, "Not Found")

    @blueprint.post("/app/hook/deliveries/<int:number>/attempts")
    def attempt(number: int) -> Answer:
        mine = api.app()
        for one in webhooks.deliveries:
            if one.id == number and one.app is mine:
                webhooks.send(mine, one.event, one.payload, again=one)
                return jsonify({}), 202
        raise Refused(404, "Not Found")
