"""The journey of ``dayhand run``, from a claimed task to the report."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

from redis.exceptions import RedisError

from dayhand.checkout.local_repository import LocalRepository
from dayhand.commands.run_progress import RunProgress
from dayhand.errors import DayhandError, DiskFull, ExitCode, LedgerError
from dayhand.journey import travel
from dayhand.ledger.journal import Journal, JsonItem
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import TaskLog
from dayhand.ledger.redis_server import connect
from dayhand.publish.local import LocalPublication
from dayhand.publish.wording.local_run import LocalRun, as_json, report
from dayhand.sandbox.base import Sandbox
from dayhand.settings.table import Settings
from dayhand.task import Outcome, Proposed, State, Task
from dayhand.untrusted_text import clean
from dayhand.usage import Usage
from dayhand.wiring.local import open_local_tools
from dayhand.worker.room import is_disk_full


class CountedJournal(Journal):
    """A journal that also passes on what each reply cost."""

    progress: RunProgress

    def write_reply(self, turn: int, items: Sequence[JsonItem], usage: Usage) -> None:
        super().write_reply(turn, items, usage)
        self.progress.add(usage)


class LocalJourney:
    """One task's journey on a local repository, and its report."""

    def __init__(self, settings: Settings, task: Task, progress: RunProgress) -> None:
        self._settings = settings
        self._task = task
        self._progress = progress
        self._publication = LocalPublication(sys.stderr)
        self._outcome: Outcome | None = None

    def travel(
        self, redis: str, sandbox: Sandbox, repository: LocalRepository, *, check: Callable[[], None]
    ) -> None:
        """Do the task, with the Redis of that URL. ``check`` is called often, and may raise to end it."""
        try:
            self._travel(redis, sandbox, repository, check=check)
        except (OSError, RedisError, DayhandError) as error:
            if not is_disk_full(error):
                raise
            raise DiskFull(
                f"The disk of the temporary folder {tempfile.gettempdir()} became full, which ended the run.",
                advice="Free some space there, or set TMPDIR to another folder, and run it again.",
            ) from error

    def _travel(
        self, redis: str, sandbox: Sandbox, repository: LocalRepository, *, check: Callable[[], None]
    ) -> None:
        task = self._task
        with ExitStack() as stack:
            ledger = Ledger(connect(redis))
            ledger.open(task, delivery=task.id, thread=task.id)
            claim = ledger.claim(task.id, "dayhand run")
            if claim is None:
                raise LedgerError("The Redis of this run has lost the task.", advice="Run it again.")
            stack.enter_context(claim.kept())
            log = TaskLog(ledger, claim)
            log.listen(self._progress.show)
            stack.enter_context(log.cancelled_by(check))
            journal = CountedJournal(ledger.redis, task.id, claim)
            journal.progress = self._progress
            tools = stack.enter_context(
                open_local_tools(
                    self._settings,
                    ledger,
                    task,
                    claim=claim,
                    sandbox=sandbox,
                    publication=self._publication,
                    repository=repository,
                )
            )
            self._outcome = travel(task, replace(tools, journal=journal), log)
            proposed = isinstance(self._outcome, Proposed)
            ledger.finish(claim, State.PROPOSED if proposed else State.ANSWERED)

    def report(self, *, branch: str, base: str, onto: str, as_object: bool) -> ExitCode:
        """Print what came of it, as text or as one JSON object. ``branch`` is where it is, ``base`` what it starts from."""
        outcome = self._outcome
        result = LocalRun(
            outcome.solution,  # type: ignore[union-attr]  # a local run examines nothing
            self._progress.seconds,
            self._progress.stages(),
            proofs=outcome.proofs,  # type: ignore[union-attr]
            proposed=self._publication.proposed if isinstance(outcome, Proposed) else None,
            branch=branch,
            base=base,
            onto=onto,
            left_out=self._publication.left_out,
        )
        print(json.dumps(as_json(result), ensure_ascii=False) if as_object else clean(report(result)))
        return result.code
