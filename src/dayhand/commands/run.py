"""``dayhand run``: one task on a local repository; the result is a branch in it.

What needs no journey is here: the request is checked, the repository found, its exchange, Redis and the sandbox opened.
Meanwhile threads import ``run_journey`` and all that it stands on, try the sandbox, and look for uncommitted changes.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

from dayhand.checkout.local_repository import Exchange, LocalRepository, find_repository
from dayhand.commands.local import local_task
from dayhand.commands.run_progress import RunProgress
from dayhand.errors import DayhandError, ExitCode, SettingsError
from dayhand.ledger.redis_server import embedded
from dayhand.settings.required import require_data, require_model, require_temporary_space
from dayhand.settings.table import Settings
from dayhand.startup.loading import loading
from dayhand.startup.records import dataclass
from dayhand.untrusted_text import clean
from dayhand.wiring.sandboxes import open_snapshot_cache

JOURNEY = "dayhand.commands.run_journey"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says about a run."""

    repo: Path
    words: str
    branch: str = ""  # the name of the branch; "" for one made from the request
    dirty: bool = False  # start from uncommitted changes too
    json: bool = False


def run_locally(settings: Settings, options: RunOptions) -> ExitCode:
    """Do what the words ask for in a repository. Raises ``DayhandError`` where the task cannot be done.

    The run has a Redis of its own, which ends with it: no worker can find a run that was interrupted.
    """
    options = replace(options, words=_as_utf8(options.words))
    if not options.words.strip():
        raise SettingsError("The request is empty.", advice='Say what to do: dayhand run "Fix the …"')
    require_model(settings)
    require_data(settings)
    require_temporary_space()
    repository = find_repository(options.repo)
    if options.branch:
        repository.check_new_branch(options.branch)
    local_run = _LocalRun(settings, options, repository, RunProgress(sys.stderr))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, local_run.interrupt)
    try:
        return local_run.run()
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


def _as_utf8(words: str) -> str:
    """The request of a terminal without UTF-8: Python gives the bytes that it does not understand as lone surrogates."""
    try:
        words.encode()
    except UnicodeEncodeError:
        return os.fsencode(words).decode("utf-8", "replace")
    return words


def import_journey() -> None:
    with loading():
        importlib.import_module(JOURNEY)


@dataclass
class _LocalRun:
    settings: Settings
    options: RunOptions
    repository: LocalRepository
    progress: RunProgress
    branch: str = ""  # what was delivered
    kept: str = ""  # the same, in words
    interrupted: bool = False  # and not raised yet, unless Python lost it
    ended: bool = False
    holding: bool = False

    def interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        """End the run at the first signal; those that follow must not end its cleaning up."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        self.interrupted = self.ended = True
        if not self.holding:
            raise KeyboardInterrupt

    @contextmanager
    def hold_interrupts(self) -> Iterator[None]:
        """An interrupt inside is raised at the end, or by ``check``: git would go on in a folder that is removed."""
        self.holding = True
        try:
            yield
        finally:
            self.holding = False
        self.check()

    def check(self) -> None:
        """Raise if the interrupt was held, or once more if it was lost: Python ignores one while it deletes an object."""
        if self.interrupted:
            self.interrupted = False
            raise KeyboardInterrupt

    def run(self) -> ExitCode:
        """Travel, deliver what came of it, and print the report."""
        task = local_task(self.repository, self.options.words)
        with ExitStack() as stack:
            stack.callback(self.progress.close)
            beside = stack.enter_context(ThreadPoolExecutor(3))
            imported = beside.submit(import_journey)
            opened = beside.submit(open_snapshot_cache, self.settings)
            counted = beside.submit(self._count_uncommitted)
            with self.hold_interrupts():
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dayhand-run-")))
                exchange = self.repository.open_exchange(
                    folder / "exchange.git", dirty=self.options.dirty, check=self.check
                )
            task = replace(task, clone_url=str(exchange.path), default_branch=exchange.branch)
            redis = stack.enter_context(embedded(folder))
            self._mention_uncommitted(counted.result())
            sandbox = opened.result()
            imported.result()
            stack.callback(self._deliver, exchange)  # also what an unfinished run has pushed
            from dayhand.commands.run_journey import LocalJourney  # not on top: see above

            journey = LocalJourney(self.settings, task, self.progress)
            journey.travel(redis, sandbox, self.repository, check=self.check)
        base = self.repository.head if self.repository.shallow else exchange.start
        return journey.report(
            branch=self.branch, base=base, onto=self.repository.branch, as_object=self.options.json
        )

    def _count_uncommitted(self) -> int:
        return 0 if self.options.dirty else self.repository.uncommitted(check=self._check_in_thread)

    def _check_in_thread(self) -> None:
        """End a command of another thread once the run was interrupted."""
        if self.ended:
            raise KeyboardInterrupt

    def _mention_uncommitted(self, count: int) -> None:
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

    def print_error(self, text: str) -> None:
        print(clean(text), file=sys.stderr, flush=True)
