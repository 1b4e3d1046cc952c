"""Decides what an event means: a task is opened once, or the person reads why not."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import assert_never

from dayhand.errors import HubError, HubUnavailable
from dayhand.hub.client import Hub
from dayhand.hub.repository import RepositoryHub
from dayhand.intake import answers, deeds, grammar, intent, refusals, reviews
from dayhand.intake.events import (
    BranchPushed,
    Clicked,
    Closed,
    Commented,
    Event,
    Ignored,
    Labeled,
    Pushed,
    RepositoriesAdded,
    RepositoriesRemoved,
    Reviewed,
    Subject,
    Unlabeled,
)
from dayhand.intake.intent import Intent
from dayhand.intake.permission import may_ask
from dayhand.intake.refusals import Notice, Refusal
from dayhand.intake.verbs import approve, retry
from dayhand.intake.verbs.base import Decision, Instruction, TaskRequest, task_request
from dayhand.intake.verbs.table import BY_INTENT
from dayhand.ledger import facts, repository_notes
from dayhand.ledger.ledger import Ledger, Opened
from dayhand.ledger.queue import UNREQUESTED
from dayhand.ledger.repository_notes import record_push, waiting_plan, withdrawn_since
from dayhand.ledger.spending import DailyCap, UsedUp, find_used_up, record_opening
from dayhand.ledger.thread import Message
from dayhand.startup.records import dataclass
from dayhand.task import Ask, Task, TaskKind
from dayhand.visible_text.markdown import MAX_DROPPED, visible, visible_line

ID_BYTES = 5
UNREQUESTED_CHECK = (
    "environment"  # the external id of the check run of an examination that no person asked for
)
ALREADY_WAITING = "an examination of this repository is already queued, and will include this push"


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Turns events into tasks. ``reply`` tells a person what there is to say without a task."""

    ledger: Ledger
    hub: Hub
    enqueue: Callable[[str], None]
    reply: Callable[[Notice], None]
    label: str
    handles: Sequence[str]
    clock: Callable[[], float] = time.time
    caps: Sequence[DailyCap] = ()

    def decide(self, event: Event, delivery: str) -> Decision:
        """Open a task, or say why not. Raises ``HubError``; then nothing was written."""
        match event:
            case Ignored():
                return Decision(None, event.reason, asks=False)
            case Labeled():
                return self._labeled(event, delivery)
            case Commented():
                return self._commented(event, delivery)
            case Reviewed():
                handles = [*self.handles, self.hub.slug()]
                return reviews.act(event, handles, delivery=delivery, context=self)
            case Unlabeled() if event.label == self.label and not event.by_bot:
                return deeds.stop_because(event, f"{event.sender} removed the label", self)
            case Unlabeled():
                return Decision(None, f"the label “{event.label}” decides nothing", asks=False)
            case Closed() if not event.by_bot:
                return deeds.stop_because(event, f"{event.sender} closed #{event.subject.number}", self)
            case Closed():
                return Decision(None, f"{event.sender} is a bot", asks=False)
            case Clicked() if event.task == UNREQUESTED_CHECK:
                return self._examine_again(event, delivery)
            case Clicked():
                return deeds.click(event, delivery, self)
            case RepositoriesAdded():
                return self._repositories_added(event, delivery)
            case RepositoriesRemoved():
                repository_notes.record_removal(self.ledger, event.installation, event.names)
                return Decision(None, f"{event.sender} removed the App from {len(event.names)} repositories")
            case BranchPushed():
                login = "" if event.by_bot else event.sender
                record_push(self.ledger, event.repository, event.head, commits=event.commits, login=login)
                return Decision(None, f"the push to a branch by {event.sender} is kept", asks=False)
            case Pushed():
                subject = _whole_repository(event.repository, event.installation, event)
                opened = self._examine(subject, event.sender, "Set-up files changed.", delivery=delivery)
                return Decision(opened.task_id, "" if opened.fresh else ALREADY_WAITING)
            case _:
                assert_never(event)

    def open_task(self, request: TaskRequest, delivery: str) -> Decision:
        """Open the task once, if the person may start one; else reply with the reason. Raises ``HubError``."""
        subject, ask = request.subject, request.ask
        if withdrawn_since(self.ledger, subject.repository_id, subject.number, at=subject.updated_at):
            return Decision(None, "it was stopped, the label removed or the issue closed since")
        with closing(self._for_comments(subject)) as hub:
            if not self._check_permission(hub, subject, ask.asker):
                return Decision(None, f"{ask.asker} may not write to {subject.repository}")
            if ask.kind is not TaskKind.ENVIRONMENT and not has_words(subject):
                self.refuse(subject, ask.asker, refusals.EMPTY_ISSUE)
                return Decision(None, "the issue has no text")
            if used_up := self._find_used_up(request):
                self.refuse(subject, ask.asker, refusals.used_up(used_up))
                return Decision(None, f"the daily budget of {used_up.whose} is used up")
            opened = self._open_or_post(request, delivery)
            if opened.full:
                self.refuse(subject, ask.asker, refusals.TOO_MANY_MESSAGES)
                return Decision(opened.task_id, "too many messages wait for this task")
            if opened.fresh:
                record_opening(self.ledger, self._task(request))
                self._list_hidden_text(request, opened.task_id)
                self.ledger.facts(opened.task_id).put(facts.REPOSITORY_ID, subject.repository_id)
                if ask.kind is TaskKind.FIX:
                    hub.expect_comment(subject.number, f"task:{opened.task_id}")
            # Also if the task existed: its job may have been lost in between, and a second wake-up does no harm.
            if not opened.posted:
                self.enqueue(opened.task_id)
            elif str(ask.limits):
                known = retry.asked_limits(self.ledger.record(opened.task_id))
                self.ledger.facts(opened.task_id).put(facts.ASKED_LIMITS, known.changed_by(ask.limits))
            self._acknowledge(hub, request)
        if opened.posted:
            return Decision(opened.task_id, "the task that runs reads it next")
        return Decision(opened.task_id, "" if opened.fresh else "this task exists already")

    def set_limits(self, task: str, request: TaskRequest) -> None:
        """Change the limits of an unfinished task to those of the request, which its model reads as well."""
        self.ledger.facts(task).put(facts.ASKED_LIMITS, request.ask.limits)
        message = Message(self._task(request), mention=False)
        self.ledger.threads.post_message(self.ledger.threads.of_task(task), message)

    def _find_used_up(self, request: TaskRequest) -> UsedUp | None:
        """The daily cap that a new task would exceed; what a running task reads is not capped."""
        subject = request.subject
        threads = self.ledger.threads
        if threads.find(threads.find_key(subject.repository_id, subject.number)).task:
            return None
        return find_used_up(self.ledger, self.caps, self._task(request))

    def _open_or_post(self, request: TaskRequest, delivery: str) -> Opened:
        """Open the thread's task, or keep the request as a message for the task that the thread has already."""
        subject, ask, task = request.subject, request.ask, self._task(request)
        thread = self.ledger.threads.find_key(subject.repository_id, subject.number)
        says_more = (ask.comment or ask.review) is not None and not self._is_being_accepted(thread, ask)
        message = Message(task, mention=True) if says_more else None
        return self.ledger.open(task, delivery=delivery, thread=thread, message=message)

    def _is_being_accepted(self, thread: str, ask: Ask) -> bool:
        """Whether the thread's task pushes what this request accepts."""
        if ask.kind is not TaskKind.ACCEPT or not (running := self.ledger.threads.find(thread).task):
            return False
        return self.ledger.task(running).ask.accepts == ask.accepts

    def _acknowledge(self, hub: RepositoryHub, request: TaskRequest) -> None:
        """React to the request where it stands. A refusal (a locked issue, a deleted comment) changes nothing."""
        try:
            hub.react(request.subject.node, "eyes", on_pull=request.subject.is_pull)
        except HubUnavailable:
            raise
        except HubError:
            pass

    def _list_hidden_text(self, request: TaskRequest, task_id: str) -> None:
        """Keep what a person does not see in the request, so that the task's page can show it."""
        subject = request.subject
        texts = (visible_line(subject.title), visible(subject.body), visible(request.source))
        if dropped := tuple(one for text in texts for one in text.dropped):
            self.ledger.facts(task_id).put(facts.HIDDEN_TEXT, dropped[:MAX_DROPPED])

    def refuse(self, subject: Subject, login: str, refusal: Refusal) -> None:
        """Notice to a person on the issue, in one comment per person. Raises ``HubError``."""
        self.reply(Notice(subject, login, f"{refusal.reason} {refusal.advice}", f"refusal:{login}"))

    def _repositories_added(self, event: RepositoriesAdded, delivery: str) -> Decision:
        """Examine each new repository. May be repeated: tasks that exist are found again."""
        repository_notes.record_installation(self.ledger, event.installation, event.names)
        for name in event.names:
            subject = _whole_repository(name, event.installation)
            self._examine(subject, event.sender, "The App was installed here.", delivery=f"{delivery}:{name}")
        return Decision(None, f"{len(event.names)} repositories are examined")

    def _examine(self, subject: Subject, sender: str, reason: str, *, delivery: str) -> Opened:
        """Open an examination that no person asked for; at most one waits for each repository."""
        ask = Ask(TaskKind.ENVIRONMENT, reason, sender)
        task, thread = self._task(TaskRequest(subject, ask)), f"{subject.repository}:environment"
        opened = self.ledger.open(task, delivery=delivery, thread=thread)
        self.enqueue(opened.task_id)
        return opened

    def _examine_again(self, event: Clicked, delivery: str) -> Decision:
        subject = _whole_repository(event.repository, event.installation)
        with closing(self._for_comments(subject)) as hub:
            if not may_ask(hub, event.sender):  # there is no issue to say it on
                return Decision(None, f"{event.sender} may not write to {event.repository}")
        opened = self._examine(subject, event.sender, "“Re-run” was clicked.", delivery=delivery)
        return Decision(opened.task_id, "" if opened.fresh else ALREADY_WAITING)

    def _labeled(self, event: Labeled, delivery: str) -> Decision:
        if event.label != self.label:
            return Decision(None, f"the label “{event.label}” is not “{self.label}”", asks=False)
        if event.by_bot:
            return Decision(None, f"{event.sender} is a bot", asks=False)
        subject = event.subject
        if subject.is_pull:
            self._refuse_if_allowed(subject, event.sender, refusals.labeled_pull(self.hub.slug()))
            return Decision(None, "a label on a pull request does not say what to do")
        text = f"{subject.title}\n\n{subject.body}".strip()
        return self.open_task(
            task_request(subject, TaskKind.FIX, text, asker=event.sender, comment=None), delivery
        )

    def _commented(self, event: Commented, delivery: str) -> Decision:
        if event.by_bot:
            return Decision(None, f"{event.sender} is a bot", asks=False)
        handles = [*self.handles, self.hub.slug()]
        commands = grammar.read(event.text, handles)
        if event.before is not None and commands == grammar.read(event.before, handles):
            return Decision(None, "the edit did not change what the comment asks")
        if isinstance(commands, grammar.Misspelt):
            return self._misspelt(event, commands.hint)
        commands = self._about_the_plan(event, commands)
        decisions = [
            command.verb.act(Instruction(event, command.text, delivery), self) for command in commands
        ]
        if not decisions:
            return self._overhear(event)
        return next((one for one in decisions if one.task), decisions[0])

    def _about_the_plan(
        self, event: Commented, commands: tuple[grammar.Command, ...]
    ) -> tuple[grammar.Command, ...]:
        """“Go ahead” approves the plan that waits; praise alone is answered with how to approve it."""
        text = commands[0].text if len(commands) == 1 else ""
        assents = intent.assents(text)
        if not assents and not intent.praises(text):
            return commands
        subject, threads = event.subject, self.ledger.threads
        if not waiting_plan(self.ledger, threads.find_key(subject.repository_id, subject.number)):
            return commands
        if assents:
            return (grammar.Command(approve, approve.NAME),)
        if commands[0].verb is BY_INTENT[Intent.COURTESY] and self.is_allowed(event):
            self.answer(event, answers.PRAISED_PLAN)
        return commands

    def _overhear(self, event: Commented) -> Decision:
        """Keep a comment to others for the thread's task, if its author has write access; nothing is said about it."""
        subject, threads = event.subject, self.ledger.threads
        thread = threads.find_key(subject.repository_id, subject.number)
        nothing = Decision(None, "the comment does not mention Dayhand", asks=False)
        if event.comment is None or not (task := threads.find(thread).task) or not self.is_allowed(event):
            return nothing
        ask = Ask(TaskKind.FOLLOW_UP, event.text, event.sender, event.comment)
        kept = threads.post_message(thread, Message(self._task(TaskRequest(subject, ask)), mention=False))
        return Decision(task, "the task that runs reads it next") if kept else nothing

    def _misspelt(self, event: Commented, hint: str) -> Decision:
        if self.is_allowed(event):
            self.answer(event, f"I did not understand that. {hint}")
        else:
            self.refuse(event.subject, event.sender, refusals.MAY_NOT_START)
        return Decision(None, hint)

    def answer(self, comment: Commented, text: str, *, links: str = "") -> None:
        """Notice to one comment. Raises ``HubError``."""
        marker = f"answer:{comment.comment or 'issue'}"
        self.reply(Notice(comment.subject, comment.sender, text, marker, links))

    def react(self, comment: Commented, content: str) -> None:
        """React to the comment. Raises ``HubError``."""
        with closing(self._for_comments(comment.subject)) as hub:
            hub.react(comment.subject.node, content, on_pull=comment.subject.is_pull)

    def is_allowed(self, comment: Commented) -> bool:
        """Whether the writer has write access. Raises ``HubError``."""
        with closing(self._for_comments(comment.subject)) as hub:
            return may_ask(hub, comment.sender)

    def _refuse_if_allowed(self, subject: Subject, login: str, refusal: Refusal) -> None:
        """Notice with the refusal, or that this person may not start a task at all."""
        with closing(self._for_comments(subject)) as hub:
            if self._check_permission(hub, subject, login):
                self.refuse(subject, login, refusal)

    def _check_permission(self, hub: RepositoryHub, subject: Subject, login: str) -> bool:
        """Whether this person may start a task; if not, they get a reply."""
        if may_ask(hub, login):
            return True
        self.refuse(subject, login, refusals.MAY_NOT_START)
        return False

    def _for_comments(self, subject: Subject) -> RepositoryHub:
        """The repository with a token that can only reply to a person. The caller closes it."""
        hub = self.hub.repository(
            subject.installation, subject.repository, repository_id=subject.repository_id
        )
        return hub.for_comments()

    def _task(self, request: TaskRequest) -> Task:
        subject = request.subject
        return Task(
            id=("" if subject.number else UNREQUESTED) + secrets.token_hex(ID_BYTES),
            repository=subject.repository,
            installation=subject.installation,
            number=subject.number,
            title=subject.title,
            body=subject.body,
            ask=request.ask,
            default_branch=subject.default_branch,
            created_at=self.clock(),
            clone_url=subject.clone_url,
        )


def has_words(subject: Subject) -> bool:
    """Whether the issue contains a word to work from, and not only blanks and dashes."""
    return bool(re.search(r"\w{2,}", f"{subject.title}\n{subject.body}"))


def _whole_repository(repository: str, installation: int, event: Pushed | None = None) -> Subject:
    """A repository itself, without an issue. What the event does not say, the worker asks GitHub for."""
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
