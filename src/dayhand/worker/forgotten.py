"""What is deleted after ``DAYHAND_FORGET_DAYS``: caches that nothing used, and what is kept of repositories without the App.

Each machine deletes its own caches. A repository whose App was removed is not used any more, so its mirror and
environments are among them; its tasks, logs and notes in Redis are deleted with their date of removal.
"""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from dayhand.checkout.bundles import BUNDLES_LOCK, lock_file
from dayhand.ledger import keys
from dayhand.ledger.ledger import Ledger, Record
from dayhand.ledger.repository_notes import forget_repository, installed_again, removed_before
from dayhand.ledger.states import UNFINISHED
from dayhand.worker.finished import delete_task

HOUR, DAY = 3600.0, 24 * 3600.0


@dataclass(slots=True)
class Forgetter:
    """Looks once an hour. ``delete_environments`` deletes those that were last used before a time."""

    data: Path
    days: int
    delete_environments: Callable[[float], None]
    clock: Callable[[], float] = time.time
    next_look: float = field(default=0.0)

    def look(self, ledger: Ledger) -> None:
        """Delete what is due, if an hour has passed."""
        now = self.clock()
        if now < self.next_look:
            return
        self.next_look = now + HOUR
        before = now - self.days * DAY
        delete_mirrors(self.data / "mirrors", before)
        delete_files(self.data / "bases", "*.json", before)
        self.delete_environments(before)
        forget_removed(ledger, before)


def forget_removed(ledger: Ledger, before: float) -> None:
    """Delete the tasks and notes of each repository that the App was removed from before a time, and not installed on since."""
    due = removed_before(ledger, before)
    if not due:
        return
    records = ledger.recent(0)
    for repository, removed_at in due.items():
        own = [record for record in records if record.task.repository == repository]
        if any(record.task.created_at > removed_at for record in own):
            installed_again(ledger, repository)
        elif not any(record.state in UNFINISHED for record in own):
            for record in own:
                _delete(ledger, record)
            forget_repository(ledger, repository)


def _delete(ledger: Ledger, record: Record) -> None:
    task_id = record.task.id
    thread = ledger.threads.of_task(task_id)
    makers = (keys.thread, keys.mailbox, keys.thread_plan, keys.thread_hosts)
    ledger.redis.delete(*(make(thread) for make in makers))
    ledger.redis.delete(keys.checkpoint(task_id), keys.checked_change(task_id))
    delete_task(ledger.redis, task_id)


def delete_mirrors(mirrors: Path, before: float) -> None:
    """Delete each mirror with its LFS files that no task locked since, and bundles that none used."""
    for lock in sorted(mirrors.glob("*.lock")):
        with _locked(lock) as locked:
            if locked and lock.stat().st_mtime < before:
                for suffix in (".git", ".lfs"):
                    shutil.rmtree(lock.with_suffix(suffix), ignore_errors=True)
    bundles = mirrors / "bundles"
    if bundles.is_dir():
        with lock_file(bundles / BUNDLES_LOCK):  # no task marks one as used meanwhile
            delete_files(bundles, "*.bundle", before)


def delete_files(folder: Path, pattern: str, before: float) -> None:
    """Delete the files of a cache that were last used before a time."""
    for path in sorted(folder.glob(pattern)):
        with suppress(FileNotFoundError):  # another worker deletes, too
            if path.stat().st_mtime < before:
                path.unlink()


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold a mirror's lock, if no task does. The file itself stays: another task may be waiting for it."""
    with path.open("r", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
