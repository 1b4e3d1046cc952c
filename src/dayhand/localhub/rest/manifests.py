"""REST: the code of a registered App, in exchange for the App's credentials.

https://docs.github.com/rest/apps/apps#create-a-github-app-from-a-manifest
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from dayhand.localhub.rest.api import Api
from dayhand.localhub.state.manifests import AppManifests


def conversions(manifests: AppManifests) -> Callable[[Blueprint, Api], None]:
    """The endpoint, which needs no authentication."""

    def add(blueprint: Blueprint, api: Api) -> None:
        @blueprint.post("/app-manifests/<code>/conversions")
        def convert(code: str) -> ResponseReturnValue:
            app = manifests.redeem(code)
            credentials = {
                "client_secret": secrets.token_hex(20),
                "webhook_secret": app.webhook_secret if app.webhook_url else None,
                "pem": app.private_key,
            }
            return jsonify({**api.payloads.app(app), **credentials}), 201

    return add
