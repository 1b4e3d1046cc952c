"""Records in Redis: each carries the version of its shape, older ones are read, and newer ones are refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from dayhand.errors import LedgerError, NewerRecord
from dayhand.startup.records import dataclass
from dayhand.task import (
    Answered,
    Ask,
    Ending,
    Examined,
    Proposed,
    SetupStep,
    Solution,
    State,
    Task,
    Unfinished,
)
from dayhand.typed_json import NO_ALIASES, Aliases, ShapeError, decode
from dayhand.usage import Limit, LimitHit, Switch, Usage
from dayhand.verification import (
    Concern,
    Finding,
    FormattingOnly,
    RedGreen,
    Scope,
    Verdict,
    Verification,
)

T = TypeVar("T")
UNFINISHED = "unfinished"
KINDS: Mapping[str, type[Ending]] = {
    "proposed": Proposed,
    "answered": Answered,
    "examined": Examined,
    UNFINISHED: Unfinished,
}
DERIVED = ("conclusion", "ready", "minutes", "claims")
VERSION = 1  # raise it with every change of shape, and keep what the older version wrote in the tests
# How version 0, which carried no number, named things.
VERSION_0: Aliases = {
    Ask: {"words": "text"},
    Concern: {"what": "detail"},
    Finding: {"again": "rerun"},
    FormattingOnly: {"places": "ranges", "of": "total"},
    Limit: {"means": "resource", "most": "maximum"},
    LimitHit: {"over": "exceeded"},
    RedGreen: {"idle": "passing_before"},
    Scope: {
        "most_lines": "max_lines",
        "most_files": "max_files",
        "noise": "formatting_only",
        "unspoken": "unmentioned",
    },
    SetupStep: {"why": "reason"},
    Solution: {"account": "summary", "reached": "limit_hit"},
    Switch: {"why": "reason"},
    Usage: {"shares": "by_model"},
    Verdict: {"passes without looking": Verdict.DOES_NOT_TEST},
    Verification: {"reach": "side_effects", "reached": "limit_hit"},
}


@dataclass(frozen=True, slots=True)
class Stored:
    """The data of one record, and the version that it was written in."""

    what: str  # "task", for errors
    version: int
    data: Any

    def decode(self, kind: type[T], data: Any = None) -> T:
        """Read the record, or a part of it, as ``kind``. Raises ``LedgerError``."""
        try:
            return decode(
                kind, self.data if data is None else data, NO_ALIASES if self.version else VERSION_0
            )
        except ShapeError as error:
            raise _unreadable(self.what, error) from error


def pack(fields: Mapping[str, Any]) -> str:
    """The JSON text of a record, with its version."""
    return json.dumps({"version": VERSION, **fields}, ensure_ascii=False)


def unpack(what: str, text: str) -> Stored:
    """Read a record's version. Raises ``NewerRecord`` if a newer version wrote it, or ``LedgerError`` if it is not JSON."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise _unreadable(what, error) from error
    if not isinstance(data, dict):
        return Stored(what, 0, data)
    version = data.pop("version", 0)
    if type(version) is not int or version < 0:
        raise _unreadable(what, ValueError(f"its version is {version!r}"))
    if version > VERSION:
        raise _newer(what, f"it has version {version}, and this Dayhand reads versions up to {VERSION}")
    return Stored(what, version, data)


def _newer(what: str, how: str) -> NewerRecord:
    """The refusal to read a record that a newer version wrote; ``how`` says by what that is seen."""
    return NewerRecord(
        f"A newer version of Dayhand wrote this {what}: {how}.",
        advice="Upgrade every Dayhand process that uses this Redis to the same version.",
    )


def encode_task(task: Task) -> str:
    return pack(asdict(task))


def decode_task(text: str) -> Task:
    """Read a task back. Raises ``LedgerError`` if the record is not a task, or if a newer version wrote it."""
    return unpack("task", text).decode(Task)


def decode_state(text: str) -> State:
    """Read a task's state. Raises ``NewerRecord`` for one that this version does not know."""
    if text not in set(State):
        raise _newer("task", f"its state {text!r} is not known")
    return State(text)


def encode_outcome(outcome: Ending) -> str:
    """An outcome as JSON text: ``kind`` says which one, and the rest is its fields."""
    (kind,) = (name for name, kind in KINDS.items() if isinstance(outcome, kind))
    return pack({"kind": kind, **asdict(outcome)})


def decode_outcome(text: str) -> Ending:
    """Read an outcome back. Raises ``LedgerError`` if it is not an outcome, or if a newer version wrote it."""
    stored = unpack("task's outcome", text)
    data = stored.data if isinstance(stored.data, dict) else {}
    name = data.pop("kind", None if stored.version else UNFINISHED)
    kind = KINDS.get(str(name))
    if kind is None:
        raise _unreadable("task's outcome", ValueError(f"its kind is {name!r}"))
    if not stored.version:  # it also held figures that follow from the others
        data = {field: value for field, value in data.items() if field not in DERIVED}
    return stored.decode(kind, data)


def _unreadable(what: str, error: Exception) -> LedgerError:
    return LedgerError(
        f"A {what} in Redis cannot be read: {error}.",
        advice="Another version of Dayhand may have written it; run one version on one Redis.",
    )
