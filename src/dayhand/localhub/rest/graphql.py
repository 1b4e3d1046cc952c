"""GraphQL: the two mutations on pull requests that the REST API does not offer, and queries."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from dayhand.localhub.errors import ApiError
from dayhand.localhub.payloads.issues import node_id
from dayhand.localhub.rest.api import Api, request_body
from dayhand.localhub.rest.graphql_query import QueryError, parse_query, run
from dayhand.localhub.rest.graphql_types import schema
from dayhand.localhub.state.models import Issue, Repository
from dayhand.localhub.tokens import Grant

DRAFT_BY_MUTATION = {"markPullRequestReadyForReview": False, "convertPullRequestToDraft": True}


def graphql(api: Api) -> Blueprint:
    """``POST /api/graphql``: mark a pull request as ready for review, or convert it to a draft."""
    blueprint = Blueprint("graphql", __name__)

    @blueprint.post("/api/graphql")
    def run_query() -> ResponseReturnValue:
        try:
            grant = api.tokens.grant(api.authorization())
            api.limits.count(api.client(), request.method, request.path)
        except ApiError as error:
            return jsonify(message=str(error)), error.status, error.headers
        body = request_body()
        mutation = next((name for name in DRAFT_BY_MUTATION if name in body.get("query", "")), None)
        if mutation is None:
            return jsonify(_answer(api, grant, body))
        node = (body.get("variables") or {}).get("input", {}).get("pullRequestId", "")
        found = _find_pull(api, grant, node)
        if found is None:
            message = f"Could not resolve to a node with the global id of '{node}'"
            return jsonify(data={mutation: None}, errors=[{"type": "NOT_FOUND", "message": message}])
        repo, issue = found
        try:
            grant.require(repo, "pull_requests", "write")
        except ApiError as error:
            return jsonify(data=None, errors=[{"type": "FORBIDDEN", "message": str(error)}])
        draft = DRAFT_BY_MUTATION[mutation]
        api.actions.set_draft(repo, issue, grant.user, draft=draft)
        return jsonify(data={mutation: {"clientMutationId": None, "pullRequest": {"isDraft": draft}}})

    return blueprint


def _answer(api: Api, grant: Grant, body: dict[str, Any]) -> dict[str, Any]:
    """Run a query. For a fault in it, GitHub answers 200 with errors."""

    def readable(owner: str, name: str) -> Repository | None:
        repo = api.actions.repositories.get(f"{owner}/{name}")
        if repo:
            grant.require(repo, "issues", "read")
            grant.require(repo, "pull_requests", "read")
        return repo

    try:
        selections = parse_query(str(body.get("query", "")), body.get("variables") or {})
        return {"data": run(selections, schema(readable), ("Query", None))}
    except (QueryError, StopIteration) as error:
        return {"errors": [{"message": str(error)}]}
    except ApiError as error:
        return {"data": None, "errors": [{"type": "FORBIDDEN", "message": str(error)}]}


def _find_pull(api: Api, grant: Grant, node: str) -> tuple[Repository, Issue] | None:
    for name in grant.repositories:
        repo = api.actions.repositories[name]
        for issue in repo.pulls():
            if issue.pull and node_id("PullRequest", issue.pull.id) == node:
                return repo, issue
    return None
