"""Publication of a local run: its branch and its report."""

from __future__ import annotations

from typing import TextIO

from dayhand.environment.declared.improvement import Improvement
from dayhand.errors import DayhandError
from dayhand.ledger.log import Note
from dayhand.publish.base import ProposedChange
from dayhand.publish.wording import environment
from dayhand.task import Examined, LeftOut, Proof, Solution, Task
from dayhand.untrusted_text import clean
from dayhand.usage import Usage


class LocalPublication:
    """Keeps the result of a task for the report of ``dayhand run``, and writes what is known earlier to ``out``."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.proposed: ProposedChange | None = None
        self.left_out: tuple[LeftOut, ...] = ()

    def announce(self, task: Task) -> None:
        """Does nothing: the terminal shows the log."""

    def open(self, task: Task, head: str) -> None:
        """Does nothing: a branch is made once there is a change."""

    def progress(self, note: Note) -> None:
        """Does nothing: the terminal shows the log itself."""

    def warn(self, unavailable: str) -> None:
        """Print what cannot run here."""
        if unavailable:
            self._print(f"{unavailable}\n")

    def propose(self, task: Task, proposed: ProposedChange) -> str:
        """Keep the change for the report; return the name of its branch."""
        self.proposed = proposed
        return task.branch

    def answer(
        self, task: Task, solution: Solution, proofs: tuple[Proof, ...], *, left_out: tuple[LeftOut, ...] = ()
    ) -> str:
        """Keep what was left out, for the report; the outcome holds the rest."""
        self.left_out = left_out
        return ""

    def start_examination(self, commit: str) -> None:
        """Does nothing: only the results are printed."""

    def setup_decided(self, found: Improvement, branch: str) -> bool:
        """True, since a local run has nowhere to propose a set-up."""
        return True

    def propose_setup(self, found: Improvement, branch: str, base: str) -> str:
        """Never called, because ``setup_decided`` is True."""
        return ""

    def report_examination(self, task: Task, found: Examined, proposal_url: str = "") -> None:
        """Print the results."""
        self._print(environment.report(found))

    def fail(self, task: Task, error: DayhandError, spent: Usage | None = None) -> None:
        """Does nothing: the command line prints the error."""

    def _print(self, text: str) -> None:
        print(clean(text), file=self.out, flush=True)
