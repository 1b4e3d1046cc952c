"""Who caused an event, and where: for logs and the audit log."""

from __future__ import annotations

from dataclasses import dataclass

from dayhand.intake.events import (
    BranchPushed,
    Clicked,
    Event,
    Ignored,
    Pushed,
    RepositoriesAdded,
    RepositoriesRemoved,
)


@dataclass(frozen=True, slots=True)
class Origin:
    """The empty values mean that the event does not say."""

    sender: str = ""
    repository: str = ""
    number: int = 0  # of the issue or pull request
    installation: int = 0


def origin_of(event: Event) -> Origin:
    match event:
        case Ignored():
            return Origin()
        case Clicked():
            return Origin(event.sender, event.repository, event.pull, event.installation)
        case RepositoriesAdded() | RepositoriesRemoved():
            return Origin(event.sender, "", 0, event.installation)
        case Pushed():
            return Origin(event.sender, event.repository, 0, event.installation)
        case BranchPushed():
            return Origin(event.sender, event.repository)
        case _:
            subject = event.subject
            return Origin(event.sender, subject.repository, subject.number, subject.installation)
