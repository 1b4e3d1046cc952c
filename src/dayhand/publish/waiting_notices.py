"""Tells people that their task waits: its place, an estimate and what keeps it, in the task's one comment.

A task that starts soon is not told about, since its worker comments at once. While a notice is written no worker can claim the
task, so that there is one comment and the worker's text follows the notice.
"""

from __future__ import annotations

import time
from contextlib import closing

from dayhand.errors import HubError, HubUnavailable, InstallationSuspended, LedgerError
from dayhand.hub.client import Hub
from dayhand.hub.repository import RepositoryHub
from dayhand.hub.requester import NOTICE
from dayhand.ledger import facts, keys
from dayhand.ledger.ledger import Ledger, Record
from dayhand.ledger.waiting.places import Place, find_places
from dayhand.ledger.waiting.waiting_tasks import WaitingTasks
from dayhand.ledger.waiting.wording import describe
from dayhand.publish.result import remember_check
from dayhand.publish.wording import check_run, comment
from dayhand.startup.records import dataclass
from dayhand.task import State, TaskKind

TELL_AFTER_SECONDS = 20.0  # of waiting
AGAIN_SECONDS = 60.0  # between two notices of a task, at least
MAX_NOTICES = 20  # in one round


@dataclass(frozen=True, slots=True)
class WaitingNotices:
    """The notices of the tasks in one ledger. ``url``: where people reach the dashboard."""

    ledger: Ledger
    hub: Hub
    url: str

    def write(self) -> list[str]:
        """Write the notices that are due; returns a line for each that GitHub refused. Raises ``HubUnavailable``."""
        refused, written = [], 0
        self._correct_stopped()
        for task_id, place in find_places(WaitingTasks(self.ledger)).items():
            if written == MAX_NOTICES:
                break
            try:
                written += self._write_if_due(self.ledger.record(task_id), place)
            except (HubError, LedgerError) as error:  # it is no reason to keep the task waiting
                if isinstance(error, HubUnavailable) and not isinstance(error, InstallationSuspended):
                    raise
                refused.append(f"task {task_id}: no notice that it waits: {error}")
        return refused

    def _write_if_due(self, record: Record, place: Place) -> bool:
        task, now = record.task, self.ledger.clock()
        if (
            not task.number
            or record.reason
            or now - max(task.created_at, record.updated_at) < TELL_AFTER_SECONDS
        ):
            return False
        words = describe(place)
        told_at, _, told = (record.fact(facts.WAITING_NOTICE) or "0 ").partition(" ")
        if told == words:
            return False
        hub = self.hub.repository(
            task.installation, task.repository, repository_id=record.fact(facts.REPOSITORY_ID) or 0
        )
        with closing(hub), WaitingTasks(self.ledger).held(task.id) as held:
            if not held or (told and now - float(told_at) < hub.progress_seconds(task.id, AGAIN_SECONDS)):
                return False
            own = self.ledger.facts(task.id)
            if not told:  # first: whoever goes on looks for the comment
                own.put(facts.WAITING_NOTICE, "0 ")
            self.ledger.redis.sadd(keys.TOLD, task.id)
            self._comment(hub, record, comment.queued(words, self._url(record), at=time.gmtime(now)))
            own.put(facts.WAITING_NOTICE, f"{now} {words}")
            self._show_in_check(hub, record, words)
        return True

    def _show_in_check(self, hub: RepositoryHub, record: Record, words: str) -> None:
        """Say it in the check run: that of a task that was begun before, or a new one on the thread's open pull request."""
        task, threads = record.task, self.ledger.threads
        output = {
            "title": check_run.QUEUED_AGAIN if record.stages else check_run.QUEUED,
            "summary": f"{words} {check_run.summary(task, self._url(record))}",
            "text": " ",
        }
        if check := record.fact(facts.CHECK):
            hub.update_check(check, output=output, retries=False)
            return
        number = threads.find(threads.of_task(task.id)).pull
        if not number or task.ask.kind is TaskKind.ENVIRONMENT:
            return
        pull, own = hub.pull(number), self.ledger.facts(task.id)
        if pull.state == "open":
            own.put(facts.OPENING, pull.head)  # first: whoever goes on looks for it
            look = record.fact(facts.WAITING_NOTICE) is not None
            named, url = (check_run.NAME, pull.head, task.id), self._url(record)
            made = hub.create_check(*named, details_url=url, output=output, look=look, urgency=NOTICE)
            remember_check(own, made, pull.head)

    def _correct_stopped(self) -> None:
        """Say of tasks that were stopped before they began that they do not wait any more."""
        for task_id in sorted(self.ledger.redis.smembers(keys.TOLD)):
            record = self._find(task_id)
            if record is not None and record.state is State.QUEUED:
                continue
            if record is not None and record.state is State.STOPPED and not record.stages:
                task = record.task
                with closing(self.hub.repository(task.installation, task.repository)) as hub:
                    self._comment(hub, record, comment.stopped_while_queued(record.reason))
                    if check := record.fact(facts.CHECK):
                        summary = check_run.summary(task, self._url(record))
                        output = {"title": check_run.STOPPED, "summary": summary, "text": " "}
                        hub.update_check(check, output=output, conclusion="cancelled")
            self.ledger.redis.srem(keys.TOLD, task_id)

    def _find(self, task_id: str) -> Record | None:
        try:
            return self.ledger.record(task_id)
        except LedgerError:  # it is deleted
            return None

    def _comment(self, hub: RepositoryHub, record: Record, text: str) -> None:
        own = self.ledger.facts(record.task.id)
        known = own.get(facts.COMMENT)
        looked = record.fact(facts.WAITING_NOTICE) is not None or bool(record.stages)  # it may exist
        marker = f"task:{record.task.id}"
        written = hub.comment(
            record.task.number, text, marker=marker, known=known, look=looked, urgency=NOTICE
        )
        own.put(facts.COMMENT, written.id)
        own.put(facts.COMMENT_NODE, written.node)

    def _url(self, record: Record) -> str:
        return f"{self.url}/tasks/{record.task.id}"
