"""REST: the webhook of an App.

https://docs.github.com/rest/apps/webhooks#get-a-webhook-configuration-for-an-app
"""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from dayhand.localhub.rest.api import Api


def hook_config(blueprint: Blueprint, api: Api) -> None:
    """Add the endpoint that tells an App where its deliveries go; the secret is never told."""

    @blueprint.get("/app/hook/config")
    def get_config() -> ResponseReturnValue:
        app = api.app()
        config = {"url": app.webhook_url, "content_type": "json", "insecure_ssl": "0"}
        return jsonify({**config, **({"secret": "********"} if app.webhook_secret else {})})
