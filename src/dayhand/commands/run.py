"""``dayhand run``: one task on a local repository; the result is a branch in it."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from dayhand.commands.local import local_task, print_line
from dayhand.errors import ExitCode, LedgerError
from dayhand.journey import travel
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import TaskLog
from dayhand.ledger.redis_server import connect, embedded
from dayhand.settings.required import require_data, require_model
from dayhand.settings.table import Settings
from dayhand.task import Proposed, State
from dayhand.wiring.local import open_local_tools


def run_locally(settings: Settings, repo: Path, words: str) -> int:
    """Do what ``words`` ask for in the repository at ``repo``; 0 if a branch or an answer came of it.

    The run has a Redis of its own, which ends with it: no worker can find a run that was interrupted.
    Raises ``DayhandError`` without a repository, a commit, a model or a sandbox, and where the task fails.
    """
    require_model(settings)
    require_data(settings)
    task = local_task(repo, words)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dayhand-run-")))
        ledger = Ledger(connect(stack.enter_context(embedded(folder))))
        ledger.open(task, delivery=task.id, meaning=task.id)
        claim = ledger.claim(task.id, "dayhand run")
        if claim is None:
            raise LedgerError("The Redis of this run has lost the task.", advice="Run it again.")
        stack.enter_context(claim.kept())
        log = TaskLog(ledger, claim)
        log.listen(lambda note: print_line(note.kind, note.text))
        tools = stack.enter_context(open_local_tools(settings, ledger, task, claim=claim))
        outcome = travel(task, tools, log)
        ledger.finish(claim, State.PROPOSED if isinstance(outcome, Proposed) else State.ANSWERED)
    return ExitCode.OK
