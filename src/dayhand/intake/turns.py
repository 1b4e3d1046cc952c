"""Which deliveries are handled first: stops, then what belongs to a task or a pull request, then what starts one."""

from __future__ import annotations

import re

from dayhand.intake.events import (
    Clicked,
    Closed,
    Commented,
    Event,
    Labeled,
    Reviewed,
    Unlabeled,
)
from dayhand.ledger.waiting.turns import Class

STOP = re.compile(r"@[\w-]+\W+stop\b", re.IGNORECASE)


def turn_of(event: Event) -> Class:
    """The class of an event. The App's names are not known here, so a “stop” to anybody counts as one to it."""
    match event:
        case Unlabeled() | Closed():
            return Class.BEGUN
        case Commented() if STOP.search(event.text):
            return Class.BEGUN
        case Commented() if event.comment:
            return Class.FOLLOW_UP
        case Reviewed() | Clicked():
            return Class.FOLLOW_UP
        case Labeled() | Commented():
            return Class.FIRST
    return Class.UNREQUESTED
