"""Tasks and outcomes as JSON, and back: strict, so that a record of another version is refused and not guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from enum import StrEnum
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from dayhand.errors import LedgerError
from dayhand.task import Answered, Examined, Outcome, Proposed, Task

T = TypeVar("T")


def encode_task(task: Task) -> str:
    return json.dumps(asdict(task), ensure_ascii=False)


def decode_task(text: str) -> Task:
    """Read a task back. Raises ``LedgerError`` where the record is not one of ours."""
    try:
        return _read(Task, json.loads(text))
    except (ValueError, TypeError) as error:
        raise _unreadable("task", error) from error


def encode_outcome(outcome: Outcome) -> Mapping[str, Any]:
    """An outcome as plain JSON data, for pages and scripts: ``kind`` says which, the rest is its fields."""
    match outcome:
        case Proposed():
            return {"kind": "proposed", **asdict(outcome), "conclusion": outcome.verification.conclusion}
        case Answered():
            return {"kind": "answered", **asdict(outcome)}
        case Examined():
            return {"kind": "examined", **asdict(outcome), "ready": outcome.ready}


def decode_outcome(data: Mapping[str, Any]) -> Outcome:
    """Read an outcome back from what ``encode_outcome`` gave. Raises ``LedgerError`` where it is not one of ours."""
    kinds: dict[str, type[Outcome]] = {"proposed": Proposed, "answered": Answered, "examined": Examined}
    try:
        kind = kinds[data["kind"]]
        return _read(kind, {field.name: data[field.name] for field in fields(kind)})
    except (ValueError, TypeError, KeyError) as error:
        raise _unreadable("task's outcome", error) from error


def _read(kind: type[T], data: Any) -> T:
    """Build a dataclass from JSON data, every name and type checked. Raises ``TypeError`` or ``ValueError``."""
    if not isinstance(data, dict):
        raise TypeError(f"{kind.__name__} is not an object")
    hints = get_type_hints(kind)
    if unknown := data.keys() - hints.keys():
        raise TypeError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    return kind(
        **{name: _value(hints[name], value, f"{kind.__name__}.{name}") for name, value in data.items()}
    )


def _value(hint: Any, value: Any, place: str) -> Any:
    if isinstance(hint, UnionType):  # the nouns know only "something or None"
        some = next(part for part in get_args(hint) if part is not type(None))
        return None if value is None else _value(some, value, place)
    if get_origin(hint) is tuple and isinstance(value, list | tuple):
        return tuple(_value(get_args(hint)[0], item, place) for item in value)
    if is_dataclass(hint) and isinstance(hint, type):
        return _read(hint, value)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise TypeError(f"{place} is {value!r}")
    return value


def _unreadable(what: str, error: Exception) -> LedgerError:
    return LedgerError(
        f"A {what} in Redis cannot be read: {error}.",
        advice="Another version of Dayhand wrote it; run one version on one Redis.",
    )
