"""Decides on an event: a task is opened once, or the person reads why not."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from dayhand.hub.client import Hub
from dayhand.intake import grammar
from dayhand.intake.acceptance import accept
from dayhand.intake.events import Commented, Event, Ignored, Labeled, Where
from dayhand.intake.permission import may_ask
from dayhand.ledger.ledger import Ledger
from dayhand.task import Ask, Kind, Task

ID_BYTES = 5


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a delivery. ``reason`` says why there is no new task."""

    task: str | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """An ask, and where it stands."""

    where: Where
    ask: Ask
    meaning: str  # what makes two wishes the same


@dataclass(frozen=True, slots=True)
class Desk:
    """Takes events in. ``refuse`` tells a person, on the issue, why nothing happens and what to do."""

    ledger: Ledger
    hub: Hub
    enqueue: Callable[[str], None]
    refuse: Callable[[Where, str, str, str], None]  # where, asker, reason, advice
    label: str
    handles: Sequence[str]
    clock: Callable[[], float] = time.time

    def decide(self, event: Event, delivery: str) -> Decision:
        """Open a task, or say why not. Raises ``HubError``, in which case nothing was written."""
        match event:
            case Ignored():
                return Decision(None, event.reason)
            case Labeled():
                return self._labeled(event, delivery)
            case Commented():
                return self._commented(event, delivery)
            case _:
                assert_never(event)

    def _labeled(self, event: Labeled, delivery: str) -> Decision:
        if event.label != self.label:
            return Decision(None, f"the label “{event.label}” is not “{self.label}”")
        if event.by_bot:
            return Decision(None, f"{event.sender} is a bot")
        text = f"{event.where.title}\n\n{event.where.body}".strip()
        return self._open(_wish(event.where, Ask(Kind.FIX, text, event.sender)), delivery)

    def _commented(self, event: Commented, delivery: str) -> Decision:
        if event.by_bot:
            return Decision(None, f"{event.sender} is a bot")
        understood = grammar.read(event.words, [*self.handles, self.hub.slug()])
        match understood:
            case None:
                return Decision(None, "nobody speaks to Dayhand")
            case grammar.Unclear(hint):
                if may_ask(
                    self.hub.repository(event.where.installation, event.where.repository).talking(),
                    event.sender,
                ):
                    self.refuse(event.where, event.sender, "I could not tell what to do.", hint)
                return Decision(None, hint)
            case grammar.Accept():
                return self._accept(event)
            case grammar.Command(kind, words):
                ask = Ask(kind, words, event.sender, event.comment)
                return self._open(_wish(event.where, ask), delivery)

    def _may(self, where: Where, login: str) -> bool:
        hub = self.hub.repository(where.installation, where.repository).talking()
        try:
            return may_ask(hub, login)
        finally:
            hub.close()

    def _accept(self, event: Commented) -> Decision:
        """A person with write access stands for a change that alters its own checks. May come twice."""
        where, who = event.where, event.sender
        hub = self.hub.repository(where.installation, where.repository)
        try:
            if not may_ask(hub, who):
                reason = "Only people with write access to this repository can accept that."
                self.refuse(where, who, reason, "Ask one of them to look.")
                return Decision(None, f"{who} may not write to {where.repository}")
            if not accept(hub, self.ledger, where, who):
                reason = "Nothing waits to be accepted here."
                self.refuse(where, who, reason, "It is for a pull request of mine that I held back.")
                return Decision(None, "nothing waits to be accepted")
            hub.react(where.number, event.comment, "+1")
        finally:
            hub.close()
        return Decision(None, f"accepted by {who}")

    def _open(self, wish: Wish, delivery: str) -> Decision:
        where, ask = wish.where, wish.ask
        hub = self.hub.repository(where.installation, where.repository).talking()
        try:
            if not may_ask(hub, ask.asker):
                reason = "Only people with write access to this repository can set me to work."
                self.refuse(
                    where, ask.asker, reason, "Ask one of them to add the label or to write the comment."
                )
                return Decision(None, f"{ask.asker} may not write to {where.repository}")
            if not says_something(where):
                reason = "The issue does not say what is wrong: its title and text have no words in them."
                self.refuse(
                    where, ask.asker, reason, "Write what happens and what should happen, then ask again."
                )
                return Decision(None, "the issue has no text")
            task = self._task(wish)
            opened = self.ledger.open(task, delivery=delivery, meaning=wish.meaning)
            # Even where the task was there: its job may have been lost between the two steps, and waking twice is free.
            self.enqueue(opened.task_id)
            hub.react(where.number, ask.comment, "eyes")
        finally:
            hub.close()
        return Decision(opened.task_id, "" if opened.fresh else "this task was there already")

    def _task(self, wish: Wish) -> Task:
        where = wish.where
        return Task(
            id=secrets.token_hex(ID_BYTES),
            repository=where.repository,
            installation=where.installation,
            number=where.number,
            title=where.title,
            body=where.body,
            ask=wish.ask,
            default_branch=where.default_branch,
            created_at=self.clock(),
            clone_url=where.clone_url,
        )


def says_something(where: Where) -> bool:
    """Whether there is a word to work from: an issue of blanks and dashes asks nothing."""
    return bool(re.search(r"\w{2,}", f"{where.title}\n{where.body}"))


def _wish(where: Where, ask: Ask) -> Wish:
    """A fix means the same however it was asked for; each question is one of its own."""
    suffix = "fix" if ask.kind is Kind.FIX else f"comment-{ask.comment}"
    return Wish(where, ask, f"{where.repository}#{where.number}:{suffix}")
