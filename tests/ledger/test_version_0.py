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
from dayhand.ledger.blocked import of_repository, of_task
from dayhand.ledger.codec import decode_outcome
from dayhand.ledger.examined import last
from dayhand.ledger.feature_store import RedisFeatureStore
from dayhand.ledger.journal import Journal
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log_reader import Live
from dayhand.task import NOT_ALLOWED, Answered, Blocked, Examined, Proposed, State, TaskKind
from dayhand.usage import Switch
from dayhand.wiring import TaskFacts
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


def test_a_proposal_is_read_with_every_part(ledger: Ledger) -> None:
    record = ledger.record("fix-1")
    assert record.outcome
    outcome = decode_outcome(record.outcome)
    assert isinstance(outcome, Proposed)
    assert outcome.verification.scope.max_lines == 800
    assert outcome.verification.scope.max_files == 40


def test_an_answer_and_an_examination_are_read(ledger: Ledger) -> None:
    answered = decode_outcome(ledger.record("answer-1").outcome or {})
    assert isinstance(answered, Answered)
    examined = decode_outcome(ledger.record("env-1").outcome or {})
    assert isinstance(examined, Examined)
    assert last(ledger, TASK.repository) == examined


def test_blocked_hosts_are_read(ledger: Ledger) -> None:
    expected = (
        Blocked("files.example.org", 443, NOT_ALLOWED, "npm ci"),
        Blocked("10.0.0.1", 80, "the address is private", "make ü"),
    )
    assert of_task(ledger.record("fix-1").facts) == expected
    assert of_repository(ledger, TASK.repository) == expected


def test_a_journal_and_its_checkpoint_are_read(ledger: Ledger) -> None:
    claim = claimed(ledger, task_id="queued-1")
    journal = Journal(ledger.redis, "run-1", claim)
    first, second = journal.turns()
    assert (first["turn"], first["usage"]["dollars"], first["results"][0]["output"]) == (1, 0.1, "ü")
    assert (second["turn"], second["items"][0]["call_id"], "results" in second) == (2, "c1", False)
    assert journal.compactions()[3]["items"] == [{"role": "user", "content": "so far"}]
    assert journal.checkpoint() == (2, b"\x00tree")


def test_the_switches_of_models_are_read(ledger: Ledger) -> None:
    claim = claimed(ledger, task_id="queued-1")
    old = ledger.fact("fix-1", "model_switches") or ""
    ledger.put_fact(claim, "queued-1", "model_switches", value=old)
    models = FallbackModels([], TaskFacts(ledger, claim))
    assert models.switches == (Switch("large", "small", "The server answered 503."),)


def test_the_log_and_what_a_server_lacks_are_read(ledger: Ledger) -> None:
    assert [note.text for note in Live(ledger.redis).read("fix-1")] == ["solve", "Hello „you“."]
    store = RedisFeatureStore(ledger.redis, "https://models.example.org/v1", "large")
    assert store.recall() == {"background", "images"}
