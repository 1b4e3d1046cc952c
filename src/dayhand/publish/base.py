"""Where people see a task: on GitHub, or for a local run in the terminal."""

from __future__ import annotations

from typing import Protocol

from dayhand.environment.declared.improvement import Improvement
from dayhand.errors import DayhandError
from dayhand.ledger.log import Note
from dayhand.reading.instruction_file import InstructionFile
from dayhand.startup.records import dataclass
from dayhand.task import Blocked, Change, Conflict, Examined, LeftOut, Proof, Solution, Task
from dayhand.usage import Usage
from dayhand.verification import Verification


@dataclass(frozen=True, slots=True)
class ProposedChange:
    """Everything that a finished pull request reports."""

    change: Change
    head: str  # the pushed commit; the pull request's own one if everything is held back
    branch: str
    solution: Solution
    verification: Verification
    blocked: tuple[Blocked, ...]  # hosts that set-up tried to reach and was refused
    proofs: tuple[Proof, ...]
    minutes: float
    instructions: tuple[InstructionFile, ...] = ()  # of the base branch, with what the model got of each
    conflicts: tuple[Conflict, ...] = ()  # with other pull requests of ours

    @property
    def pushed(self) -> bool:
        """Whether anything is pushed: else all of the change is held back."""
        return bool(self.change.paths)


class Publication(Protocol):
    """Each call may be repeated after a crash, so it finds what exists before it creates anything."""

    def announce(self, task: Task) -> None:
        """Say that the task has started, before anything else is made for it."""

    def open(self, task: Task, head: str) -> None:
        """Show the work: a check run on ``head``, and a draft pull request."""

    def progress(self, note: Note) -> None:
        """Update the check run, as often as the write budget allows. Never raises ``HubError``."""

    def warn(self, unavailable: str) -> None:
        """Show, before the work begins, what cannot run in the environment; "" if everything can."""

    def propose(self, task: Task, proposed: ProposedChange) -> str:
        """Fill in the pull request, conclude the check run and request a review; return the pull request's address."""

    def answer(
        self, task: Task, solution: Solution, proofs: tuple[Proof, ...], *, left_out: tuple[LeftOut, ...] = ()
    ) -> str:
        """Publish the answer, and remove an empty pull request and its branch; return the comment's address."""

    def start_examination(self, commit: str) -> None:
        """Show that the environment of a commit is being examined."""

    def setup_decided(self, found: Improvement, branch: str) -> bool:
        """Whether the same set-up was proposed before, and a person closed or merged it."""

    def propose_setup(self, found: Improvement, branch: str, base: str) -> str:
        """Open the pull request for a better set-up, or update the open one; return its address."""

    def report_examination(self, task: Task, found: Examined, proposal_url: str = "") -> None:
        """Publish the results, also to the person who asked. ``proposal_url``: of the proposed set-up."""

    def fail(self, task: Task, error: DayhandError, spent: Usage | None = None) -> None:
        """Report what happened, what to do and the cost, and remove an empty pull request and its branch."""
