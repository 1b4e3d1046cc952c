"""Git over HTTP by ``git http-backend``, with the same tokens as the API.

https://git-scm.com/docs/git-http-backend
"""

from __future__ import annotations

import base64
import os
import subprocess
from functools import cache

from flask import Blueprint, Response, request

from dayhand.localhub.errors import ApiError
from dayhand.localhub.state.actions import Actions
from dayhand.localhub.state.git_store import ZERO
from dayhand.localhub.state.models import Repository, User
from dayhand.localhub.tokens import Tokens

HOOK = """#!/bin/sh
# GitHub rejects a push that changes workflow files, unless the App has the permission.
[ -n "$LOCALHUB_WORKFLOWS" ] && exit 0
while read -r old new ref; do
  case $new in *[!0]*) ;; *) continue ;; esac
  case $old in *[!0]*) range="$old..$new" ;; *) range="$new --not --all" ;; esac
  file=$(git diff-tree -r --name-only --no-commit-id --root $(git rev-list $range) -- .github/workflows | head -n 1)
  if [ -n "$file" ]; then
    echo "refusing to allow a GitHub App to create or update workflow \\`$file\\` without \\`workflows\\` permission" >&2
    exit 1
  fi
done
"""


def git_http(actions: Actions, tokens: Tokens) -> Blueprint:
    """The routes ``/OWNER/NAME.git/…`` for clone, fetch and push."""
    blueprint = Blueprint("git", __name__)

    @blueprint.route("/<owner>/<name>.git/<path:rest>", methods=["GET", "POST"])
    def serve(owner: str, name: str, rest: str) -> Response:
        pushing = rest == "git-receive-pack" or request.args.get("service") == "git-receive-pack"
        try:
            repo = actions.repo(owner, name)
            user, workflows = authenticate(actions, tokens, repo, pushing=pushing)
        except ApiError as error:
            headers = {"WWW-Authenticate": 'Basic realm="localhub"'} if error.status == 401 else error.headers
            return Response(str(error), error.status, headers)
        before = repo.store.branches()
        _install_hook(repo)
        response = _run_backend(repo, rest, workflows=workflows)
        if rest == "git-receive-pack":
            after = repo.store.branches()
            for branch in {*before, *after}:
                if before.get(branch) != after.get(branch):
                    actions.record_push(repo, branch, user, before=before.get(branch, ZERO))
        return response

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


def _run_backend(repo: Repository, rest: str, *, workflows: bool) -> Response:
    """Run git's CGI program and translate its output into a response."""
    env = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(repo.store.path),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "PATH_INFO": f"/{rest}",
        "QUERY_STRING": request.query_string.decode(),
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "REMOTE_USER": "app",
        "LOCALHUB_WORKFLOWS": "1" if workflows else "",
    }
    body = request.get_data(cache=False)
    env["CONTENT_LENGTH"] = str(len(body))
    done = subprocess.run([_backend()], input=body, capture_output=True, env=env, check=False)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    headers = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
    status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
    return Response(content, status, [(name, value) for name, value in headers if name != "Status"])


@cache
def _backend() -> str:
    """The program itself: `git http-backend` would be one more process for each request."""
    folder = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()
    return f"{folder}/git-http-backend"


def _install_hook(repo: Repository) -> None:
    hook = repo.store.path / "hooks" / "pre-receive"
    if not hook.exists():
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(HOOK)
        hook.chmod(0o755)
