"""``dayhand run``: one task on a local repository; the result is a branch in it."""

from __future__ import annotations

import json
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from dayhand.checkout.local_repository import Exchange, LocalRepository, find_repository
from dayhand.commands.local import local_task
from dayhand.commands.run_progress import RunProgress
from dayhand.errors import DayhandError, ExitCode, LedgerError, SettingsError
from dayhand.journey import travel
from dayhand.ledger.journal import Journal, JsonItem
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import TaskLog
from dayhand.ledger.redis_server import connect, embedded
from dayhand.publish.local import LocalPublication
from dayhand.publish.wording.local_run import LocalRun, as_json, report
from dayhand.settings.required import require_data, require_model
from dayhand.settings.table import Settings
from dayhand.task import Outcome, Proposed, State, Task
from dayhand.untrusted_text import clean
from dayhand.usage import Usage
from dayhand.wiring.local import open_local_tools


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says about a run."""

    repo: Path
    words: str
    branch: str = ""  # the name of the branch; "" for one made from the request
    dirty: bool = False  # start from uncommitted changes too
    json: bool = False


class CountedJournal(Journal):
    """A journal that also passes on what each reply cost."""

    progress: RunProgress

    def write_reply(self, turn: int, items: Sequence[JsonItem], usage: Usage) -> None:
        super().write_reply(turn, items, usage)
        self.progress.add(usage)


def run_locally(settings: Settings, options: RunOptions) -> ExitCode:
    """Do what the words ask for in a repository. Raises ``DayhandError`` where the task cannot be done.

    The run has a Redis of its own, which ends with it: no worker can find a run that was interrupted.
    """
    if not options.words.strip():
        raise SettingsError("The request is empty.", advice='Say what to do: dayhand run "Fix the …"')
    require_model(settings)
    require_data(settings)
    repository = find_repository(options.repo)
    if options.branch:
        repository.check_new_branch(options.branch)
    local_run = _LocalRun(settings, options, repository, RunProgress(sys.stderr))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, local_run.interrupt)
    try:
        result = local_run.run()
    except KeyboardInterrupt:
        local_run.print_error(f"Interrupted: {local_run.kept or 'nothing changed'}.")
        return ExitCode.INTERRUPTED
    except DayhandError as error:
        if options.json:
            failed = {"conclusion": "failed", "exit_code": int(ExitCode.FAILED), "why": str(error)}
            print(
                json.dumps({**failed, "advice": error.advice, "branch": local_run.branch}, ensure_ascii=False)
            )
        raise
    print(json.dumps(as_json(result), ensure_ascii=False) if options.json else clean(report(result)))
    return result.code


@dataclass
class _LocalRun:
    settings: Settings
    options: RunOptions
    repository: LocalRepository
    progress: RunProgress
    branch: str = ""  # what was delivered
    kept: str = ""  # the same, in words
    interrupted: bool = False

    def interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        """End the run at the first signal; those that follow must not end its cleaning up."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        self.interrupted = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raise once more if the interrupt was lost: Python ignores one that comes while it deletes an object."""
        if self.interrupted:
            self.interrupted = False
            raise KeyboardInterrupt

    def run(self) -> LocalRun:
        self._mention_uncommitted()
        task = self._task()
        with ExitStack() as stack:
            stack.callback(self.progress.close)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dayhand-run-")))
            exchange = self.repository.open_exchange(folder / "exchange.git", dirty=self.options.dirty)
            task = replace(task, clone_url=str(exchange.path), default_branch=exchange.branch)
            publication = LocalPublication(sys.stderr)
            stack.callback(self._deliver, exchange)  # also what an unfinished run has pushed
            outcome = self._travel(task, folder, publication)
        return self._result(outcome, publication, exchange)

    def _travel(self, task: Task, folder: Path, publication: LocalPublication) -> Outcome:
        with ExitStack() as stack:
            ledger = Ledger(connect(stack.enter_context(embedded(folder))))
            ledger.open(task, delivery=task.id, thread=task.id)
            claim = ledger.claim(task.id, "dayhand run")
            if claim is None:
                raise LedgerError("The Redis of this run has lost the task.", advice="Run it again.")
            stack.enter_context(claim.kept())
            log = TaskLog(ledger, claim)
            log.listen(self.progress.show)
            stack.enter_context(log.cancelled_by(self.check))
            journal = CountedJournal(ledger.redis, task.id, claim)
            journal.progress = self.progress
            tools = stack.enter_context(
                open_local_tools(self.settings, ledger, task, claim=claim, publication=publication)
            )
            outcome = travel(task, replace(tools, journal=journal), log)
            ledger.finish(claim, State.PROPOSED if isinstance(outcome, Proposed) else State.ANSWERED)
        return outcome

    def _task(self) -> Task:
        task = local_task(self.repository, self.options.words)
        while self.repository.has_branch(task.branch):
            task = replace(task, id=f"local-{secrets.token_hex(4)}", created_at=time.time())
        return task

    def _mention_uncommitted(self) -> None:
        count = 0 if self.options.dirty else self.repository.uncommitted()
        if count:
            files = (
                "1 file has uncommitted changes, which are"
                if count == 1
                else f"{count} files have uncommitted changes, which are"
            )
            self.print_error(f"{files} not part of this run (--dirty takes them).")

    def _deliver(self, exchange: Exchange) -> None:
        for branch in exchange.results():
            name = self.options.branch or branch
            exchange.deliver(branch, name)
            self.branch, self.kept = name, f"the work so far is on the branch {name}"

    def _result(self, outcome: Outcome, publication: LocalPublication, exchange: Exchange) -> LocalRun:
        proposed = outcome if isinstance(outcome, Proposed) else None
        return LocalRun(
            outcome.solution,  # type: ignore[union-attr]  # a local run examines nothing
            self.progress.seconds,
            self.progress.stages(),
            proofs=outcome.proofs,  # type: ignore[union-attr]
            proposed=publication.proposed if proposed else None,
            branch=self.branch,
            base=self.repository.head if self.repository.shallow else exchange.start,
            onto=self.repository.branch,
            left_out=publication.left_out,
        )

    def print_error(self, text: str) -> None:
        print(clean(text), file=sys.stderr, flush=True)
