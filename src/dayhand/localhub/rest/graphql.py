"""GraphQL: queries, and mutations."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from dayhand.localhub.errors import ApiError
from dayhand.localhub.rest.api import Api, request_body
from dayhand.localhub.rest.graphql_mutations import run_mutations
from dayhand.localhub.rest.graphql_query import QueryError, parse_query, run
from dayhand.localhub.rest.graphql_types import schema
from dayhand.localhub.state.models import Repository
from dayhand.localhub.tokens import Grant


def graphql(api: Api) -> Blueprint:
    """``POST /api/graphql``: mark a pull request as ready for review, or convert it to a draft."""
    blueprint = Blueprint("graphql", __name__)

    @blueprint.post("/api/graphql")
    def run_query() -> ResponseReturnValue:
        body = request_body()
        query = str(body.get("query", ""))
        try:
            grant = api.tokens.grant(api.authorization())
            api.limits.count(api.client(), request.method, request.path, query=query)
        except ApiError as error:
            return jsonify(message=str(error)), error.status, error.headers
        return jsonify(run_mutations(api, grant, body) if is_mutation(query) else _answer(api, grant, body))

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


def is_mutation(query: str) -> bool:
    return query.lstrip().startswith("mutation")
