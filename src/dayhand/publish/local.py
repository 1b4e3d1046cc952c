"""Publication of a local run: the terminal, and the branch that is there already."""

from __future__ import annotations

from typing import TextIO

from dayhand.environment.declared.improvement import Improvement
from dayhand.errors import DayhandError
from dayhand.ledger.log import Note
from dayhand.publish.base import Proposal
from dayhand.publish.wording import environment
from dayhand.publish.wording.cost import spent
from dayhand.publish.wording.limits import note
from dayhand.publish.wording.notes import too_large
from dayhand.publish.wording.pull_request import telling_line
from dayhand.task import Examined, Proof, Solution, Task
from dayhand.untrusted_text import clean
from dayhand.usage import Usage


class LocalPublication:
    """Writes what came of a task to ``out``, without anything that would steer a terminal."""

    def __init__(self, out: TextIO) -> None:
        self.out = out

    def open(self, task: Task, head: str) -> None:
        """Nothing is opened: a branch appears when there is something on it."""

    def progress(self, note: Note) -> None:
        """The terminal shows notes by itself."""

    def warn(self, lacks: str) -> None:
        """Print what cannot run here."""
        if lacks:
            self._log(f"{lacks}\n")

    def propose(self, task: Task, proposal: Proposal) -> str:
        """Print the account, the verification table and the branch's name; give the name."""
        self._log(f"\n{proposal.solution.title}\n\n{proposal.solution.summary}\n")
        for finding in proposal.verification.findings:
            proof = telling_line(finding.head.output) if finding.head else finding.missing
            self._log(f"  {finding.kind:6} {finding.command:32} {finding.verdict}: {finding.note or proof}")
            if finding.red_green and not finding.red_green.proven:
                self._log("         The change's own tests pass without the change too: they prove nothing.")
        for switch in proposal.solution.switches:
            self._log(f"  {switch.model} could not go on, so {switch.successor} did: {switch.reason}")
        for concern in (*proposal.verification.concerns, *proposal.verification.side_effects):
            self._log(f"  look at {concern.kind}: {concern.path}: {concern.detail}")
        for one in proposal.blocked:
            self._log(f"  blocked: {one.host}:{one.port}, asked by {one.command}: {one.reason}")
        if said := note(proposal.verification.limit_hit):
            self._log(f"  {said}")
        scope = proposal.verification.scope
        if scope.too_large:
            self._log(f"  look at its size: {too_large(scope)}")
        for path in scope.unmentioned:
            self._log(f"  changed, but not spoken of: {path}")
        self._log(
            f"\n{len(proposal.change.paths)} files changed on the branch {task.branch} ({spent(proposal.solution.usage)})."
        )
        self._log(f"Look at it: git diff {proposal.change.base[:8]} {task.branch}")
        return task.branch

    def answer(self, task: Task, solution: Solution, proofs: tuple[Proof, ...]) -> str:
        """Print the answer and its citations."""
        self._log(f"\n{solution.summary}\n")
        if said := note(solution.limit_hit):
            self._log(f"{said}\n")
        for proof in proofs:
            mark = "✓" if proof.found else "✗ not confirmed:"
            self._log(f"  {mark} {proof.citation.path}:{proof.citation.line}: {proof.text.strip()}")
        return ""

    def begin_examination(self, commit: str) -> None:
        """Nothing is shown before there is something to tell."""

    def declined(self, found: Improvement, branch: str) -> bool:
        """Nothing is offered without a place to offer it."""
        return True

    def offer(self, found: Improvement, branch: str, base: str) -> str:
        """Never asked for: ``declined`` said so."""
        return ""

    def examined(self, task: Task, found: Examined, offered: str = "") -> None:
        """Print what was found."""
        self._log(environment.report(found))

    def fail(self, task: Task, error: DayhandError, spent: Usage | None = None) -> None:
        """The command line's edge says it."""

    def _log(self, text: str) -> None:
        print(clean(text), file=self.out, flush=True)
