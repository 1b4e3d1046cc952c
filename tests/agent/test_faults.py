"""The table of faults in docs/agent.md, row by row: each model failure, and the result that people get."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dayhand.agent.compaction import COMPACTED
from dayhand.agent.loop import solve
from dayhand.agent.model.fallback import FallbackModels
from dayhand.agent.model.retry import RetryPolicy
from dayhand.errors import ModelError
from dayhand.ledger.ledger import Ledger
from dayhand.publish.wording import comment
from dayhand.sandbox.base import Box
from dayhand.scripted_model.moves import (
    FOREVER,
    Fault,
    Finish,
    Move,
    Patch,
    Plan,
    Refuse,
    Say,
    Script,
    ScriptState,
    Shell,
    ToolCall,
)
from dayhand.scripted_model.responses_format import response_for
from dayhand.scripted_model.server import CHAT, RESPONSES, ScriptedServer
from dayhand.settings.table import Settings
from dayhand.task import Solution
from dayhand.verification import Verification
from dayhand.wiring.models import open_model
from dayhand.wiring.tools import work_limits
from tests.agent.conftest import Clock, Journal, Log
from tests.agent.test_loop import DONE, PATCH, TASK

ROOT = Path(__file__).parents[2]
FIXED = 'print("hello")\n'


def status(code: int, comment_text: str, kind: str = "", times: float = 1, **headers: str) -> Fault:
    body = json.dumps({"error": {"message": comment_text, "code": kind or None}})
    return Fault(
        "status", code, body, {name.replace("_", "-"): value for name, value in headers.items()}, times
    )


LOOKS = ("ls", "cat src/app.py", "git log --oneline", "git status", "ls -a")
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
IDLE = {"stalled stream": 2.0, "stalled stream that stays": 0.5}  # seconds
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


@dataclass
class Played:
    """What came of a fault."""

    result: Solution | ModelError
    log: str  # and everything that the model was told

    @property
    def comment(self) -> str:
        """What the person reads."""
        match self.result:
            case ModelError() as error:
                text = comment.failed(TASK, error, "/tasks/t-1", outcome="", handle="bot")
            case Solution(limit_hit=None) as solution:
                text = comment.answered(
                    TASK, solution, (), repository_url="/acme/shop", task_url="/tasks/t-1"
                )
            case Solution(limit_hit=hit, usage=usage):
                text = comment.proposed(TASK, "/pull/2", Verification("", limit_hit=hit), usage=usage)
        return text.replace("\\", "")

    def outcome(self, *, changed: bool) -> str:
        """The outcome that the journey makes of it."""
        match self.result:
            case ModelError():
                return "named failure"
            case Solution(limit_hit=None):
                return "recovered" if changed else "answered"
            case Solution(limit_hit=hit):
                return "draft for a decision" if hit.exceeded else "finished early"


def script(turns: list[list[Move]], triggers: dict[str, list[Move]]) -> Script:
    def play(state: ScriptState) -> list[Move]:
        for words, moves in triggers.items():
            if words in state.new_text:
                return moves
        forgotten = 2 if COMPACTED in state.prompt else 0  # turns before a compaction are not played again
        return turns[min(state.turn + forgotten, len(turns) - 1)]

    return Script("faults", lambda _: True, play)


@contextmanager
def open_models(settings: Settings, ledger: Ledger, clock: Clock, *, idle: float) -> Iterator[FallbackModels]:
    """The models of the settings, which wait by this clock."""
    ledger.open(TASK, delivery="d-1", thread="acme/shop#7:fix")
    claim = ledger.claim(TASK.id, "worker")
    assert claim
    policy = RetryPolicy(idle_timeout=idle, jitter=lambda: 0.5, sleep=clock.sleep, clock=clock.time)
    with open_model(settings, ledger.redis, claim.facts, retry_policy=policy) as models:
        yield models


def play_fault(fault: str, turns: list[list[Move]], box: Box, *, ledger: Ledger, data: Path) -> Played:
    clock, log = Clock(), Log()
    endpoint = CHAT if fault == "no Responses API" else RESPONSES
    with ScriptedServer([script(turns, TRIGGERS.get(fault, {}))], keep=True, endpoint=endpoint) as server:
        plain = Settings(data=data, openai_base_url=server.base_url, models=("scripted",))
        settings = replace(plain, **SETTINGS.get(fault, {}))
        with open_models(settings, ledger, clock, idle=IDLE.get(fault, 30.0)) as models:
            limits = replace(work_limits(settings), clock=clock.time)
            result: Solution | ModelError
            try:
                result = solve(TASK, box, models, briefing="", journal=Journal(), log=log, limits=limits)
            except ModelError as error:
                result = error
    last = json.loads(server.bodies[-1])
    asked = json.dumps(last.get("input", last.get("messages")), ensure_ascii=False)
    return Played(result, "\n".join([*(text for _, text in log.lines), asked]))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_row_of_the_table_holds(box: Box, ledger: Ledger, tmp_path: Path, fault: str) -> None:
    row = ROWS[fault]
    kept = row.kept == "yes"
    turns = [[Patch(PATCH)], *FAULTS[fault]] if kept else FAULTS[fault]
    played = play_fault(fault, turns, box, ledger=ledger, data=tmp_path)
    for words in quoted(row.happens):
        assert words in played.log
    for words in quoted(row.reads):
        assert words in played.comment
    changed = bool(box.run("git status --short").text())
    assert played.outcome(changed=changed) == row.ends
    assert changed == kept
    assert box.run("cat src/app.py").text() == (FIXED if kept else 'print("hi")\n')


def test_each_row_names_tests_that_exist() -> None:
    assert set(ROWS) == set(FAULTS)
    for fault, row in ROWS.items():
        first, *others = re.findall(r"`([^`]+)`", row.shown_by)
        assert first == f"[{fault}]"
        for name in others:
            file, _, function = name.partition("::")
            assert f"def {function}(" in (ROOT / "tests/agent" / file).read_text(), name
