"""The contract of a verb. A module satisfies it; `table.py` lists them all."""

from __future__ import annotations

import re
from collections import Counter
from typing import Protocol

from dayhand.hub.client import Hub
from dayhand.intake import intent
from dayhand.intake.events import Commented, Subject
from dayhand.intake.refusals import Refusal
from dayhand.intake.terms import Terms, read_terms
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.thread import Thread
from dayhand.startup.records import dataclass
from dayhand.task import Ask, TaskKind
from dayhand.visible_text.markdown import visible

MAX_COMMENT_CHARS = 20_000
WHOLE_COMMENT = "The whole comment:"


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of a delivery. ``reason`` says why there is no new task."""

    task: str | None
    reason: str = ""
    asks: bool = True  # False: nobody asked Dayhand for anything


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """What is asked, and of which issue or pull request."""

    subject: Subject
    ask: Ask
    source: str = ""  # the comment as it was written


@dataclass(frozen=True, slots=True)
class Instruction:
    """One command, and where it was written."""

    comment: Commented
    text: str  # what was written to Dayhand, as it was written
    delivery: str


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

    def set_limits(self, task: str, request: TaskRequest) -> None:
        """Change the limits of an unfinished task to those of the request, which its model reads as well."""

    def answer(self, comment: Commented, text: str, *, links: str = "") -> None:
        """Reply to one comment, without a task. ``links``: our own Markdown. Raises ``HubError``."""

    def react(self, comment: Commented, content: str) -> None:
        """React to the comment. Raises ``HubError``."""

    def is_allowed(self, comment: Commented) -> bool:
        """Whether the writer has write access. Raises ``HubError``."""


class Verb(Protocol):
    """One command. Constants of a module are enough for the attributes."""

    NAME: str  # the word that a person writes, also in `languages/`; "" if there is none
    PATTERN: str  # of the whole text that means this verb, besides the words of `languages/`, in lower case

    def act(self, instruction: Instruction, context: VerbContext) -> Decision:
        """Do what the comment asks. Raises ``HubError``."""


def task_request(
    subject: Subject, kind: TaskKind, text: str, *, asker: str, comment: int | None, source: str = ""
) -> TaskRequest:
    """What a label (``comment`` is None) or a comment asks."""
    terms = read_terms(text) if comment or source else Terms()
    ask = Ask(
        kind,
        text + comment_beside(text, source),
        asker,
        comment,
        max_dollars=terms.dollars or 0.0,
        max_minutes=terms.minutes or 0.0,
        on_pull=subject.is_pull,
        base=terms.base,
    )
    return TaskRequest(subject, ask, source)


def comment_beside(text: str, comment: str) -> str:
    """The whole comment of a command, where it says more: before the mention, in a quote or in a code block; else ""."""
    comment = visible(comment).text
    rest = " ".join(_words(comment) - _words(text))
    if intent.only_courtesy(rest):
        return ""
    cut = "\n(cut here: the comment is longer)" if len(comment) > MAX_COMMENT_CHARS else ""
    return f"\n\n{WHOLE_COMMENT}\n\n{comment[:MAX_COMMENT_CHARS]}{cut}"


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"[^\W_]+", re.sub(r"@[\w-]+", " ", text)))


def find_thread(context: VerbContext, subject: Subject) -> Thread:
    """The thread of an issue or pull request."""
    threads = context.ledger.threads
    return threads.find(threads.find_key(subject.repository_id, subject.number))


def open_task(instruction: Instruction, kind: TaskKind, context: VerbContext) -> Decision:
    """Open a task of this kind for a comment. Raises ``HubError``."""
    comment = instruction.comment
    request = task_request(
        comment.subject,
        kind,
        instruction.text,
        asker=comment.sender,
        comment=comment.comment,
        source=comment.text,
    )
    return context.open_task(request, instruction.delivery)


def accept_request(comment: Commented, text: str, *, accepts: str) -> TaskRequest:
    """Push what the task ``accepts`` held back."""
    ask = Ask(TaskKind.ACCEPT, text, comment.sender, comment.comment, accepts)
    return TaskRequest(comment.subject, ask, comment.text)
