"""Workers that die at a moment of the story's choice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dayhand.ledger.ledger import Claim
from dayhand.ledger.log import Note
from dayhand.publish.base import Publication
from dayhand.task import Task
from dayhand.wiring import GitHubServices
from tests.journey.harness import Harness

Moment = Callable[[Note], bool]


def begins(stage: str, times: int = 1) -> Moment:
    """The moment when a stage begins, for the so many-th time in one worker's life."""
    left = [times]

    def now(note: Note) -> bool:
        left[0] -= (note.kind, note.stage) == ("stage", stage)
        return left[0] == 0

    return now


class DyingAt:
    """A workshop whose worker dies at a moment."""

    def __init__(self, workshop: GitHubServices, moment: Moment) -> None:
        self.workshop = workshop
        self.moment = moment
        self.tools = workshop.tools

    @contextmanager
    def publication(self, task: Task, claim: Claim) -> Iterator[Publication]:
        with self.workshop.publication(task, claim) as whole:
            yield Dying(whole, self.moment)  # type: ignore[misc]


class Dying:
    """A publication that is the last thing its worker sees."""

    def __init__(self, whole: Publication, moment: Moment) -> None:
        self._whole = whole
        self._moment = moment

    def __getattr__(self, name: str) -> object:
        return getattr(self._whole, name)

    def progress(self, note: Note) -> None:
        if self._moment(note):
            raise KeyboardInterrupt
        self._whole.progress(note)


def wait_for_lease(harness: Harness, task_id: str) -> None:
    """Wait until the dead worker's lease has run out."""
    ends = time.monotonic() + 10
    while task_id not in harness.ledger.abandoned():
        assert time.monotonic() < ends, "the lease never ran out"
        threading.Event().wait(0.02)
