"""The states of a task, and the legal transitions between them."""

from __future__ import annotations

from dayhand.errors import LedgerError
from dayhand.task import State

LEGAL: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.STOPPED, State.FAILED}),
    State.RUNNING: frozenset(
        {State.QUEUED, State.RUNNING, State.PROPOSED, State.ANSWERED, State.FAILED, State.STOPPED}
    ),
    State.PROPOSED: frozenset(),
    State.ANSWERED: frozenset(),
    State.FAILED: frozenset({State.QUEUED}),
    State.STOPPED: frozenset({State.QUEUED}),
}
UNFINISHED = frozenset({State.QUEUED, State.RUNNING})


def before(new: State) -> tuple[State, ...]:
    """The states that may become ``new``; Redis itself checks this."""
    return tuple(old for old in State if new in LEGAL[old])


def check(old: State, new: State) -> None:
    """Raise ``LedgerError`` unless a task in ``old`` may become ``new``."""
    if new not in LEGAL[old]:
        legal = ", ".join(sorted(LEGAL[old])) or "nothing, because it is over"
        raise LedgerError(f"A task that is {old} cannot become {new}; it may become {legal}.")
