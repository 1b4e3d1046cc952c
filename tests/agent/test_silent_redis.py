"""A reply that has arrived is durable, even if Redis is silent and the process is killed: nobody pays for it again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dayhand.agent.loop import solve
from dayhand.agent.model.base import Listener, Model, Reply
from dayhand.agent.model.feature_store import RedisFeatureStore
from dayhand.agent.understand import understand
from dayhand.ledger.journal import Journal
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import TaskLog
from dayhand.ledger.redis_server import connect
from dayhand.ledger.repository_notes import RepositoryNotes
from dayhand.scripted_model.moves import Fault, Finish, Move, Say, Script, Shell, ToolCall
from tests.agent.conftest import Play, script
from tests.agent.test_compaction import GROWS, WINDOW
from tests.agent.test_loop import TASK, Boxes
from tests.waiting import becomes_true

DONE: list[Move] = [Finish("Say hello", "It said hi.")]
PARAGRAPHS = Say("I look at the tests.\n\nThen I begin.")
REJECTION = '{"error": {"message": "Unknown parameter: prompt_cache_key"}}'
UNDERSTOOD = ToolCall("understand", '{"wanted": "change", "question": ""}')


@dataclass(frozen=True, slots=True)
class SilencingModel:
    """A model during whose ``nth`` reply Redis is silent, and which is slow to give it."""

    inner: Model
    redis_pid: int
    nth: int
    asked: list[int]

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def reply(self, *arguments: Any, listener: Listener, **options: Any) -> Reply:
        self.asked.append(len(self.asked))
        if len(self.asked) == self.nth:
            os.kill(self.redis_pid, signal.SIGSTOP)
            for _ in range(2):
                listener.on_wait()
        return self.inner.reply(*arguments, listener=listener, **options)


@pytest.fixture
def redis_pid(ledger: Ledger) -> Iterator[int]:
    pid = ledger.redis.info()["process_id"]
    yield pid
    os.kill(pid, signal.SIGCONT)


@dataclass(frozen=True, slots=True)
class Worker:
    """Makes an attempt at the task, with its own connections."""

    redis_url: str
    boxes: Boxes
    replies: Path
    understands: bool

    def attempt(self, model: Model) -> None:
        ledger = Ledger(connect(self.redis_url))
        claim = ledger.claim(TASK.id, "worker")
        assert claim is not None
        journal, log = Journal(ledger.redis, TASK.id, claim, replies=self.replies), TaskLog(ledger, claim)
        if self.understands:
            notes = RepositoryNotes(ledger, claim, TASK.repository)
            understand(TASK, model, journal=journal, log=log, notes=notes)
        else:
            solve(TASK, self.boxes(), model, briefing="", journal=journal, log=log)

    def attempt_in_a_process(self, model: Model) -> int:
        if pid := os.fork():
            return pid
        try:
            self.attempt(model)
        finally:
            os._exit(1)


@pytest.mark.parametrize(
    ("plays", "nth", "requests"),
    [
        (script([[PARAGRAPHS, Shell("true")], DONE]), 1, 2),
        (script([[Fault("drop"), Shell("true")], DONE]), 1, 3),
        (script([[Fault("status", 400, REJECTION), Shell("true")], DONE]), 1, 3),
        (GROWS, 4, 6),
        (script([[UNDERSTOOD]]), 1, 1),
    ],
    ids=["a turn", "after a fault", "without a feature", "a compaction", "an understanding"],
)
def test_a_reply_is_durable_while_redis_is_silent(
    play: Play,
    boxes: Boxes,
    ledger: Ledger,
    *,
    redis_url: str,
    redis_pid: int,
    tmp_path: Path,
    plays: Script,
    nth: int,
    requests: int,
) -> None:
    ledger.open(TASK, delivery="d-1", thread="1001#7")
    features = RedisFeatureStore(ledger.redis, "server", "m")
    played = play(plays=plays, window=WINDOW if plays is GROWS else 0, feature_store=features)
    worker = Worker(redis_url, boxes, tmp_path / "replies", understands=requests == 1)
    pid = worker.attempt_in_a_process(SilencingModel(played.model, redis_pid, nth, []))
    try:
        assert becomes_true(lambda: {*worker.replies.glob("*")} - {*worker.replies.glob("*.part")})
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.kill(redis_pid, signal.SIGCONT)
    ledger.drop("worker")
    worker.attempt(played.model)
    assert played.server.count == requests, "nothing was paid for again"
    assert [*worker.replies.iterdir()] == []
