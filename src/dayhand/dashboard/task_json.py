"""A task as JSON: what scripts rely on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from dayhand.ledger import facts
from dayhand.ledger.ledger import Record
from dayhand.task import Answered, Ending, Examined, HeldBack, Proposed, Unfinished


def task_json(record: Record) -> dict[str, Any]:
    snapshot = record.fact(facts.SNAPSHOT)
    return {
        "id": record.task.id,
        "repository": record.task.repository,
        "number": record.task.number,
        "title": record.task.title,
        "kind": record.task.ask.kind,
        "asker": record.task.ask.asker,
        "state": record.state,
        "stage": record.stage,
        "stages": [asdict(stage) for stage in record.stages],
        "created_at": record.task.created_at,
        "updated_at": record.updated_at,
        "reason": record.reason,
        "facts": _facts(record.facts),
        "blocked": [asdict(blocked) for blocked in record.fact(facts.BLOCKED) or ()],
        "held_back": _held_back(record.fact(facts.HELD_BACK)),
        "hidden_text": [asdict(dropped) for dropped in record.fact(facts.HIDDEN_TEXT) or ()],
        "snapshot": [asdict(text) for text in snapshot.texts] if snapshot else [],
        "instructions": [asdict(file) for file in record.fact(facts.INSTRUCTIONS) or ()],
        "outcome": _outcome(record.outcome, (record.updated_at - record.task.created_at) / 60)
        if record.outcome
        else None,
    }


def _held_back(held_back: HeldBack | None) -> dict[str, Any] | None:
    """What waits for a person, without the objects that only a worker can use."""
    if held_back is None:
        return None
    return {name: value for name, value in asdict(held_back).items() if name not in ("pack", "tree")}


def _facts(values: Mapping[str, str]) -> dict[str, str]:
    found = (
        (fact.name, values.get(fact.name, values.get(fact.old_name)))
        for fact in facts.ALL
        if not fact.own_place
    )
    return {name: value for name, value in found if value is not None}


def _outcome(outcome: Ending, minutes: float) -> dict[str, Any]:
    """The fields of an outcome, its kind, and what follows from them."""
    data = asdict(outcome)
    match outcome:
        case Proposed():
            return {
                "kind": "proposed",
                **data,
                "conclusion": outcome.verification.conclusion.status,
                "minutes": minutes,
            }
        case Answered():
            return {"kind": "answered", **data, "minutes": minutes}
        case Examined():
            return {"kind": "examined", **data, "ready": outcome.ready, "minutes": minutes}
        case Unfinished():
            return data
