"""What the demo knows of its tasks: found in the ledger as they come, told as rows and as JSON."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dayhand.demo.story import Story
from dayhand.ledger.ledger import Record
from dayhand.ledger.log import LogReader
from dayhand.task import Answered, Proposed, State, TaskKind

OVER = frozenset({State.PROPOSED, State.ANSWERED, State.FAILED, State.STOPPED})
TOLD = frozenset({"command", "say", "model", "error"})
PATIENCE_SECONDS = 30.0  # between the person's act and the task in the ledger
MAX_SECONDS = 1800.0


@dataclass(slots=True)
class Part:
    """One task of the demo, from the person's act to its end."""

    name: str
    story: Story
    kind: TaskKind
    issue_url: str
    asked_on: str = ""  # for a question: the pull request under which it stands
    record: Record | None = None
    now: str = ""  # the last thing that was said
    line: int = 0
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    check_url: str = ""
    checked: str | None = None  # the check run's conclusion as GitHub shows it, once it was looked up
    lost: str = ""  # why there will never be a record, or no end of it

    @property
    def over(self) -> bool:
        return bool(self.lost) or (self.record is not None and self.record.state in OVER)

    @property
    def proposed(self) -> Proposed | None:
        outcome = self.record.outcome if self.record else None
        return outcome if isinstance(outcome, Proposed) else None

    @property
    def pull_url(self) -> str:
        """The pull request that this task made, or "" for none."""
        return self.proposed.url if self.proposed else ""

    @property
    def conclusion(self) -> str:
        """The check run's conclusion; ``answered`` where there was nothing to change."""
        if self.lost or self.record is None:
            return "failure"
        match self.record.state:
            case State.PROPOSED:
                if self.checked is not None or self.proposed is None:
                    return self.checked or ""
                return self.proposed.verification.conclusion.status
            case State.ANSWERED:
                return "answered"
            case State.FAILED | State.STOPPED:
                return "failure"
            case _:
                return ""

    @property
    def failed(self) -> bool:
        """A fix must end in a pull request; only a question may end in an answer."""
        allowed = (
            {"success", "neutral", "answered"} if self.kind is TaskKind.FOLLOW_UP else {"success", "neutral"}
        )
        return self.over and self.conclusion not in allowed

    @property
    def reason(self) -> str:
        return self.lost or (self.record.reason if self.record else "")

    @property
    def findings(self) -> list[dict[str, str]]:
        findings = self.proposed.verification.findings if self.proposed else ()
        return [
            {"check": finding.kind, "command": finding.command, "verdict": finding.verdict}
            for finding in findings
        ]

    @property
    def summary(self) -> str:
        """The model's summary of what it did, or its answer."""
        outcome = self.record.outcome if self.record else None
        return outcome.solution.summary if isinstance(outcome, Proposed | Answered) else ""

    def look(self, live: LogReader, records: Sequence[Record]) -> None:
        """See how far it is."""
        if self.over:
            return
        mine = [each for each in records if each.task.repository == self.story.repository]
        self.record = next((each for each in mine if each.task.ask.kind is self.kind), None)
        self.seconds = time.monotonic() - self.started
        if self.record is None:
            if self.seconds > PATIENCE_SECONDS:
                self.lost = "The webhook did not become a task."
            return
        for note in live.read(self.record.task.id, self.line):
            self.line = note.line
            if note.kind in TOLD:
                self.now = note.text.strip().partition("\n")[0]
        if self.seconds > MAX_SECONDS and not self.over:
            self.lost = f"It is not done after {MAX_SECONDS / 60:.0f} minutes."

    def as_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        told = {
            "case": self.name,
            "task": self.record.task.id if self.record else "",
            "issue": self.issue_url,
            "pull_url": self.pull_url or self.asked_on,
            "check_url": self.check_url,
            "conclusion": self.conclusion,
            "seconds": round(self.seconds, 1),
            "verification": self.findings,
        }
        if self.kind is TaskKind.FOLLOW_UP:
            told["answer"] = self.summary
        return told | ({"reason": self.reason} if self.failed else {})
