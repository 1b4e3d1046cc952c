"""Tasks and outcomes as JSON, and back: strict, so that a record of another version is refused and not guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from dayhand.errors import LedgerError
from dayhand.task import Answered, Ask, Kind, Outcome, Proposed, Task


def encode_task(task: Task) -> str:
    return json.dumps(asdict(task), ensure_ascii=False)


def decode_task(text: str) -> Task:
    """Read a task back. Raises ``LedgerError`` where the record is not one of ours."""
    try:
        fields = json.loads(text)
        ask = fields.pop("ask")
        return Task(ask=Ask(**{**ask, "kind": Kind(ask["kind"])}), **fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LedgerError(
            f"A task in Redis cannot be read: {error}.",
            advice="Another version of Dayhand wrote it; run one version on one Redis.",
        ) from error


def encode_outcome(outcome: Outcome) -> Mapping[str, Any]:
    """An outcome as plain JSON data, for pages and scripts."""
    match outcome:
        case Proposed():
            fields = asdict(outcome)
            fields["conclusion"] = outcome.verification.conclusion
            return {"kind": "proposed", **fields}
        case Answered():
            return {"kind": "answered", **asdict(outcome)}
