"""One task as its page shows it: the record of the ledger in words and figures."""

from __future__ import annotations

import json
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markupsafe import Markup

from dayhand.dashboard.said import SaidRow, said_rows
from dayhand.ledger import facts
from dayhand.ledger.ledger import Record
from dayhand.reading.conversation import Conversation
from dayhand.reading.instruction_file import InstructionFile
from dayhand.startup.records import dataclass
from dayhand.task import STAGE_TITLES, Answered, Blocked, Proof, Proposed, Solution, Stage, State, Unfinished
from dayhand.untrusted_text import mark_hidden
from dayhand.usage import Usage
from dayhand.verification import Finding, Objection, RedGreen, Status, Verdict, Verification
from dayhand.visible_text.markdown import Dropped

STATES = {
    State.QUEUED: "Queued",
    State.RUNNING: "Running",
    State.PROPOSED: "Pull request ready",
    State.ANSWERED: "Answered",
    State.FAILED: "Failed",
    State.STOPPED: "Stopped",
}
OBJECTIONS = {
    Objection.WEAKENED_CHECKS: "Pull request modifies its own checks",
    Objection.SIDE_EFFECTS: "Pull request affects more than the tested code",
    Objection.HELD_BACK: "Pull request has files that are held back",
    Objection.TOO_LARGE: "Pull request is larger than allowed",
    Objection.LIMIT_EXCEEDED: "Pull request stopped at a limit",
}
MARKS = {
    Verdict.PASSES: "✓",
    Verdict.FIXED: "✓",
    Verdict.NEW_FAILURE: "✗",
    Verdict.FAILS_ON_BASE_TOO: "!",
    Verdict.FLAKY: "!",
    Verdict.DOES_NOT_TEST: "!",
    Verdict.CANNOT_RUN: "⊘",
}
TONES = {"✓": "good", "✗": "bad", "!": "fair", "⊘": "fair"}
TASK_TONES = {
    State.PROPOSED: "fair",
    State.ANSWERED: "good",
    State.FAILED: "bad",
    State.STOPPED: "fair",
}
MINUTE, HOUR = 60, 3600
MARKDOWN = (
    MarkdownIt("commonmark", {"html": False}).disable(["link", "image", "autolink"]).enable("strikethrough")
)


@dataclass(frozen=True, slots=True)
class StageRow:
    """A stage on the timeline."""

    name: str
    title: str
    seconds: float | None  # None: it has not begun
    running: bool


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A row of the verification table."""

    kind: str
    command: str
    verdict: str
    mark: str
    tone: str
    line: int  # of the log; 0 if the check was not run
    note: str


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task for the templates. ``now`` is in seconds since the epoch."""

    record: Record
    github: str
    now: float
    place: str = ""  # in the queue, in sentences

    @property
    def id(self) -> str:
        return self.record.task.id

    @property
    def title(self) -> str:
        """The issue's title, or the request if there is none; anybody may have written it."""
        return mark_hidden(self.record.task.title or self.record.task.ask.text)

    @property
    def reason(self) -> str:
        return mark_hidden(self.record.reason)

    @property
    def running(self) -> bool:
        return self.record.state in (State.QUEUED, State.RUNNING)

    @property
    def state(self) -> str:
        """The state in words; for a pull request also whether it failed or needs a person."""
        if self.verification is None:
            return STATES[self.record.state]
        if self.status is Status.FAILURE:
            return "Pull request has new failures"
        if self.accepted_by:
            return f"Pull request accepted by {self.accepted_by}"
        if objections := self.verification.conclusion.objections:
            return OBJECTIONS[objections[0]]
        return STATES[self.record.state]

    @property
    def tone(self) -> str:
        if self.status:
            return {Status.SUCCESS: "good", Status.FAILURE: "bad"}.get(self.status, "fair")
        return TASK_TONES.get(self.record.state, "busy")

    @property
    def verification(self) -> Verification | None:
        outcome = self.record.outcome
        return outcome.verification if isinstance(outcome, Proposed) else None

    @property
    def status(self) -> Status | None:
        """The check run's conclusion: as a person accepted it, or as the ledger has it. None without a change."""
        if self.verification is None:
            return None
        if self.accepted_by:
            return self.record.fact(facts.CONCLUSION_IF_ACCEPTED) or Status.SUCCESS
        return self.verification.conclusion.status

    @property
    def accepted_by(self) -> str:
        """The person who accepted a change with objections; "" for nobody."""
        return self.record.fact(facts.ACCEPTED_BY) or ""

    @property
    def too_large(self) -> str:
        """The size of a change that is larger than allowed; "" otherwise."""
        scope = self.verification and self.verification.scope
        return f"{scope.lines:,} lines in {scope.files:,} files" if scope and scope.too_large else ""

    @property
    def solution(self) -> Solution | None:
        outcome = self.record.outcome
        return outcome.solution if isinstance(outcome, Proposed | Answered) else None

    @property
    def summary(self) -> Markup:
        """The model's summary as HTML: emphasis, lists and code; it cannot load, link or run anything."""
        return Markup(MARKDOWN.render(self.solution.summary if self.solution else ""))  # noqa: S704 - escaped

    @property
    def proofs(self) -> Sequence[Proof]:
        outcome = self.record.outcome
        return outcome.proofs if isinstance(outcome, Proposed | Answered) else ()

    @property
    def usage(self) -> Usage | None:
        """What the model cost; None if it was never asked."""
        outcome = self.record.outcome
        match outcome:
            case Unfinished():
                usage = outcome.usage
            case Proposed() | Answered():
                usage = outcome.solution.usage
            case _:
                return None
        return usage if usage.turns else None

    @property
    def models(self) -> str:
        """The models that worked, in their order."""
        if self.usage is None:
            return ""
        if self.usage.scripted:
            return "A scripted model"
        return ", then ".join(usage.model for usage in self.usage.by_model or (self.usage,))

    @property
    def cost(self) -> str:
        """Dollars in words; an unknown price is called unknown."""
        if self.usage is None:
            return ""
        if self.usage.scripted:
            return "$0.00 (scripted)"
        return "price unknown" if self.usage.dollars is None else f"${self.usage.dollars:.2f}"

    @property
    def checks(self) -> list[CheckRow]:
        return [_check_row(finding) for finding in self.verification.findings] if self.verification else []

    @property
    def red_greens(self) -> list[RedGreen]:
        """The results of the change's own tests without the change, one for each test command."""
        findings = self.verification.findings if self.verification else ()
        return [finding.red_green for finding in findings if finding.red_green]

    @property
    def blocked(self) -> tuple[Blocked, ...]:
        """The hosts that set-up could not reach."""
        return self.record.fact(facts.BLOCKED) or ()

    @property
    def hidden_text(self) -> tuple[Dropped, ...]:
        """What a person does not see in the issue or in the comment; the model did not get it."""
        known = self.record.fact(facts.HIDDEN_TEXT) or ()
        return tuple(Dropped(one.kind, mark_hidden(one.text)) for one in known)

    @property
    def snapshot(self) -> Conversation:
        """What people wrote before the request, with what of it the model got."""
        return self.record.fact(facts.SNAPSHOT) or Conversation()

    @property
    def said(self) -> list[SaidRow]:
        """What people wrote, as the page lists it."""
        return said_rows(self.snapshot)

    @property
    def instructions(self) -> tuple[InstructionFile, ...]:
        """The instruction files of the base branch, in the order in which the model got them."""
        return self.record.fact(facts.INSTRUCTIONS) or ()

    @property
    def allow(self) -> str:
        """The line of ``.dayhand.toml`` that would allow them; "" if none would."""
        hosts = dict.fromkeys(blocked.host for blocked in self.blocked if blocked.allowable)
        return f"allow = [{', '.join(json.dumps(host) for host in hosts)}]" if hosts else ""

    @property
    def stages(self) -> list[StageRow]:
        times = {time.stage: time for time in self.record.stages}
        rows = []
        for stage, title in STAGE_TITLES.items():
            time = times.get(stage)
            if time is None:
                rows.append(StageRow(stage, title, None, running=False))
                continue
            running = time.ended is None and self.running
            ended = time.ended or (self.now if running else self.record.updated_at)
            rows.append(StageRow(stage, title, ended - time.started, running))
        expected = self.running  # but not the stage that only an unclear request has
        return [row for row in rows if row.seconds is not None or (expected and row.name != Stage.UNDERSTAND)]

    @property
    def stage(self) -> str:
        """The title of the current stage; "" if none has begun."""
        stage = self.record.stage
        return STAGE_TITLES[stage] if stage else ""

    @property
    def age(self) -> str:
        return format_duration(self.now - self.record.task.created_at)

    @property
    def took(self) -> str:
        return format_duration(
            (self.now if self.running else self.record.updated_at) - self.record.task.created_at
        )

    @property
    def subject(self) -> str:
        """The issue or pull request, or the repository if no person asked."""
        task = self.record.task
        return f"{task.repository}#{task.number}" if task.number else task.repository

    @property
    def subject_url(self) -> str:
        task = self.record.task
        return f"{self.github}/{task.repository}" + (f"/issues/{task.number}" if task.number else "")

    @property
    def pull_url(self) -> str:
        """The address of the pull request; only http and https, since it becomes a link."""
        outcome = self.record.outcome
        url = outcome.url if isinstance(outcome, Proposed) else self.record.fact(facts.PULL_URL) or ""
        return url if url.startswith(("http://", "https://")) else ""


def format_duration(seconds: float) -> str:
    """A duration in at most two units.

    >>> format_duration(0.31), format_duration(42), format_duration(95), format_duration(7260)
    ('0.3 s', '42 s', '1 min 35 s', '2 h 1 min')
    """
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"


def _check_row(finding: Finding) -> CheckRow:
    mark = MARKS[finding.verdict]
    return CheckRow(
        finding.kind,
        finding.command,
        finding.verdict,
        mark,
        TONES[mark],
        line=finding.head.line if finding.head else 0,
        note=finding.missing or finding.note or ", ".join(finding.failing[:5]),
    )
