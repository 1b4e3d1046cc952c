"""What a change will probably take, from the finished ones of the same repository."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from dayhand.ledger.ledger import Record
from dayhand.task import Proposed

NO_HISTORY = "There is no estimate: no change of mine is finished in this repository yet."


def estimate(records: Iterable[Record], repository: str) -> str:
    """A sentence with the median minutes and dollars; the price is left out where one is unknown."""
    finished = [
        (record, record.outcome)
        for record in records
        if record.task.repository == repository and isinstance(record.outcome, Proposed)
    ]
    if not finished:
        return NO_HISTORY
    minutes = max(
        1, round(median((record.updated_at - record.task.created_at) / 60 for record, _ in finished))
    )
    prices = [outcome.solution.usage.dollars for _, outcome in finished]
    known = [price for price in prices if price is not None]
    price = f" and ${median(known):.2f}" if len(known) == len(prices) else ""
    count = f"{len(finished)} finished change{'' if len(finished) == 1 else 's'}"
    time = f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"Estimate: {time}{price}, the median of {count} in this repository."
