"""What a person reads about a task that waits."""

from __future__ import annotations

from dayhand.ledger.waiting.places import Place
from dayhand.ledger.waiting.waiting_tasks import MAX_PLACES

MINUTE, HOUR = 60.0, 3600.0


def describe(place: Place) -> str:
    """The place in the queue, the estimate, and what keeps tasks from starting.

    >>> describe(Place(3, 44, (240.0, 540.0)))
    'Place 3 of 44 in the queue. It will probably start in 4 to 9 minutes.'
    """
    number, waiting = f"{place.number:,}", f"{place.waiting:,}"
    parts = [
        f"Place {number} of {waiting} in the queue."
        if place.number
        else f"Behind the first {MAX_PLACES} of {waiting} tasks in the queue."
    ]
    if place.starts_in and not place.shortages:
        parts.append(f"It will probably start {_range(*place.starts_in)}.")
    parts += [f"A machine takes no tasks at the moment: {shortage}" for shortage in place.shortages]
    return " ".join(parts)


def _range(low: float, high: float) -> str:
    """When something begins, from ``low`` to ``high`` seconds from now.

    >>> _range(5, 50), _range(70, 80), _range(60, 300), _range(5400, 20000)
    ('within a minute', 'in about a minute', 'in 1 to 5 minutes', 'in 2 to 6 hours')
    """
    if high <= MINUTE:
        return "within a minute"
    unit, name = (HOUR, "hour") if high > 2 * HOUR else (MINUTE, "minute")
    first, last = round(low / unit), round(high / unit)
    if first == last:
        return (
            f"in about {'an' if name == 'hour' else 'a'} {name}" if last == 1 else f"in about {last} {name}s"
        )
    return (
        f"in {first} to {last} {name}s"
        if first
        else f"within {last} {name}s"
        if last > 1
        else f"within a {name}"
    )
