"""REST: Apps, installations, tokens, webhook deliveries, users.

https://docs.github.com/rest/apps
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from dayhand.localhub.errors import ApiError
from dayhand.localhub.payloads.issues import timestamp
from dayhand.localhub.rest.api import Api, paginate, per_page
from dayhand.localhub.state.actions import Actions
from dayhand.localhub.state.models import Installation
from dayhand.localhub.tokens import RANKS
from dayhand.localhub.webhooks import Delivery


def apps(blueprint: Blueprint, api: Api) -> None:
    """Add the endpoints that an App calls as itself."""
    _add_installations(blueprint, api)
    _add_tokens(blueprint, api)
    _add_deliveries(blueprint, api)


def _add_installations(blueprint: Blueprint, api: Api) -> None:
    actions, payloads = api.actions, api.payloads

    @blueprint.get("/app")
    def get_app() -> ResponseReturnValue:
        return jsonify(payloads.app(api.app()))

    @blueprint.get("/app/installations")
    def list_installations() -> ResponseReturnValue:
        app = api.app()
        return paginate(
            [payloads.installation(one) for one in actions.installations.values() if one.app is app]
        )

    @blueprint.get("/repos/<owner>/<name>/installation")
    def get_installation(owner: str, name: str) -> ResponseReturnValue:
        app, repo = api.app(), actions.repo(owner, name)
        for installation in actions.installations.values():
            if installation.app is app and repo.full_name in installation.repositories:
                return jsonify(payloads.installation(installation))
        raise ApiError(404, "Not Found")

    @blueprint.get("/users/<login>")
    def get_user(login: str) -> ResponseReturnValue:
        if login not in actions.users:
            raise ApiError(404, "Not Found")
        return jsonify(payloads.public_user(actions.users[login]))


def _add_tokens(blueprint: Blueprint, api: Api) -> None:
    actions, payloads = api.actions, api.payloads

    @blueprint.post("/app/installations/<int:number>/access_tokens")
    def create_token(number: int) -> ResponseReturnValue:
        app, installation = api.app(), actions.installations.get(number)
        if installation is None or installation.app is not app:
            raise ApiError(404, "Not Found")
        if installation.suspended:
            raise ApiError(403, "This installation has been suspended")
        body = request.get_json(silent=True) or {}
        permissions = body.get("permissions") or app.permissions
        for name, level in permissions.items():
            if RANKS[app.permissions.get(name, "")] < RANKS.get(level, 9):
                raise ApiError(422, "The permissions requested are not granted to this installation.")
        names = _requested_repositories(actions, installation, body) or installation.repositories
        if not set(names) <= set(installation.repositories):
            raise ApiError(
                422,
                "There is at least one repository that does not exist or is not accessible to the parent installation.",
            )
        token, grant = api.tokens.create(installation, permissions, tuple(names))
        response = {
            "token": token, "expires_at": timestamp(datetime.fromtimestamp(grant.expires, UTC)),
            "permissions": dict(permissions), "repository_selection": "selected",
            "repositories": [payloads.repository(actions.repositories[name]) for name in names],
        }  # fmt: skip
        return jsonify(response), 201

    @blueprint.delete("/installation/token")
    def revoke_token() -> ResponseReturnValue:
        api.tokens.grant(api.authorization())
        api.tokens.revoke(api.authorization())
        return "", 204


def _requested_repositories(actions: Actions, installation: Installation, body: dict[str, Any]) -> list[str]:
    """The full names of the repositories that a token is limited to, given as names or as ids."""
    if "repositories" in body and "repository_ids" in body:
        raise ApiError(422, "Specify repositories or repository_ids, not both.")
    ids = {repo.id: repo.full_name for repo in actions.repositories.values()}
    names = [f"{installation.account.login}/{name}" for name in body.get("repositories", [])]
    return names or [ids.get(number, "") for number in body.get("repository_ids", [])]


def _add_deliveries(blueprint: Blueprint, api: Api) -> None:
    webhooks = api.webhooks

    def find(number: int) -> Delivery:
        app = api.app()
        for delivery in webhooks.deliveries:
            if delivery.id == number and delivery.app is app:
                return delivery
        raise ApiError(404, "Not Found")

    @blueprint.get("/app/hook/deliveries")
    def list_deliveries() -> ResponseReturnValue:
        app, size = api.app(), per_page()
        cursor = request.args.get("cursor", "").removeprefix("v1_")
        before = int(cursor) if cursor.isdecimal() else len(webhooks.deliveries) + 1
        status = request.args.get("status", "")
        deliveries = [
            delivery
            for delivery in reversed(webhooks.deliveries)
            if delivery.app is app and delivery.id < before and status in ("", delivery.outcome)
        ]
        response = jsonify([delivery.summary() for delivery in deliveries[:size]])
        if len(deliveries) > size:
            query = f"per_page={size}&cursor=v1_{deliveries[size - 1].id}" + (
                f"&status={status}" if status else ""
            )
            response.headers["Link"] = f'<{request.base_url}?{query}>; rel="next"'
        return response

    @blueprint.get("/app/hook/deliveries/<int:number>")
    def get_delivery(number: int) -> ResponseReturnValue:
        return jsonify(find(number).details())

    @blueprint.post("/app/hook/deliveries/<int:number>/attempts")
    def redeliver(number: int) -> ResponseReturnValue:
        delivery = find(number)
        webhooks.send(delivery.app, delivery.event, delivery.payload, redeliver=delivery)
        return jsonify({}), 202
