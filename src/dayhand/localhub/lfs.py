"""Git LFS: the batch API, and the objects of each repository.

https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md
"""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from dayhand.localhub.errors import ApiError
from dayhand.localhub.git_http import authenticate
from dayhand.localhub.state.actions import Actions
from dayhand.localhub.state.models import Repository
from dayhand.localhub.tokens import Tokens

MEDIA_TYPE = "application/vnd.git-lfs+json"


def store_lfs(repo: Repository, content: bytes) -> str:
    """Store an object of a repository; returns the text of its pointer."""
    oid = hashlib.sha256(content).hexdigest()
    folder = repo.store.path / "lfs"
    folder.mkdir(exist_ok=True)
    (folder / oid).write_bytes(content)
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"


def lfs(actions: Actions, tokens: Tokens) -> Blueprint:
    """The routes ``/OWNER/NAME.git/info/lfs/objects/…``."""
    blueprint = Blueprint("lfs", __name__)

    @blueprint.post("/<owner>/<name>.git/info/lfs/objects/batch")
    def batch(owner: str, name: str) -> ResponseReturnValue:
        repo = _open(owner, name)
        objects = [_offer(repo, one) for one in request.get_json(force=True)["objects"]]
        response = jsonify({"transfer": "basic", "objects": objects, "hash_algo": "sha256"})
        response.mimetype = MEDIA_TYPE
        return response

    @blueprint.get("/<owner>/<name>.git/info/lfs/objects/<oid>")
    def download(owner: str, name: str, oid: str) -> ResponseReturnValue:
        """As on GitHub's storage: who has the address may read it."""
        path = actions.repo(owner, name).store.path / "lfs" / oid
        return Response(path.read_bytes(), mimetype="application/octet-stream")

    def _open(owner: str, name: str) -> Repository:
        repo = actions.repo(owner, name)
        authenticate(actions, tokens, repo, pushing=False)
        return repo

    def _offer(repo: Repository, wanted: dict[str, Any]) -> dict[str, Any]:
        oid = str(wanted["oid"])
        if not (repo.store.path / "lfs" / oid).exists():
            return {**wanted, "error": {"code": 404, "message": "Object does not exist"}}
        href = f"{request.host_url}{repo.full_name}.git/info/lfs/objects/{oid}"
        return {**wanted, "actions": {"download": {"href": href, "expires_in": 3600}}}

    @blueprint.errorhandler(ApiError)
    def refuse(error: ApiError) -> ResponseReturnValue:
        return jsonify({"message": str(error)}), error.status

    return blueprint
