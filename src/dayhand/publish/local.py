"""Publication of a local run: in the terminal. Its branch exists already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from dayhand.environment.declared.improvement import Improvement
from dayhand.errors import DayhandError
from dayhand.ledger.log import Note
from dayhand.publish.base import ProposedChange
from dayhand.publish.wording import environment
from dayhand.publish.wording.cost import spent
from dayhand.publish.wording.evidence import last_line
from dayhand.publish.wording.held_back import NOTHING_PUSHED
from dayhand.publish.wording.limits import note
from dayhand.publish.wording.notes import too_large
from dayhand.task import Examined, HeldBack, LeftOut, Proof, Solution, Task
from dayhand.untrusted_text import clean
from dayhand.usage import Usage


class LocalPublication:
    """Writes the result of a task to ``out``, without terminal codes."""

    def __init__(self, out: TextIO) -> None:
        self.out = out

    def open(self, task: Task, head: str) -> None:
        """Does nothing: a branch is made once there is a change."""

    def progress(self, note: Note) -> None:
        """Does nothing: the terminal shows the log itself."""

    def warn(self, unavailable: str) -> None:
        """Print what cannot run here."""
        if unavailable:
            self._print(f"{unavailable}\n")

    def propose(self, task: Task, proposed: ProposedChange) -> str:
        """Print the summary, the verification table and the name of the branch; return the name."""
        self._print(f"\n{proposed.solution.title}\n\n{proposed.solution.summary}\n")
        for finding in proposed.verification.findings:
            proof = last_line(finding.head.output) if finding.head else finding.missing
            self._print(f"  {finding.kind:6} {finding.command:32} {finding.verdict}: {finding.note or proof}")
            if finding.red_green and not finding.red_green.proven:
                self._print(
                    "         The change's own tests also pass without the change, so they prove nothing."
                )
        for switch in proposed.solution.switches:
            self._print(
                f"  {switch.model} could not continue, so {switch.successor} took over: {switch.reason}"
            )
        for concern in (*proposed.verification.concerns, *proposed.verification.side_effects):
            self._print(f"  review {concern.kind}: {concern.path}: {concern.detail}")
        for one in proposed.blocked:
            self._print(f"  blocked: {one.host}:{one.port}, requested by {one.command}: {one.reason}")
        if limit := note(proposed.verification.limit_hit):
            self._print(f"  {limit}")
        scope = proposed.verification.scope
        if scope.too_large:
            self._print(f"  review its size: {too_large(scope)}")
        for path in scope.unmentioned:
            self._print(f"  changed, but not mentioned: {path}")
        self._print_left_out(proposed.change.left_out)
        self._print_held_back(proposed.change.held_back)
        if not proposed.pushed:
            self._print(f"\n{NOTHING_PUSHED}")
            return ""
        self._print(
            f"\n{len(proposed.change.paths)} files changed on the branch {task.branch} ({spent(proposed.solution.usage)})."
        )
        self._print(f"Review it: git diff {proposed.change.base[:8]} {task.branch}")
        return task.branch

    def answer(
        self, task: Task, solution: Solution, proofs: tuple[Proof, ...], *, left_out: tuple[LeftOut, ...] = ()
    ) -> str:
        """Print the answer and its citations."""
        self._print(f"\n{solution.summary}\n")
        if limit := note(solution.limit_hit):
            self._print(f"{limit}\n")
        for proof in proofs:
            mark = "✓" if proof.found else "✗ not confirmed:"
            self._print(f"  {mark} {proof.citation.path}:{proof.citation.line}: {proof.text.strip()}")
        self._print_left_out(left_out)
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

    def _print_left_out(self, left_out: Iterable[LeftOut]) -> None:
        for left in left_out:
            self._print(f"  left out: {left.path}: {left.reason}")

    def _print_held_back(self, held_back: HeldBack | None) -> None:
        """The files that are not on the branch, and their patch for ``git apply``."""
        if held_back:
            for file in held_back.all_files:
                self._print(f"  held back: {file.path}: {file.kind}")
            self._print(
                f"\n{held_back.patch}{held_back.by_hand_patch}\nIf you agree, apply this patch with git apply."
            )

    def _print(self, text: str) -> None:
        print(clean(text), file=self.out, flush=True)
