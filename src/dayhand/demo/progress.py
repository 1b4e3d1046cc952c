"""The progress of the demo's tasks, read from the ledger."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dayhand.demo.story import Story
from dayhand.ledger.ledger import Record
from dayhand.ledger.log import LogReader
from dayhand.task import Answered, Proposed, State, TaskKind

FINAL_STATES = frozenset({State.PROPOSED, State.ANSWERED, State.FAILED, State.STOPPED})
SHOWN_KINDS = frozenset({"command", "say", "model", "error"})  # of log lines
MAX_START_SECONDS = 90.0  # from the label or comment to the task in the ledger
MAX_TASK_SECONDS = 1800.0


@dataclass(slots=True)
class TaskProgress:
    """One task of the demo, from the label or comment to its end."""

    name: str
    story: Story
    kind: TaskKind
    issue_url: str
    asked_on: str = ""  # for a question: the pull request that it was asked on
    record: Record | None = None
    last_line: str = ""  # of the log
    line: int = 0
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    check_url: str = ""
    check_conclusion: str | None = None  # the check run's conclusion on GitHub, once it is looked up
    timed_out: str = ""  # why the demo no longer waits for the task

    @property
    def finished(self) -> bool:
        return bool(self.timed_out) or (self.record is not None and self.record.state in FINAL_STATES)

    @property
    def proposed(self) -> Proposed | None:
        """What the task proposed; None if it did not end in a pull request, or has not ended."""
        outcome = self.record.outcome if self.record else None
        return outcome if isinstance(outcome, Proposed) else None

    @property
    def pull_url(self) -> str:
        """The pull request that this task opened; "" if there is none."""
        return self.proposed.url if self.proposed else ""

    @property
    def conclusion(self) -> str:
        """The check run's conclusion; ``answered`` if there was nothing to change; "" while the task runs."""
        if self.timed_out or self.record is None:
            return "failure"
        match self.record.state:
            case State.PROPOSED:
                if self.check_conclusion is not None or self.proposed is None:
                    return self.check_conclusion or ""
                return self.proposed.verification.conclusion.status
            case State.ANSWERED:
                return "answered"
            case State.FAILED | State.STOPPED:
                return "failure"
            case _:
                return ""

    @property
    def failed(self) -> bool:
        """Whether the task ended otherwise than it should: a fix in a pull request, a question in an answer."""
        allowed = (
            {"success", "neutral", "answered"} if self.kind is TaskKind.QUESTION else {"success", "neutral"}
        )
        return self.finished and self.conclusion not in allowed

    @property
    def reason(self) -> str:
        return self.timed_out or (self.record.reason if self.record else "")

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

    def update(self, logs: LogReader, records: Sequence[Record]) -> None:
        """Read the task's state and its new log lines."""
        if self.finished:
            return
        candidates = [record for record in records if record.task.repository == self.story.repository]
        self.record = next((record for record in candidates if record.task.ask.kind is self.kind), None)
        self.seconds = time.monotonic() - self.started
        if self.record is None:
            if self.seconds > MAX_START_SECONDS:
                self.timed_out = "The webhook started no task."
            return
        for note in logs.read(self.record.task.id, self.line):
            self.line = note.line
            if note.kind in SHOWN_KINDS:
                self.last_line = note.text.strip().partition("\n")[0]
        if self.seconds > MAX_TASK_SECONDS and not self.finished:
            self.timed_out = f"The task did not finish within {MAX_TASK_SECONDS / 60:.0f} minutes."

    def as_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        result = {
            "case": self.name,
            "task": self.record.task.id if self.record else "",
            "issue": self.issue_url,
            "pull_url": self.pull_url or self.asked_on,
            "check_url": self.check_url,
            "conclusion": self.conclusion,
            "seconds": round(self.seconds, 1),
            "verification": self.findings,
        }
        if self.kind is TaskKind.QUESTION:
            result["answer"] = self.summary
        return result | ({"reason": self.reason} if self.failed else {})
