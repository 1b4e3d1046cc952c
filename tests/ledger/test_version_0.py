"""Records that the version before the first numbered shape wrote into Redis: all of them are still read.

``version_0/redis.json`` holds what that version itself wrote; nothing in it is ever edited.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from dayhand.agent.model.fallback import FallbackModels
from dayhand.agent.model.feature_store import RedisFeatureStore
from dayhand.ledger import facts
from dayhand.ledger.journal import Journal, Journalled, JournalledTurn
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import LogReader
from dayhand.ledger.repository_notes import last_examination
from dayhand.task import (
    NOT_ALLOWED,
    Answered,
    Blocked,
    Citation,
    Examined,
    ExaminedCheck,
    Proof,
    Proposed,
    SetupStep,
    Solution,
    State,
    TaskKind,
    Unfinished,
)
from dayhand.usage import Limit, LimitHit, Resource, Switch, Usage
from dayhand.verification import (
    Concern,
    Counts,
    Finding,
    FormattingOnly,
    RedGreen,
    Run,
    Scope,
    Status,
    Verdict,
    Verification,
)
from tests.ledger.conftest import TASK, claimed

WRITTEN: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "version_0" / "redis.json").read_text("utf-8")
)


@pytest.fixture(autouse=True)
def written(redis: Redis) -> None:
    """Everything that the old version wrote, in this Redis."""
    for key, stored in WRITTEN.items():
        ((kind, value),) = stored.items()
        match kind:
            case "hash":
                redis.hset(key, mapping=value)
            case "string":
                redis.set(key, value)
            case "set":
                redis.sadd(key, *value)
            case "zset":
                redis.zadd(key, value)
            case "stream":
                for entry_id, fields in value:
                    redis.xadd(key, fields, id=entry_id)


def test_every_task_is_read(ledger: Ledger) -> None:
    records = {record.task.id: record for record in ledger.recent()}
    assert {name: record.state for name, record in records.items()} == {
        "fix-1": State.PROPOSED,
        "small-1": State.PROPOSED,
        "answer-1": State.ANSWERED,
        "env-1": State.ANSWERED,
        "failed-1": State.FAILED,
        "failed-2": State.FAILED,
        "run-1": State.RUNNING,
        "queued-1": State.QUEUED,
    }
    fix, examined = records["fix-1"], records["env-1"]
    assert (fix.task.ask, fix.task.title, fix.stages[0].stage) == (TASK.ask, TASK.title, "solve")
    assert examined.task.ask.kind is TaskKind.ENVIRONMENT
    assert records["failed-1"].reason == "No box."


USAGE = Usage(
    "large, then small",
    turns=9,
    input_tokens=1200,
    cached_tokens=300,
    output_tokens=80,
    dollars=0.42,
    by_model=(
        Usage("large", turns=4, input_tokens=700, dollars=0.4, seconds=20.0),
        Usage(
            "small",
            turns=5,
            input_tokens=500,
            cached_tokens=300,
            output_tokens=80,
            dollars=0.02,
            seconds=41.5,
        ),
    ),
    seconds=61.5,
)
LIMIT_HIT = LimitHit(Limit(Resource.MONEY, 5.0, "DAYHAND_MAX_DOLLARS"), 4.9, exceeded=True)
SOLUTION = Solution(
    "Sort the other way",
    "I turned it “round” [tests: 212 passed].",
    ("Is 3 right?",),
    (Citation("sql/search.sql", 12, "ORDER BY rank"),),
    USAGE,
    (Switch("large", "small", "The server answered 503."),),
    LIMIT_HIT,
)
PROOFS = (
    Proof(Citation("sql/search.sql", 12, "ORDER BY rank"), True, "ORDER BY rank DESC", "c0ffee"),
    Proof(Citation("sql/gone.sql", 1), False, "There is no such file.", "c0ffee"),
)
BLOCKED = (
    Blocked("files.example.org", 443, NOT_ALLOWED, "npm ci"),
    Blocked("10.0.0.1", 80, "the address is private", "make ü"),
)


def run(code: int | None = 0, reason: str = "exit", line: int = 42) -> Run:
    return Run("pytest -q", code, reason, 1.5, "1 passed", line)


def test_a_proposal_is_read_with_every_part(ledger: Ledger) -> None:
    findings = (
        Finding(
            "test",
            "pytest -q",
            Verdict.NEW_FAILURE,
            run(1),
            run(0, line=50),
            rerun=run(1, line=60),
            failing=("tests/test_a.py::test_b",),
            fixed=("tests/test_a.py::test_c",),
            counts=Counts(211, 1, 3),
            red_green=RedGreen(
                False, run(0, line=70), ("tests/test_a.py::test_c",), ("tests/test_a.py::test_idle",)
            ),
            note="It failed twice.",
        ),
        Finding("test", "npm test", Verdict.DOES_NOT_TEST, run(None, "wall")),
        Finding("types", "mypy", Verdict.FLAKY, run(1), rerun=run(0)),
        Finding("lint", "eslint", Verdict.CANNOT_RUN, None, missing="eslint"),
    )
    concerns = (
        Concern("skipped test", "tests/test_a.py", 12, "test_b"),
        Concern("deleted test", "tests/test_z.py", 0, "test_gone"),
    )
    scope = Scope(
        900,
        12,
        max_lines=800,
        max_files=40,
        formatting_only=(FormattingOnly("a.py", 3, 4), FormattingOnly("b.py", 7, 7)),
        unmentioned=("setup.cfg", "docs/ü.md"),
    )
    side_effects = (Concern("workflow", ".github/workflows/ci.yml", 3, "runs-on: x"),)
    verification = Verification("7ree", findings, concerns, scope, side_effects, LIMIT_HIT)
    url = "https://example.org/acme/shop/pull/8"
    assert ledger.record("fix-1").outcome == Proposed(url, "c0ffee", verification, SOLUTION, PROOFS)


def test_the_other_outcomes_are_read(ledger: Ledger) -> None:
    assert ledger.record("answer-1").outcome == Answered(SOLUTION, PROOFS)
    assert ledger.record("failed-1").outcome == Unfinished(USAGE)
    assert ledger.record("failed-2").outcome is None
    examined = ledger.record("env-1").outcome
    assert examined == Examined(
        "c0ffee",
        ("Python", "Node.js"),
        (SetupStep("install", "uv sync", passed=False, seconds=1.0, reason="no"),),
        (
            ExaminedCheck("test", "pytest -q", "pyproject.toml", run()),
            ExaminedCheck("lint", "ruff", "", None, "ruff is missing"),
        ),
        BLOCKED,
        ("Python 3.9 is pinned.",),
        known=True,
        seconds=0.5,
    )
    assert last_examination(ledger, TASK.repository) == examined


def test_every_fact_is_read(ledger: Ledger) -> None:
    record = ledger.record("fix-1")
    read = {fact.name: record.fact(fact) for fact in facts.ALL}
    assert read == {
        "base": "ba5e",
        "start": "57a7",
        "branch": "dayhand/7-wrong-order-2",
        "head": "c0ffee",
        "onto": "release",
        "own_branch": "",
        "unfinished_head": "beef",
        "unfinished_branch": "dayhand/7-unfinished",
        "pull": 8,
        "pull_url": "https://example.org/acme/shop/pull/8",
        "check": 31,
        "check_url": "https://example.org/checks/31",
        "check_head": "c0ffee",
        "environment_warning": "No Docker here.",
        "patch": "diff --git a/a b/a\n",
        "conclusion_if_accepted": Status.NEUTRAL,
        "accepted_by": "ann",
        "held_back": None,  # it came later
        "hidden_text": None,  # it came later
        "base_branch": None,  # it came later
        "instructions": None,  # it came later
        "snapshot": None,  # it came later
        "ended_pull": None,  # it came later
        **dict.fromkeys(
            (
                "check_node",
                "comment_id",
                "comment_node",
                "opening",
                "concluding",
                "repository_id",
                "waiting_notice",
                "asked_limits",
                "commenting",
            )
        ),
        "model_switches": ((Switch("large", "small", "The server answered 503."), 4),),
        "blocked": BLOCKED,
    }
    task_facts = ledger.facts("fix-1")
    assert {fact.name: task_facts.get(fact) for fact in facts.ALL} == read


def test_a_fact_under_its_old_name_is_replaced_by_the_new_one(ledger: Ledger) -> None:
    task_facts = ledger.facts("fix-1")
    task_facts.put(facts.UNFINISHED_BRANCH, "other")
    assert task_facts.get(facts.UNFINISHED_BRANCH) == "other"


def test_a_journal_and_its_checkpoint_are_read(ledger: Ledger) -> None:
    claim = claimed(ledger, task_id="queued-1")
    journal = Journal(ledger.redis, "run-1", claim)
    first, second = journal.turns()
    call = {"type": "function_call", "name": "run", "arguments": "{}", "call_id": "c1"}
    output = {"type": "function_call_output", "call_id": "c1", "output": "ü"}
    assert first == JournalledTurn(1, (call,), Usage("large", input_tokens=10, dollars=0.1), (output,))
    assert second == JournalledTurn(2, (call,), Usage("large", input_tokens=12))
    history = ({"role": "user", "content": "so far"},)
    assert journal.compactions() == {3: Journalled(history, Usage("large", input_tokens=5))}
    assert journal.checkpoint() == (2, b"\x00tree")


def test_the_switches_of_models_are_read(ledger: Ledger) -> None:
    models = FallbackModels([], ledger.facts("fix-1"))
    assert models.switches == (Switch("large", "small", "The server answered 503."),)


def test_the_log_and_what_a_server_lacks_are_read(ledger: Ledger) -> None:
    assert [note.text for note in LogReader(ledger.redis).read("fix-1")] == ["solve", "Hello „you“."]
    store = RedisFeatureStore(ledger.redis, "https://models.example.org/v1", "large")
    assert store.recall() == {"background", "images"}
