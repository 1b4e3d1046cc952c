"""Keeps the work of a task that ends early: because time runs out, a person stops it, or the model cannot continue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dayhand.checkout.repository import Checkout
from dayhand.errors import BranchMoved, CheckoutError, OutOfTime, SandboxError, TaskStopped
from dayhand.ledger.log import TaskLog
from dayhand.startup.records import dataclass
from dayhand.task import Change, Task


@dataclass(frozen=True, slots=True)
class UnfinishedWork:
    """What a task changed before it had to stop."""

    task: Task
    checkout: Checkout
    log: TaskLog

    @contextmanager
    def kept_if_ended(self, take: Callable[[], Change | None]) -> Iterator[None]:
        """If time runs out within the block, or a person stops the task, push what was changed so far."""
        try:
            yield
        except (OutOfTime, TaskStopped):
            self.keep(take)
            raise

    def push_finished(self, head: str) -> str:
        """Push finished work, and return the branch's name; once more if a person stops the task meanwhile."""
        try:
            return self.checkout.push(self.task, head)
        except TaskStopped:
            try:
                branch = self.checkout.push(self.task, head)
            except BranchMoved:
                self.log.line("say", str(self.checkout.keep_beside(self.task, head).advice))
            except (CheckoutError, TaskStopped) as error:
                self.log.line("error", f"The finished work cannot be kept: {error}")
            else:
                self.log.line("say", f"The finished work is on the branch {branch}.")
            raise

    def keep(self, take: Callable[[], Change | None]) -> None:
        """Push what was changed so far. A failure is only logged: the task ends for a reason of its own."""
        try:
            change = take()
            branch = self.checkout.keep(self.task, change) if change else ""
        except (CheckoutError, SandboxError, TaskStopped) as error:
            self.log.line("error", f"The unfinished work cannot be kept: {error}")
            return
        if branch:
            self.log.line("say", f"The unfinished work is on the branch {branch}, unchecked.")
