"""The table of faults in docs/agent.md, row by row: each model failure, and the result that people get."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dayhand.agent.model.retry import RetryPolicy
from dayhand.journey_tools import Tools
from dayhand.ledger.ledger import Claim, Record
from dayhand.localhub.state.models import Issue, Repository
from dayhand.publish.base import Publication
from dayhand.scripted_model.moves import FOREVER, Fault, Finish, Move, Plan, Refuse, Say, Shell, ToolCall
from dayhand.scripted_model.responses_format import response_for
from dayhand.scripted_model.server import CHAT
from dayhand.task import State, Task
from dayhand.wiring.github import GitHubServices
from dayhand.wiring.models import open_model
from dayhand.worker.job import travel_with
from tests.journey.harness import DONE, FIX, Harness

ROOT = Path(__file__).parents[2]
FIXED = "def total(prices):\n    return sum(prices)\n"


def status(code: int, comment_text: str, kind: str = "", times: float = 1, **headers: str) -> Fault:
    body = json.dumps({"error": {"message": comment_text, "code": kind or None}})
    return Fault(
        "status", code, body, {name.replace("_", "-"): value for name, value in headers.items()}, times
    )


LOOKS = ("ls", "cat shop.py", "git log --oneline", "git status", "ls -a")
NO_JSON = ToolCall("shell", '{"command": ')
UNKNOWN = ToolCall("frobnicate", "{}")
FILTERED = json.dumps(
    {**response_for([], sent=4, status="incomplete"), "incomplete_details": {"reason": "content_filter"}}
)
NEVER_ENDS = [[Plan(((f"step {n}", "pending"),))] for n in range(70)]
WAITS = [[status(429, "slow", Retry_After="100"), *moves] for moves in NEVER_ENDS]
LASTS = [[Shell("echo begun; sleep 60")], *NEVER_ENDS]

# What the model's server plays after a first turn that mends the shop; a fault is played before the rest of its turn.
FAULTS: dict[str, list[list[Move]]] = {
    "429 with Retry-After": [[status(429, "slow", Retry_After="7"), DONE]],
    "429 without Retry-After": [[status(429, "slow", times=2), DONE]],
    "429 that stays": [[status(429, "slow", times=FOREVER)]],
    "5xx": [[status(503, "busy"), DONE]],
    "5xx that stays": [[status(500, "oops", times=FOREVER)]],
    "dropped stream": [[Fault("drop"), DONE]],
    "dropped stream that stays": [[Fault("drop", times=FOREVER)]],
    "stalled stream": [[Fault("stall"), DONE]],
    "stalled stream that stays": [[Fault("stall", times=FOREVER)]],
    "invalid reply": [[Fault("nonsense", body="<html>"), DONE]],
    "invalid reply that stays": [[Fault("nonsense", body="<html>", times=FOREVER)]],
    "arguments that are not JSON": [[NO_JSON], [DONE]],
    "arguments that are never JSON": [[NO_JSON]],
    "unknown tool": [[UNKNOWN], [DONE]],
    "unknown tool every time": [[UNKNOWN]],
    "empty reply": [[Fault("empty"), DONE]],
    "empty reply every time": [[Fault("empty", times=FOREVER)]],
    "truncated reply": [[Fault("cut")], [DONE]],
    "truncated reply every time": [[Fault("cut", times=FOREVER)]],
    "refusal": [[Refuse("I will not touch prices.")]],
    "refusal by the service": [[status(400, "no", "content_policy_violation", FOREVER)]],
    "reply cut by a content filter": [[Fault("nonsense", body=FILTERED, times=FOREVER)]],
    "context overflow": [[status(400, "too long", "context_length_exceeded")], [DONE]],
    "context overflow that stays": [[status(400, "too long", "context_length_exceeded", FOREVER)]],
    "request too large": [[status(413, "Payload Too Large")], [DONE]],
    "insufficient quota": [[status(429, "quota", "insufficient_quota", FOREVER)]],
    "empty account, with another model left": [
        [
            replace(
                status(400, "Your credit balance is too low to access the API.", times=FOREVER), model="one"
            ),
            DONE,
        ]
    ],
    "wrong key": [[status(401, "who are you?", "invalid_api_key", FOREVER)]],
    "model that does not exist": [[status(404, "no such model", "model_not_found", FOREVER)]],
    "no Responses API": [[DONE]],
    "neither API": [[status(501, "Not implemented", times=FOREVER)]],
    "flaky test that is run again": [[Shell(command)] for look in LOOKS for command in ("false", look)]
    + [[DONE]],
    "model that repeats itself": [[Shell("cat nowhere.txt")]],
    "model that repeats what works": [[Shell("ls")]],
    "model that says it is done, without a call": [[Say("All done!")]],
    "model that finishes without a change": [[Finish("Mend totals", "I mended the totals.")]],
    "model that never ends": NEVER_ENDS,
    "turns that run out": NEVER_ENDS,
    "money that runs out": NEVER_ENDS,
    "money that runs out, with a final reply": NEVER_ENDS,
    "money that runs low": NEVER_ENDS,
    "money that one reply uses up": NEVER_ENDS,
    "tokens that run out": NEVER_ENDS,
    "minutes that run out": WAITS,
    "minutes that run out in a request": [[status(429, "slow", Retry_After="700"), DONE]],
    "minutes that a command uses up": LASTS,
}
MONEY = {"models": ("gpt-6.1-sol",), "max_dollars": 0.05}
# What the operator set for it, and what the model does when it is told.
SETTINGS: dict[str, dict[str, object]] = {
    "empty account, with another model left": {"models": ("one", "two")},
    "model that never ends": {"max_turns": 60},
    "turns that run out": {"max_turns": 60},
    "money that runs out": MONEY,
    "money that runs out, with a final reply": MONEY,
    "money that runs low": MONEY,
    "money that one reply uses up": {**MONEY, "max_dollars": 0.006},
    "tokens that run out": {"max_tokens": 31_000},
    "minutes that run out": {"max_minutes": 20.0},
    "minutes that run out in a request": {"max_minutes": 10.0},
    "minutes that a command uses up": {"max_minutes": 0.05, "max_turns": 60},
}
LEFT = Finish("Count nothing twice", "The sum began at one. The tests are left.")
TRIGGERS: dict[str, dict[str, list[Move]]] = {
    "turns that run out": {"is the last one": [LEFT]},
    "money that runs out, with a final reply": {"is the last one": [Shell("ls"), LEFT]},
    "money that runs low": {"Finish what you can": [LEFT]},
    "minutes that run out": {"is the last one": [LEFT]},
    "minutes that a command uses up": {"is the last one": [LEFT]},
}


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    happens: str
    ends: str
    reads: str
    kept: str
    shown_by: str


def table() -> dict[str, Row]:
    section = (ROOT / "docs/agent.md").read_text().partition("\n## Faults\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {fault: Row(*cells) for fault, *cells in rows}


ROWS = table()


def quoted(cell: str) -> list[str]:
    """The texts in “ ”, which may contain “ ” themselves."""
    return re.findall(r"“((?:[^“”]|“[^“”]*”)*)”", cell)


class Clock:
    """A clock that advances only when something waits."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def time(self) -> float:
        return self.now


class FakeClockWorkshop:
    """A workshop whose model client waits by that clock."""

    def __init__(self, harness: Harness, *, idle: float) -> None:
        self._workshop = GitHubServices(harness.settings, harness.ledger)
        self.clock = clock = Clock()
        self._retry_policy = RetryPolicy(
            idle_timeout=idle, jitter=lambda: 0.5, sleep=clock.sleep, clock=clock.time
        )
        self.publication = self._workshop.publication
        self.notify = self._workshop.notify

    @contextmanager
    def tools(self, task: Task, claim: Claim, publication: Publication) -> Iterator[Tools]:
        settings, redis = self._workshop.settings, self._workshop.ledger.redis
        with (
            self._workshop.tools(task, claim, publication) as tools,
            open_model(settings, redis, claim.facts, retry_policy=self._retry_policy) as model,
        ):
            yield replace(tools, model=model, clock=self.clock.time)


@dataclass
class TaskResult:
    """The result of a task."""

    record: Record
    repo: Repository
    issue: Issue
    log: str  # and everything that the model was told


def run_with_faults(harness: Harness, turns: list[list[Move]], fault: str = "") -> TaskResult:
    idle = {"stalled stream": 2.0, "stalled stream that stays": 0.5}.get(fault, 30.0)
    harness.scripted_model.turns, harness.scripted_model.triggers = turns, TRIGGERS.get(fault, {})
    harness.settings = replace(harness.settings, **SETTINGS.get(fault, {}))
    if fault == "no Responses API":
        harness.model_server.endpoint = CHAT
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (task_id,) = harness.waiting()
    travel_with(harness.ledger.claim(task_id, "w"), FakeClockWorkshop(harness, idle=idle))
    harness.settle()
    log = "\n".join(note.text for note in harness.live.read(task_id))
    last = json.loads(harness.model_server.bodies[-1])
    asked = json.dumps(last.get("input", last.get("messages")), ensure_ascii=False)
    return TaskResult(harness.ledger.record(task_id), repo, issue, f"{log}\n{asked}")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_row_of_the_table_holds(harness: Harness, fault: str) -> None:
    row = ROWS[fault]
    turns = FAULTS[fault] if row.kept == "nothing to keep" else [[FIX], *FAULTS[fault]]
    result = run_with_faults(harness, turns, fault)
    for words in quoted(row.happens):
        assert words in result.log
    comment_text = harness.bot_comments(result.issue)[-1]
    for words in quoted(row.reads):
        assert words in comment_text.replace("\\", "")
    assert "Dayhand itself failed" not in result.record.reason
    (pull,) = harness.pulls(result.repo)
    assert pull.pull
    conclusions = {check.conclusion for check in harness.checks(result.repo, pull)}
    match row.ends:
        case "recovered":
            assert result.record.state is State.PROPOSED, result.record.reason
            assert (pull.pull.draft, conclusions) == (False, {"success"})
        case "named failure":
            assert result.record.state is State.FAILED
            assert (pull.pull.draft, pull.state, conclusions) == (True, "open", {"failure"})
            assert "**Unfinished** work for #1." in pull.body
            assert "**What to do:**" in comment_text or not quoted(row.reads)[1:]
            assert f"My unfinished, unchecked work is on the branch `{pull.pull.head}`" in comment_text
        case "draft for a decision":
            assert result.record.state is State.PROPOSED, result.record.reason
            assert (pull.pull.draft, pull.pull.reviewers, conclusions) == (True, [], {"action_required"})
            assert "✋ **This stays a draft:** the model had to stop at a limit" in pull.body
        case "finished early":
            assert result.record.state is State.PROPOSED, result.record.reason
            assert (pull.pull.draft, conclusions) == (False, {"success"})
            assert "⏳ **Finished early** " in pull.body
            assert [check.title.partition(";")[2] for check in harness.checks(result.repo, pull)] == [
                " the model was told to finish early (2 of 2 pass)"
            ]
        case "answered":
            assert result.record.state is State.ANSWERED
            assert (pull.state, conclusions) == ("closed", {"neutral"})
        case _:
            pytest.fail(f"“{row.ends}” is not a known outcome")
    if row.kept == "yes":
        assert result.repo.store.text(pull.pull.head, "shop.py") == FIXED
    else:
        assert harness.branches(result.repo) == {"main"}


def test_each_row_names_tests_that_exist() -> None:
    assert set(ROWS) == set(FAULTS)
    for fault, row in ROWS.items():
        first, *others = re.findall(r"`([^`]+)`", row.shown_by)
        assert first == f"[{fault}]"
        for name in others:
            file, _, function = name.partition("::")
            assert f"def {function}(" in (ROOT / "tests/agent" / file).read_text(), name
