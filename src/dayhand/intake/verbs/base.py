"""The contract of a verb. A module satisfies it; `table.py` lists them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dayhand.hub.client import Hub
from dayhand.intake.events import Commented, Subject
from dayhand.intake.refusals import Refusal
from dayhand.ledger.ledger import Ledger
from dayhand.task import Ask, TaskKind


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of a delivery. ``reason`` says why there is no new task."""

    task: str | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """What is asked, and of which issue or pull request."""

    subject: Subject
    ask: Ask
    source: str = ""  # the comment as it was written


class VerbContext(Protocol):
    """What a verb can do: ``dispatch.Dispatcher``."""

    @property
    def ledger(self) -> Ledger: ...

    @property
    def hub(self) -> Hub: ...

    def open_task(self, request: TaskRequest, delivery: str) -> Decision:
        """Open the task once, if the person may start one; else reply with the reason. Raises ``HubError``."""

    def refuse(self, subject: Subject, login: str, refusal: Refusal) -> None:
        """Reply to a person on the issue. Raises ``HubError``."""


class Verb(Protocol):
    """One command. Constants of a module are enough for the attributes."""

    NAME: str  # the word that a person writes; "" for the verb that takes every other text
    ARGUMENT: str  # a pattern of the one word that may follow it where it must be alone; "(?!)" for none
    ALONE: bool  # whether the word must be alone: “accept only numbers” is a request to change something

    def act(self, comment: Commented, text: str, *, delivery: str, context: VerbContext) -> Decision:
        """Do what the comment asks. ``text`` is what follows the mention. Raises ``HubError``."""


def task_request(
    subject: Subject, kind: TaskKind, text: str, *, asker: str, comment: int | None, source: str = ""
) -> TaskRequest:
    """What a label (``comment`` is None) or a comment asks."""
    return TaskRequest(subject, Ask(kind, text, asker, comment), source)


def accept_request(comment: Commented, text: str, *, accepts: str) -> TaskRequest:
    """Push what the task ``accepts`` held back."""
    ask = Ask(TaskKind.ACCEPT, text, comment.sender, comment.comment, accepts)
    return TaskRequest(comment.subject, ask, comment.text)
