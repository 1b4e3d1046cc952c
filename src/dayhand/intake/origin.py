"""Who caused an event, where, and what it asks: the same whichever delivery says it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from dayhand.intake import grammar
from dayhand.intake.events import (
    BranchPushed,
    Clicked,
    Commented,
    Event,
    Ignored,
    Labeled,
    Pushed,
    RepositoriesAdded,
    RepositoriesRemoved,
    Reviewed,
)
from dayhand.ledger.deliveries import RequestKey
from dayhand.startup.records import dataclass


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


@dataclass(frozen=True, slots=True)
class Triggers:
    """What starts a task."""

    label: str
    names: Callable[[], Sequence[str]]  # that a comment may mention


def request_key(event: Event, triggers: Triggers) -> RequestKey | None:
    """What an event asks for with a label, a command or a review; None if it is none of them."""
    match event:
        case Labeled() if event.label == triggers.label and not event.by_bot:
            subject = event.subject
            at = datetime.fromisoformat(subject.updated_at) if subject.updated_at else datetime.now(UTC)
            return RequestKey(f"label {subject.repository_id}#{subject.number}", int(at.timestamp()))
        case Commented() if not event.by_bot and (commands := grammar.read(event.text, triggers.names())):
            if event.comment:
                return comment_key(event.comment, commands)
            return _key(f"text {event.subject.repository_id}#{event.subject.number}", commands)
        case Reviewed() if not event.by_bot:
            return review_key(event.review, grammar.read(event.text, triggers.names()))
    return None


Commands: TypeAlias = tuple[grammar.Command, ...] | grammar.Misspelt


def review_key(review: int, commands: Commands) -> RequestKey:
    """What a review asks: with or without a command, it is one request."""
    return _key(f"review {review}", commands)


def comment_key(comment: int, commands: Commands) -> RequestKey:
    """What a comment asks. An edit that does not change its commands asks for the same."""
    return _key(f"comment {comment}", commands)


def _key(where: str, commands: Commands) -> RequestKey:
    said = (
        commands.hint
        if isinstance(commands, grammar.Misspelt)
        else repr([(command.verb.NAME, command.text) for command in commands])
    )
    return RequestKey(f"{where} {hashlib.sha256(said.encode()).hexdigest()[:16]}")
