"""REST: pull requests, refs, commits; and the two GraphQL mutations that REST has no words for."""

from __future__ import annotations

import subprocess

from flask import Blueprint, jsonify, request

from dayhand.localhub.actions import check_words
from dayhand.localhub.errors import Refused
from dayhand.localhub.limits import RateLimits
from dayhand.localhub.payloads import node_id
from dayhand.localhub.rest import Answer, Api, body, page
from dayhand.localhub.state import Issue, Repository

MUTATIONS = {"markPullRequestReadyForReview": False, "convertPullRequestToDraft": True}


def pulls(blueprint: Blueprint, api: Api) -> None:
    """Add the endpoints on pull requests and git data."""
    _pulls(blueprint, api)
    _pull(blueprint, api)
    _refs(blueprint, api)


def _pulls(blueprint: Blueprint, api: Api) -> None:
    actions, shapes = api.actions, api.shapes

    @blueprint.get("/repos/<owner>/<name>/pulls")
    def list_pulls(owner: str, name: str) -> Answer:
        repo, _ = api.open(owner, name, "pull_requests", level="read")
        state, head = request.args.get("state", "open"), request.args.get("head", "")
        base = request.args.get("base", "")
        found = [
            one
            for one in repo.pulls()
            if one.pull
            and state in (one.state, "all")
            and head in ("", f"{repo.owner.login}:{one.pull.head}")
            and base in ("", one.pull.base)
        ]
        return page([shapes.pull(repo, one) for one in reversed(found)])

    @blueprint.post("/repos/<owner>/<name>/pulls")
    def open_pull(owner: str, name: str) -> Answer:
        repo, grant = api.open(owner, name, "pull_requests", level="write")
        given = body()
        missing = [field for field in ("title", "head", "base") if not given.get(field)]
        if missing:
            raise Refused(
                422,
                "Validation Failed",
                [{"resource": "PullRequest", "code": "missing_field", "field": missing[0]}],
            )
        made = actions.open_pull(
            repo, grant.user, given["title"], body=given.get("body") or "",
            head=given["head"], base=given["base"], draft=bool(given.get("draft")),
        )  # fmt: skip
        return jsonify(shapes.pull(repo, made)), 201


def _pull(blueprint: Blueprint, api: Api) -> None:
    actions, shapes = api.actions, api.shapes
    path = "/repos/<owner>/<name>/pulls/<int:number>"

    @blueprint.get(path)
    def get_pull(owner: str, name: str, number: int) -> Answer:
        repo, _ = api.open(owner, name, "pull_requests", level="read")
        return jsonify(shapes.pull(repo, find(api, repo, number)))

    @blueprint.patch(path)
    def edit_pull(owner: str, name: str, number: int) -> Answer:
        repo, grant = api.open(owner, name, "pull_requests", level="write")
        issue, given = find(api, repo, number), body()
        check_words("PullRequest", given.get("title") or "", given.get("body") or "")
        issue.title = given.get("title") or issue.title
        issue.body = given.get("body", issue.body) or ""
        if state := given.get("state"):
            actions.set_state(repo, issue, state, by=grant.user)
        actions.tell_pull(repo, issue, "edited", by=grant.user, changes={})
        return jsonify(shapes.pull(repo, issue))

    @blueprint.get(f"{path}/commits")
    def commits(owner: str, name: str, number: int) -> Answer:
        repo, _ = api.open(owner, name, "pull_requests", level="read")
        pull = find(api, repo, number).pull
        assert pull  # noqa: S101 - find gives pull requests
        return page([shapes.commit(repo, one) for one in repo.store.between(pull.base_sha, pull.head_sha)])

    @blueprint.get(f"{path}/files")
    def files(owner: str, name: str, number: int) -> Answer:
        repo, _ = api.open(owner, name, "pull_requests", level="read")
        issue = find(api, repo, number)
        assert issue.pull  # noqa: S101 - find gives pull requests
        rows = repo.store.numbers(issue.pull.base_sha, issue.pull.head_sha)
        return page([shapes.changed_file(repo, issue, row) for row in rows])

    @blueprint.post(f"{path}/requested_reviewers")
    def request_review(owner: str, name: str, number: int) -> Answer:
        repo, grant = api.open(owner, name, "pull_requests", level="write")
        issue = find(api, repo, number)
        actions.request_review(repo, issue, body().get("reviewers") or [], by=grant.user)
        return jsonify(shapes.pull(repo, issue)), 201

    @blueprint.put(f"{path}/merge")
    def merge(owner: str, name: str, number: int) -> Answer:
        repo, grant = api.open(owner, name, "contents", level="write")
        sha = actions.merge(repo, find(api, repo, number), grant.user)
        return jsonify(sha=sha, merged=True, message="Pull Request successfully merged")


def _refs(blueprint: Blueprint, api: Api) -> None:
    actions, shapes = api.actions, api.shapes

    @blueprint.get("/repos/<owner>/<name>/git/ref/heads/<path:branch>")
    @blueprint.get("/repos/<owner>/<name>/git/refs/heads/<path:branch>")
    def get_ref(owner: str, name: str, branch: str) -> Answer:
        repo, _ = api.open(owner, name, "contents", level="read")
        sha = repo.store.branches().get(branch)
        if sha is None:
            raise Refused(404, "Not Found")
        return jsonify(shapes.ref(repo, branch, sha))

    @blueprint.delete("/repos/<owner>/<name>/git/refs/heads/<path:branch>")
    def delete_ref(owner: str, name: str, branch: str) -> Answer:
        repo, grant = api.open(owner, name, "contents", level="write")
        before = repo.store.branches().get(branch)
        if before is None:
            raise Refused(422, "Reference does not exist")
        repo.store.git("update-ref", "-d", f"refs/heads/{branch}")
        actions.pushed(repo, branch, grant.user, before=before)
        return "", 204

    @blueprint.get("/repos/<owner>/<name>/commits/<sha>")
    def get_commit(owner: str, name: str, sha: str) -> Answer:
        repo, _ = api.open(owner, name, "contents", level="read")
        try:
            return jsonify(shapes.commit(repo, repo.store.commit(sha)))
        except subprocess.CalledProcessError as error:
            raise Refused(422, f"No commit found for SHA: {sha}") from error


def graphql(api: Api, limits: RateLimits) -> Blueprint:
    """``POST /api/graphql``: ready for review, and back to draft."""
    blueprint = Blueprint("graphql", __name__)

    @blueprint.post("/api/graphql")
    def answer() -> Answer:
        try:
            grant = api.tokens.grant(api.header())
            limits.count(api.who(), request.method, request.path)
        except Refused as refused:
            return jsonify(message=str(refused)), refused.status, refused.headers
        given = body()
        wanted = next((name for name in MUTATIONS if name in given.get("query", "")), None)
        if wanted is None:
            return jsonify(
                errors=[{"type": "NOT_SUPPORTED", "message": "This GraphQL operation is not here."}]
            )
        node = (given.get("variables") or {}).get("input", {}).get("pullRequestId", "")
        for name in grant.repositories:
            repo = api.actions.repositories[name]
            for issue in repo.pulls():
                if issue.pull and node_id("PullRequest", issue.pull.id) == node:
                    try:
                        grant.need(repo, "pull_requests", "write")
                    except Refused as refused:
                        return jsonify(data=None, errors=[{"type": "FORBIDDEN", "message": str(refused)}])
                    api.actions.make_ready(repo, issue, grant.user, draft=MUTATIONS[wanted])
                    told = {"clientMutationId": None, "pullRequest": {"isDraft": issue.pull.draft}}
                    return jsonify(data={wanted: told})
        return jsonify(
            data={wanted: None},
            errors=[
                {
                    "type": "NOT_FOUND",
                    "message": f"Could not resolve to a node with the global id of '{node}'",
                }
            ],
        )

    return blueprint


def find(api: Api, repo: Repository, number: int) -> Issue:
    issue = api.issue(repo, number)
    if issue.pull is None:
        raise Refused(404, "Not Found")
    return issue
