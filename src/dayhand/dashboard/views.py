"""A task's record in the words and figures of its page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup

from dayhand.ledger.blocked import of_task
from dayhand.ledger.ledger import Record
from dayhand.task import Blocked, Stage, State
from dayhand.untrusted_text import mark_hidden
from dayhand.verification import Verdict

STAGES = {
    Stage.FETCH: "Fetch the repository",
    Stage.OPEN: "Open a draft",
    Stage.PREPARE: "Prepare the environment",
    Stage.SOLVE: "Work on it",
    Stage.TAKE: "Take the change out",
    Stage.CHECK: "Run the checks",
    Stage.PUBLISH: "Tell the result",
}
STATES = {
    State.QUEUED: "Queued",
    State.RUNNING: "Running",
    State.PROPOSED: "Pull request ready",
    State.ANSWERED: "Answered",
    State.FAILED: "Failed",
    State.STOPPED: "Stopped",
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
MINUTE, HOUR = 60, 3600
MARKDOWN = (
    MarkdownIt("commonmark", {"html": False}).disable(["link", "image", "autolink"]).enable("strikethrough")
)


@dataclass(frozen=True, slots=True)
class StageRow:
    """A stage on the timeline."""

    name: str
    words: str
    seconds: float | None  # None: it has not begun
    running: bool


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A row of the verification table."""

    kind: str
    command: str
    verdict: str
    mark: str
    tone: str
    line: int
    missing: str


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task for the templates. ``now`` in seconds since the epoch."""

    record: Record
    github: str
    now: float

    @property
    def id(self) -> str:
        return self.record.task.id

    @property
    def title(self) -> str:
        """The issue's title, else what was asked; it is anybody's text."""
        return mark_hidden(self.record.task.title or self.record.task.ask.text)

    @property
    def reason(self) -> str:
        return mark_hidden(self.record.reason)

    @property
    def running(self) -> bool:
        return self.record.state in (State.QUEUED, State.RUNNING)

    @property
    def state(self) -> str:
        """The state in words; a proposal that its own checks speak against says so, and so does one that waits."""
        if self.record.state is State.PROPOSED and self.conclusion == "failure":
            return "Pull request has new failures"
        if self.record.state is State.PROPOSED and self.accepted_by:
            return f"Pull request accepted by {self.accepted_by}"
        if self.record.state is State.PROPOSED and self.conclusion == "action_required":
            held = (self.concerns, "alters its checks"), (self.reach, "reaches beyond its code")
            size = "is larger than allowed" if self.size else "stopped at a limit"
            return f"Pull request {next((words for found, words in held if found), size)}"
        return STATES[self.record.state]

    @property
    def tone(self) -> str:
        if self.record.state is State.PROPOSED:
            return {"success": "good", "failure": "bad"}.get(self.conclusion, "fair")
        return {State.ANSWERED: "good", State.FAILED: "bad", State.STOPPED: "fair"}.get(
            self.record.state, "busy"
        )

    @property
    def outcome(self) -> Mapping[str, Any]:
        return self.record.outcome or {}

    @property
    def conclusion(self) -> str:
        """As the ledger has it; once somebody accepted what held it back, as it stands without that."""
        if self.accepted_by:
            return str(self.record.facts.get("standing", "success"))
        return str(self.outcome.get("conclusion", ""))

    @property
    def accepted_by(self) -> str:
        """Who stood for what was held back; "" for nobody."""
        return self.record.facts.get("accepted_by", "")

    @property
    def scope(self) -> Mapping[str, Any]:
        return (self.outcome.get("verification") or {}).get("scope") or {}

    @property
    def size(self) -> str:
        """How large the change is, where it is larger than is allowed."""
        scope = self.scope
        lines, files = scope.get("lines", 0), scope.get("files", 0)
        over = 0 < scope.get("max_lines", 0) < lines or 0 < scope.get("max_files", 0) < files
        return f"{lines:,} lines in {files:,} files" if over else ""

    @property
    def solution(self) -> Mapping[str, Any]:
        return self.outcome.get("solution") or {}

    @property
    def account(self) -> Markup:
        """The model's words as HTML: emphasis, lists and code; nothing that loads, links or scripts."""
        return Markup(MARKDOWN.render(str(self.solution.get("summary", ""))))  # noqa: S704 - HTML is escaped

    @property
    def proofs(self) -> Sequence[Mapping[str, Any]]:
        return self.outcome.get("proofs") or ()

    @property
    def usage(self) -> Mapping[str, Any]:
        used = self.solution.get("usage") or self.outcome.get("usage") or {}
        return used if used.get("turns") else {}

    @property
    def models(self) -> str:
        """The models that worked, in their order."""
        names = [share["model"] for share in self.usage.get("by_model") or (self.usage,)]
        return ", then ".join("A scripted model" if self.usage.get("scripted") else name for name in names)

    @property
    def switches(self) -> Sequence[Mapping[str, Any]]:
        return self.solution.get("switches") or ()

    @property
    def cost(self) -> str:
        """Money in words; an unknown price is called unknown."""
        if not self.usage:
            return ""
        if self.usage.get("scripted"):
            return "$0.00 (scripted)"
        dollars = self.usage.get("dollars")
        return "price unknown" if dollars is None else f"${dollars:.2f}"

    @property
    def rows(self) -> list[TaskRow]:
        return [_row(finding) for finding in (self.outcome.get("verification") or {}).get("findings", ())]

    @property
    def concerns(self) -> Sequence[Mapping[str, Any]]:
        return (self.outcome.get("verification") or {}).get("concerns") or ()

    @property
    def reach(self) -> Sequence[Mapping[str, Any]]:
        return (self.outcome.get("verification") or {}).get("side_effects") or ()

    @property
    def proven(self) -> list[Mapping[str, Any]]:
        """What the change's own tests said on the source as it was, for each test command that ran them."""
        findings = (self.outcome.get("verification") or {}).get("findings", ())
        return [finding["red_green"] for finding in findings if finding.get("red_green")]

    @property
    def blocked(self) -> tuple[Blocked, ...]:
        """What set-up asked for and did not get."""
        return of_task(self.record.facts)

    @property
    def allow(self) -> str:
        """The line of ``.dayhand.toml`` that would let it have that; "" where none would."""
        hosts = dict.fromkeys(one.host for one in self.blocked if one.allowable)
        return f"allow = [{', '.join(json.dumps(host) for host in hosts)}]" if hosts else ""

    @property
    def steps(self) -> list[StageRow]:
        begun = {time.stage: time for time in self.record.stages}
        steps = []
        for stage, words in STAGES.items():
            time = begun.get(stage)
            if time is None:
                steps.append(StageRow(stage, words, None, running=False))
                continue
            running = time.ended is None and self.running
            ended = time.ended or (self.now if running else self.record.updated_at)
            steps.append(StageRow(stage, words, ended - time.started, running))
        return [step for step in steps if step.seconds is not None or self.running]

    @property
    def stage(self) -> str:
        """What it does now, in words; "" where it does nothing yet."""
        stage = self.record.stage
        return STAGES[Stage(stage)] if stage else ""

    @property
    def age(self) -> str:
        return spoken_time(self.now - self.record.task.created_at)

    @property
    def took(self) -> str:
        return spoken_time(
            (self.now if self.running else self.record.updated_at) - self.record.task.created_at
        )

    @property
    def place(self) -> str:
        """Where it belongs: an issue, or the repository where no person asked."""
        task = self.record.task
        return f"{task.repository}#{task.number}" if task.number else task.repository

    @property
    def issue_url(self) -> str:
        task = self.record.task
        return f"{self.github}/{task.repository}" + (f"/issues/{task.number}" if task.number else "")

    @property
    def pull_url(self) -> str:
        """The address of the pull request; only http(s) ones, since it becomes a link."""
        url = str(self.outcome.get("url") or self.record.facts.get("pull_url", ""))
        return url if url.startswith(("http://", "https://")) else ""


def spoken_time(seconds: float) -> str:
    """A duration in at most two units.

    >>> spoken_time(0.31), spoken_time(42), spoken_time(95), spoken_time(7260)
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


def _row(finding: Mapping[str, Any]) -> TaskRow:
    mark = MARKS[Verdict(finding["verdict"])]
    line = (finding.get("head") or {}).get("line", 0)
    return TaskRow(
        finding["kind"],
        finding["command"],
        finding["verdict"],
        mark,
        TONES[mark],
        line,
        finding.get("missing") or finding.get("note") or ", ".join(finding.get("failing", ())[:5]),
    )
