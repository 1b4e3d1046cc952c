"""Git over HTTP, with the same tokens as the API: what ``git http-backend`` does, without its process for each request.

https://git-scm.com/docs/gitprotocol-http
"""

from __future__ import annotations

import base64
import gzip
import os
import subprocess
from collections.abc import Mapping
from types import MappingProxyType

from flask import Blueprint, Response, request

from dayhand.localhub.errors import ApiError
from dayhand.localhub.state.actions import Actions
from dayhand.localhub.state.git_store import ZERO
from dayhand.localhub.state.models import Repository, User
from dayhand.localhub.tokens import Tokens

SERVICES = ("git-upload-pack", "git-receive-pack")
NOT_CACHED = {"Cache-Control": "no-cache, max-age=0, must-revalidate"}
HOOK = """#!/bin/sh
# GitHub rejects a push that changes workflow files, unless the App has the permission.
[ -n "$LOCALHUB_WORKFLOWS" ] && exit 0
while read -r old new ref; do
  case $new in *[!0]*) ;; *) continue ;; esac
  case $old in *[!0]*) range="$old..$new" ;; *) range="$new --not --all" ;; esac
  file=$(git log --format= --name-only --no-renames --full-history $range -- .github/workflows)
  file=${file%%"
"*}
  if [ -n "$file" ]; then
    echo "refusing to allow a GitHub App to create or update workflow \\`$file\\` without \\`workflows\\` permission" >&2
    exit 1
  fi
done
"""


def git_http(actions: Actions, tokens: Tokens) -> Blueprint:
    """The routes ``/OWNER/NAME.git/…`` for clone, fetch and push."""
    blueprint = Blueprint("git", __name__)
    abilities = dict[bytes, bytes]()  # what git offers to do in version 2, by a repository's configuration

    @blueprint.get("/<owner>/<name>.git/info/refs")
    def advertise(owner: str, name: str) -> Response:
        service = request.args.get("service", "")
        return serve(owner, name, service, advertised=True)

    @blueprint.post("/<owner>/<name>.git/<any('git-upload-pack', 'git-receive-pack'):service>")
    def serve(owner: str, name: str, service: str, *, advertised: bool = False) -> Response:
        pushing = service == "git-receive-pack"
        try:
            repo = actions.repo(owner, name)
            user, workflows = authenticate(actions, tokens, repo, pushing=pushing)
        except ApiError as error:
            headers = {"WWW-Authenticate": 'Basic realm="localhub"'} if error.status == 401 else error.headers
            return Response(str(error), error.status, headers)
        if service not in SERVICES:
            return Response("Only the smart protocol is served", 403)
        if advertised:
            return _advertise(repo, service, abilities)
        before = repo.store.branches() if pushing else {}
        if pushing:
            _install_hook(repo)
        environment = {"LOCALHUB_WORKFLOWS": "1" if workflows else ""}
        content = _run(repo, service, "--stateless-rpc", stdin=_body(), environment=environment)
        after = repo.store.branches() if pushing else {}
        for branch in {*before, *after}:
            if before.get(branch) != after.get(branch):
                actions.record_push(repo, branch, user, before=before.get(branch, ZERO))
        return Response(content, content_type=f"application/x-{service}-result", headers=NOT_CACHED)

    return blueprint


def authenticate(actions: Actions, tokens: Tokens, repo: Repository, *, pushing: bool) -> tuple[User, bool]:
    """The user of this request, and whether they may change workflow files. Raises ``ApiError``."""
    header = request.headers.get("Authorization", "")
    if not header:
        if repo.private or pushing:
            raise ApiError(401, "Authentication required")
        return actions.add_user("anonymous"), False
    kind, _, value = header.partition(" ")
    if kind.lower() == "basic":
        _, _, token = base64.b64decode(value).decode("utf-8", "replace").partition(":")
        grant = tokens.find(token)
    else:
        grant = tokens.grant(header)
    grant.require(repo, "contents", "write" if pushing else "read")
    return grant.user, "workflows" in grant.permissions


def _advertise(repo: Repository, service: str, abilities: dict[bytes, bytes]) -> Response:
    """What a client reads first: the refs, or in version 2 of the protocol what git is able to do."""
    if service == SERVICES[0] and "version=2" in request.headers.get("Git-Protocol", ""):
        config = (repo.store.path / "config").read_bytes()
        if config not in abilities:
            abilities[config] = _run(repo, service, "--http-backend-info-refs")
        content = abilities[config]
    else:
        line = f"# service={service}\n"
        content = f"{len(line) + 4:04x}{line}0000".encode() + _run(repo, service, "--http-backend-info-refs")
    return Response(content, content_type=f"application/x-{service}-advertisement", headers=NOT_CACHED)


def _run(
    repo: Repository,
    service: str,
    option: str,
    *,
    stdin: bytes = b"",
    environment: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """The answer of ``git upload-pack`` or ``git receive-pack``, which tells of a failure in it."""
    env = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        **environment,
    }
    command = ["git", service.removeprefix("git-"), option, "."]
    return subprocess.run(
        command, input=stdin, capture_output=True, env=env, cwd=repo.store.path, check=False
    ).stdout


def _body() -> bytes:
    body = request.get_data(cache=False)
    return gzip.decompress(body) if request.headers.get("Content-Encoding") in ("gzip", "x-gzip") else body


def _install_hook(repo: Repository) -> None:
    hook = repo.store.path / "hooks" / "pre-receive"
    if not hook.exists():
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(HOOK)
        hook.chmod(0o755)
