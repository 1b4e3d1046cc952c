"""Decides on an event: a task is opened once, or the person reads why not."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import assert_never

from dayhand.hub.client import Hub
from dayhand.hub.repository import RepositoryHub
from dayhand.intake import grammar
from dayhand.intake.acceptance import accept
from dayhand.intake.events import Commented, Event, Ignored, Labeled, Pushed, RepositoriesAdded, Subject
from dayhand.intake.permission import may_ask
from dayhand.ledger.ledger import Ledger, Opened
from dayhand.ledger.queue import UNREQUESTED
from dayhand.task import Ask, Task, TaskKind

ID_BYTES = 5
WAITING = "an examination of this repository waits already; it will see this push"


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a delivery. ``reason`` says why there is no new task."""

    task: str | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """An ask, and where it stands."""

    where: Subject
    ask: Ask
    meaning: str  # what makes two wishes the same


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Takes events in. ``refuse`` tells a person, on the issue, why nothing happens and what to do."""

    ledger: Ledger
    hub: Hub
    enqueue: Callable[[str], None]
    refuse: Callable[[Subject, str, str, str], None]  # where, asker, reason, advice
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
            case RepositoriesAdded():
                return self._granted(event, delivery)
            case Pushed():
                where = _nowhere(event.repository, event.installation, event)
                opened = self._examine(where, event.sender, "Set-up files changed.", delivery=delivery)
                return Decision(opened.task_id, "" if opened.fresh else WAITING)
            case _:
                assert_never(event)

    def _granted(self, event: RepositoriesAdded, delivery: str) -> Decision:
        """Look at each repository that is new to us. May come twice: what was opened before is found again."""
        for name in event.repositories:
            where = _nowhere(name, event.installation)
            self._examine(where, event.sender, "Dayhand was let in.", delivery=f"{delivery}:{name}")
        return Decision(None, f"{len(event.repositories)} repositories are looked at")

    def _examine(self, where: Subject, sender: str, why: str, *, delivery: str) -> Opened:
        """Open an examination that nobody asked for in words: at most one of a repository waits."""
        wish = TaskRequest(where, Ask(TaskKind.ENVIRONMENT, why, sender), f"{where.repository}:environment")
        opened = self.ledger.open(self._task(wish), delivery=delivery, meaning=wish.meaning)
        self.enqueue(opened.task_id)
        return opened

    def _labeled(self, event: Labeled, delivery: str) -> Decision:
        if event.label != self.label:
            return Decision(None, f"the label “{event.label}” is not “{self.label}”")
        if event.by_bot:
            return Decision(None, f"{event.sender} is a bot")
        if event.where.is_pull:
            return self._labeled_pull(event)
        text = f"{event.where.title}\n\n{event.where.body}".strip()
        return self._open(_wish(event.where, Ask(TaskKind.FIX, text, event.sender)), delivery)

    def _labeled_pull(self, event: Labeled) -> Decision:
        """A pull request does not say what is to be done: whoever labels it is told how to say so."""
        with closing(self._talking(event.where)) as hub:
            if self._admit(hub, event.where, event.sender):
                reason = "A label on a pull request does not say what to do."
                advice = f"Write it in a comment: “@{self.hub.slug()} …”, a change that you wish for or a question."
                self.refuse(event.where, event.sender, reason, advice)
        return Decision(None, "a label on a pull request does not say what to do")

    def _commented(self, event: Commented, delivery: str) -> Decision:
        if event.by_bot:
            return Decision(None, f"{event.sender} is a bot")
        understood = grammar.read(event.words, [*self.handles, self.hub.slug()])
        match understood:
            case None:
                return Decision(None, "nobody speaks to Dayhand")
            case grammar.Unclear(hint):
                with closing(self._talking(event.where)) as hub:
                    if self._admit(hub, event.where, event.sender):
                        self.refuse(event.where, event.sender, "I could not tell what to do.", hint)
                return Decision(None, hint)
            case grammar.Accept():
                return self._accept(event)
            case grammar.Command(kind, words):
                if kind is TaskKind.FIX and event.where.is_pull:
                    kind = TaskKind.FOLLOW_UP  # there is work on it already: more of it belongs there
                ask = Ask(kind, words, event.sender, event.comment)
                return self._open(_wish(event.where, ask), delivery)

    def _talking(self, where: Subject) -> RepositoryHub:
        """The repository, through a token that can answer a person and nothing else. To be closed."""
        return self.hub.repository(where.installation, where.repository).for_comments()

    def _admit(self, hub: RepositoryHub, where: Subject, login: str) -> bool:
        """Whether this person may set us to work; who may not is told so."""
        if may_ask(hub, login):
            return True
        reason = "Only people with write access to this repository can set me to work."
        self.refuse(where, login, reason, "Ask one of them to add the label or to write the comment.")
        return False

    def _accept(self, event: Commented) -> Decision:
        """A person with write access stands for a change that alters its own checks. May come twice."""
        where, who = event.where, event.sender
        with closing(self.hub.repository(where.installation, where.repository)) as hub:
            if not may_ask(hub, who):
                reason = "Only people with write access to this repository can accept that."
                self.refuse(where, who, reason, "Ask one of them to look.")
                return Decision(None, f"{who} may not write to {where.repository}")
            if not accept(hub, self.ledger, where, who=who):
                reason = "Nothing waits to be accepted here."
                self.refuse(where, who, reason, "It is for a pull request of mine that I held back.")
                return Decision(None, "nothing waits to be accepted")
            hub.react(where.number, event.comment, "+1")
        return Decision(None, f"accepted by {who}")

    def _open(self, wish: TaskRequest, delivery: str) -> Decision:
        where, ask = wish.where, wish.ask
        with closing(self._talking(where)) as hub:
            if not self._admit(hub, where, ask.asker):
                return Decision(None, f"{ask.asker} may not write to {where.repository}")
            if ask.kind is not TaskKind.ENVIRONMENT and not says_something(where):
                reason = "The issue does not say what is wrong: its title and text have no words in them."
                advice = "Write what happens and what should happen, then ask again."
                self.refuse(where, ask.asker, reason, advice)
                return Decision(None, "the issue has no text")
            opened = self.ledger.open(self._task(wish), delivery=delivery, meaning=wish.meaning)
            # Even where the task was there: its job may have been lost between the two steps, and waking twice is free.
            self.enqueue(opened.task_id)
            hub.react(where.number, ask.comment, "eyes")
        return Decision(opened.task_id, "" if opened.fresh else "this task was there already")

    def _task(self, wish: TaskRequest) -> Task:
        where = wish.where
        return Task(
            id=("" if where.number else UNREQUESTED) + secrets.token_hex(ID_BYTES),
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


def says_something(where: Subject) -> bool:
    """Whether there is a word to work from: an issue of blanks and dashes asks nothing."""
    return bool(re.search(r"\w{2,}", f"{where.title}\n{where.body}"))


def _nowhere(repository: str, installation: int, event: Pushed | None = None) -> Subject:
    """A repository as such, and no issue of it. Where the event does not say how to reach it, the worker asks."""
    return Subject(
        repository=repository,
        clone_url=event.clone_url if event else "",
        default_branch=event.default_branch if event else "",
        installation=installation,
        number=0,
        title=f"The environment of {repository}",
        body="",
        is_pull=False,
    )


def _wish(where: Subject, ask: Ask) -> TaskRequest:
    """A fix means the same however it was asked for, and so does a look; each question is one of its own."""
    suffix = f"comment-{ask.comment}" if ask.kind is TaskKind.FOLLOW_UP else ask.kind.value
    return TaskRequest(where, ask, f"{where.repository}#{where.number}:{suffix}")
