"""Workers that crash at a chosen moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dayhand.ledger.ledger import Claim
from dayhand.ledger.log import Note
from dayhand.publish.base import Publication
from dayhand.task import Task
from dayhand.wiring.github import GitHubServices
from tests.journey.harness import Harness
from tests.tasks import find_abandoned
from tests.waiting import until

Moment = Callable[[Note], bool]


def begins(stage: str, times: int = 1) -> Moment:
    """True when a stage begins for the ``times``-th time in one worker."""
    left = [times]

    def now(note: Note) -> bool:
        left[0] -= (note.kind, note.stage) == ("stage", stage)
        return left[0] == 0

    return now


class CrashingWorkshop:
    """A workshop whose worker crashes at ``moment``."""

    def __init__(self, workshop: GitHubServices, moment: Moment) -> None:
        self.workshop = workshop
        self.moment = moment
        self.tools = workshop.tools
        self.notify = workshop.notify

    @contextmanager
    def publication(self, task: Task, claim: Claim) -> Iterator[Publication]:
        with self.workshop.publication(task, claim) as inner:
            yield CrashingPublication(inner, self.moment)  # type: ignore[misc]


class CrashingPublication:
    """A publication that crashes its worker at ``moment``."""

    def __init__(self, inner: Publication, moment: Moment) -> None:
        self._inner = inner
        self._moment = moment

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def progress(self, note: Note) -> None:
        if self._moment(note):
            raise KeyboardInterrupt
        self._inner.progress(note)


def wait_for_lease(harness: Harness, task_id: str) -> None:
    """Wait until the crashed worker's lease has expired."""
    until(lambda: task_id in find_abandoned(harness.ledger), "that the lease expired")
