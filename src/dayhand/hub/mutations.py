"""Several changes in one request: GitHub counts a GraphQL request once, however many mutations it has.

https://docs.github.com/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dayhand.errors import HubError, HubUnavailable
from dayhand.hub.failures import Failure, failure_of_status
from dayhand.startup.records import dataclass

STATUS = {"FORBIDDEN": 403, "NOT_FOUND": 404, "RATE_LIMITED": 429}
INVALID = 422
RESULTS = {
    "createCheckRun": "checkRun { id databaseId url }",
    "updateCheckRun": "checkRun { id databaseId url }",
}


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change. A ``courtesy`` that GitHub refuses does not decide about the task."""

    name: str
    input: Mapping[str, Any]
    courtesy: bool = False


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of one mutation: its result, or why it was refused."""

    mutation: Mutation
    result: Mapping[str, Any]
    refusal: str = ""


def request_for(mutations: Sequence[Mutation]) -> dict[str, Any]:
    """One request with all of them, in their order."""
    names = [f"m{number}" for number in range(len(mutations))]
    declared = ", ".join(
        f"${name}: {one.name[0].upper()}{one.name[1:]}Input!"
        for name, one in zip(names, mutations, strict=True)
    )
    fields = " ".join(
        f"{name}: {one.name}(input: ${name}) {{ {RESULTS.get(one.name, 'clientMutationId')} }}"
        for name, one in zip(names, mutations, strict=True)
    )
    variables = {name: dict(one.input) for name, one in zip(names, mutations, strict=True)}
    return {"query": f"mutation({declared}) {{ {fields} }}", "variables": variables}


def read_changes(mutations: Sequence[Mutation], answer: Mapping[str, Any]) -> tuple[Changed, ...]:
    """What came of each. Raises ``HubError`` if one that is no courtesy was refused, ``HubUnavailable`` at a limit."""
    data, errors = answer.get("data") or {}, answer.get("errors") or []
    refusals: dict[str, str] = {}
    for error in errors:
        message, status = str(error.get("message", "no reason given")), STATUS.get(error.get("type"), INVALID)
        if failure_of_status(status, message) is Failure.LIMIT:
            raise HubUnavailable(f"GitHub's rate limit is used up: {message}", status=status)
        name = str((error.get("path") or [""])[0])
        if not name:  # the request as a whole
            raise HubError(f"GitHub refused a request: {message}", status=status)
        mutation = mutations[int(name[1:])]
        if not mutation.courtesy:
            raise HubError(f"GitHub refused {mutation.name}: {message} ({status}).", status=status)
        refusals[name] = message
    return tuple(
        Changed(one, data.get(f"m{number}") or {}, refusals.get(f"m{number}", ""))
        for number, one in enumerate(mutations)
    )
