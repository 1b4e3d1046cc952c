"""Parses and runs a GraphQL query over a table of types, as strict as GitHub: an unknown field is an error.

Fields, arguments, variables and inline fragments: what Dayhand's query needs. https://spec.graphql.org
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

TOKEN = re.compile(r"\.\.\.|[{}():!\[\]]|\$?\w+|\"[^\"]*\"|,|\s+")
MAX_NODES = 100  # of one connection


class QueryError(Exception):
    """GitHub's message for a query that it does not run."""


@dataclass(frozen=True, slots=True)
class Resolver:
    """A field: what it is of an object, and its type; "" for a scalar. A connection demands ``first`` or ``last``."""

    read: Callable[[Any], Any]
    type: str = ""
    connection: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    types: Mapping[str, Mapping[str, Resolver]]
    typename: Callable[[Any], str]  # of a value that may be one of several


@dataclass(slots=True)
class Selection:
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    on: str = ""  # the type of an inline fragment
    selections: list[Selection] = field(default_factory=list)


def parse_query(text: str, variables: Mapping[str, Any]) -> list[Selection]:
    """The selections of one query. Raises ``QueryError``."""
    tokens = [token for token in TOKEN.findall(text) if token.strip(", \n\t")]
    if "".join(TOKEN.findall(text)) != text or not tokens:
        raise QueryError("Parse error on the query")
    if "{" not in tokens or tokens[0] not in ("query", "{"):
        raise QueryError("A query root is missing")
    declared = set(re.findall(r"\$(\w+)\s*:", text))
    if missing := declared - set(variables):
        raise QueryError(f"Variable ${min(missing)} of type was provided invalid value")
    stream = iter(tokens[tokens.index("{") + 1 :])
    return list(_selections(stream, variables))


def _selections(stream: Iterator[str], variables: Mapping[str, Any]) -> Iterator[Selection]:
    last: Selection | None = None
    for token in stream:
        if token == "}":  # noqa: S105 - a token of the query
            if last:
                yield last
            return
        if token == "(" and last:  # noqa: S105
            last.arguments = _arguments(stream, variables)
        elif token == "{" and last:  # noqa: S105
            last.selections = list(_selections(stream, variables))
        else:
            if last:
                yield last
            last = Selection(token)
            if token == "...":  # noqa: S105
                next(stream)  # "on"
                last = Selection("", on=next(stream))
    raise QueryError("Expected one of }, actual: (end of query)")


def _arguments(stream: Iterator[str], variables: Mapping[str, Any]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for name in stream:
        if name == ")":
            break
        next(stream)  # ":"
        value = next(stream)
        if value.startswith("$"):
            arguments[name] = variables[value[1:]]
        else:
            arguments[name] = int(value) if value.isdigit() else value.strip('"')
    return arguments


def run(selections: list[Selection], schema: Schema, of: tuple[str, Any]) -> dict[str, Any]:
    """The values of the selected fields of an object; ``of`` is its type and itself. Raises ``QueryError``."""
    value = of[1]
    found: dict[str, Any] = {}
    for selection in selections:
        if selection.on:
            if selection.on not in schema.types:
                raise QueryError(f"No such type {selection.on}, so it can't be a fragment condition")
            if schema.typename(value) == selection.on:
                found |= run(selection.selections, schema, (selection.on, value))
        elif selection.name == "__typename":
            found["__typename"] = schema.typename(value)
        else:
            found[selection.name] = _field(selection, schema, of)
    return found


def _field(selection: Selection, schema: Schema, of: tuple[str, Any]) -> Any:
    name, value = of
    resolver = schema.types.get(name, {}).get(selection.name)
    if resolver is None:
        raise QueryError(f"Field '{selection.name}' doesn't exist on type '{name}'")
    if bool(resolver.type) != bool(selection.selections):
        not_any = "" if resolver.type else " not"
        raise QueryError(f"Field '{selection.name}' must{not_any} have selections")
    if resolver.connection:
        return _connection(selection, list(resolver.read(value)), schema, of=resolver.type)
    result = resolver.read((value, selection.arguments) if selection.arguments else value)
    return run(selection.selections, schema, (resolver.type, result)) if resolver.type and result else result


def _connection(selection: Selection, items: list[Any], schema: Schema, *, of: str) -> dict[str, Any]:
    first, last = selection.arguments.get("first"), selection.arguments.get("last")
    size, name = first or last, selection.name
    if size is None:
        raise QueryError(
            f"You must provide a `first` or `last` value to properly paginate the `{name}` connection."
        )
    if not 0 < size <= MAX_NODES:
        raise QueryError(
            f"Requesting {size} records on the `{name}` connection exceeds the limit of {MAX_NODES} records."
        )
    found: dict[str, Any] = {}
    for inner in selection.selections:
        if inner.name == "totalCount":
            found["totalCount"] = len(items)
        elif inner.name == "nodes":
            shown = items[:size] if first else items[-size:]
            found["nodes"] = [run(inner.selections, schema, (of, one)) for one in shown]
        else:
            raise QueryError(f"Field '{inner.name}' doesn't exist on type '{of}Connection'")
    return found
