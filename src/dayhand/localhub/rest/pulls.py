"""REST: pull requests, branches and commits.

https://docs.github.com/rest/pulls
"""

from __future__ import annotations

import subprocess
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from dayhand.localhub.errors import ApiError, invalid
from dayhand.localhub.rest.api import Api, paginate, request_body
from dayhand.localhub.state.actions import check_lengths
from dayhand.localhub.state.models import Issue, Repository, User


def pulls(blueprint: Blueprint, api: Api) -> None:
    """Add the endpoints for pull requests, branches and commits."""
    _add_pulls(blueprint, api)
    _add_pull(blueprint, api)
    _add_git_data(blueprint, api)


def _add_pulls(blueprint: Blueprint, api: Api) -> None:
    actions, payloads = api.actions, api.payloads

    @blueprint.get("/repos/<owner>/<name>/pulls")
    def list_pulls(owner: str, name: str) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "pull_requests", level="read")
        state, head = request.args.get("state", "open"), request.args.get("head", "")
        base = request.args.get("base", "")
        issues = [
            issue
            for issue in repo.pulls()
            if issue.pull
            and state in (issue.state, "all")
            and head in ("", f"{repo.owner.login}:{issue.pull.head}")
            and base in ("", issue.pull.base)
        ]
        return paginate([payloads.pull(repo, issue) for issue in reversed(issues)])

    @blueprint.post("/repos/<owner>/<name>/pulls")
    def open_pull(owner: str, name: str) -> ResponseReturnValue:
        repo, grant = api.open(owner, name, "pull_requests", level="write")
        body = request_body()
        missing = [field for field in ("title", "head", "base") if not body.get(field)]
        if missing:
            raise invalid("PullRequest", missing[0], "missing_field")
        issue = actions.open_pull(
            repo, grant.user, body["title"], body=body.get("body") or "",
            head=body["head"], base=body["base"], draft=bool(body.get("draft")),
        )  # fmt: skip
        return jsonify(payloads.pull(repo, issue)), 201


def _add_pull(blueprint: Blueprint, api: Api) -> None:
    actions, payloads = api.actions, api.payloads
    path = "/repos/<owner>/<name>/pulls/<int:number>"

    @blueprint.get(path)
    def get_pull(owner: str, name: str, number: int) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "pull_requests", level="read")
        return jsonify(payloads.pull(repo, api.pull(repo, number)))

    @blueprint.patch(path)
    def change_pull(owner: str, name: str, number: int) -> ResponseReturnValue:
        repo, grant = api.open(owner, name, "pull_requests", level="write")
        issue = api.pull(repo, number)
        edit_pull(api, repo, issue, body=request_body(), by=grant.user)
        return jsonify(payloads.pull(repo, issue))

    @blueprint.get(f"{path}/commits")
    def list_commits(owner: str, name: str, number: int) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "pull_requests", level="read")
        pull = api.pull(repo, number).pull
        assert pull  # noqa: S101 - Api.pull returns pull requests only
        commits = repo.store.between(pull.base_sha, pull.head_sha)
        return paginate([payloads.commit(repo, commit) for commit in commits])

    @blueprint.get(f"{path}/files")
    def list_files(owner: str, name: str, number: int) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "pull_requests", level="read")
        issue = api.pull(repo, number)
        assert issue.pull  # noqa: S101 - Api.pull returns pull requests only
        rows = repo.store.diff_stat(issue.pull.base_sha, issue.pull.head_sha)
        return paginate([payloads.changed_file(repo, issue, row) for row in rows])

    @blueprint.post(f"{path}/requested_reviewers")
    def request_review(owner: str, name: str, number: int) -> ResponseReturnValue:
        repo, grant = api.open(owner, name, "pull_requests", level="write")
        issue = api.pull(repo, number)
        actions.request_review(repo, issue, request_body().get("reviewers") or [], by=grant.user)
        return jsonify(payloads.pull(repo, issue)), 201

    @blueprint.put(f"{path}/merge")
    def merge(owner: str, name: str, number: int) -> ResponseReturnValue:
        repo, grant = api.open(owner, name, "contents", level="write")
        sha = actions.merge(repo, api.pull(repo, number), grant.user)
        return jsonify(sha=sha, merged=True, message="Pull Request successfully merged")


def edit_pull(api: Api, repo: Repository, issue: Issue, *, body: dict[str, Any], by: User) -> None:
    """Change the fields of a request. Raises ``ApiError``."""
    check_lengths("PullRequest", body.get("title") or "", body.get("body") or "")
    text = (body["body"] or "") if "body" in body else None
    api.actions.edit_issue(repo, issue, by=by, title=body.get("title"), body=text)
    if state := body.get("state"):
        api.actions.set_state(repo, issue, state, by=by)


def _add_git_data(blueprint: Blueprint, api: Api) -> None:
    actions, payloads = api.actions, api.payloads

    @blueprint.get("/repos/<owner>/<name>/git/ref/heads/<path:branch>")
    @blueprint.get("/repos/<owner>/<name>/git/refs/heads/<path:branch>")
    def get_ref(owner: str, name: str, branch: str) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "contents", level="read")
        sha = repo.store.branches().get(branch)
        if sha is None:
            raise ApiError(404, "Not Found")
        return jsonify(payloads.ref(repo, branch, sha))

    @blueprint.delete("/repos/<owner>/<name>/git/refs/heads/<path:branch>")
    def delete_ref(owner: str, name: str, branch: str) -> ResponseReturnValue:
        repo, grant = api.open(owner, name, "contents", level="write")
        before = repo.store.branches().get(branch)
        if before is None:
            raise ApiError(422, "Reference does not exist")
        repo.store.git("update-ref", "-d", f"refs/heads/{branch}")
        actions.record_push(repo, branch, grant.user, before=before)
        return "", 204

    @blueprint.get("/repos/<owner>/<name>/commits/<sha>")
    def get_commit(owner: str, name: str, sha: str) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "contents", level="read")
        try:
            return jsonify(payloads.commit(repo, repo.store.commit(sha)))
        except subprocess.CalledProcessError as error:
            raise ApiError(422, f"No commit found for SHA: {sha}") from error
