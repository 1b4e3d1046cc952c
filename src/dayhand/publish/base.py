"""What publication is: the places where people see a task. GitHub is one, a terminal and a local branch another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dayhand.environment.declared.improvement import Improvement
from dayhand.errors import DayhandError
from dayhand.ledger.log import Note
from dayhand.task import Blocked, Change, Examined, Proof, Solution, Task
from dayhand.usage import Usage
from dayhand.verification import Verification


@dataclass(frozen=True, slots=True)
class Proposal:
    """Everything that a pull request tells."""

    change: Change
    head: str  # the pushed commit
    solution: Solution
    verification: Verification
    blocked: tuple[Blocked, ...]  # hosts that set-up asked for and did not get
    proofs: tuple[Proof, ...]
    minutes: float


class Publication(Protocol):
    """Each call may come again after a crash: it finds what is there before it makes anything."""

    def open(self, task: Task, head: str) -> None:
        """Show at once that the task is under way: draft pull request and check run on ``head``, one comment."""

    def progress(self, note: Note) -> None:
        """Tell the check run, at the pace that the write budget allows. Never raises for GitHub's faults."""

    def warn(self, lacks: str) -> None:
        """Say, before the work begins, what cannot run in the environment; "": nothing lacks."""

    def propose(self, task: Task, proposal: Proposal) -> str:
        """Fill in the pull request, conclude the check run, ask for review; give the pull request's address."""

    def answer(self, task: Task, solution: Solution, proofs: tuple[Proof, ...]) -> str:
        """Tell the answer; leave no empty pull request and no branch behind; give the comment's address."""

    def begin_examination(self, commit: str) -> None:
        """Show that a commit's environment is being examined."""

    def declined(self, found: Improvement, branch: str) -> bool:
        """Whether a person was offered the same settings before, and decided."""

    def offer(self, found: Improvement, branch: str, base: str) -> str:
        """The one pull request for a better set-up, brought up to date where it is open; give its address."""

    def examined(self, task: Task, found: Examined, offered: str = "") -> None:
        """Tell what was found, to the person who asked as well; ``offered`` is the address of a proposal."""

    def fail(self, task: Task, error: DayhandError, spent: Usage | None = None) -> None:
        """Tell what happened, what to do and what it cost; leave no empty pull request and no branch behind."""
