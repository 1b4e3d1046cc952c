"""Back up and restore as ``docs/backup.md`` says: stop the server, copy its append-only file, start another with the copy."""

from __future__ import annotations

import shutil
from pathlib import Path

from redis import Redis

from dayhand.ledger.deliveries import Deliveries
from dayhand.ledger.journal import Journal
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import LogReader, TaskLog
from dayhand.ledger.queue import enqueue, waiting
from dayhand.ledger.redis_server import connect, connect_raw, embedded
from dayhand.task import State
from dayhand.usage import Usage
from tests.ledger.conftest import TASK, THREAD, another, claimed

COPIED = Path("redis") / "appendonlydir"
REPLY = ({"type": "message", "text": "ü"},)
BODY = b'{"action": "labeled"}'


def work(url: str) -> None:
    """A task in the middle of its work, a finished one, and a delivery that nobody has handled."""
    with connect(url) as redis, connect_raw(url) as raw:
        ledger = Ledger(redis)
        ledger.open(TASK, delivery="d-1", thread=THREAD)
        claim = claimed(ledger)
        TaskLog(ledger, claim).line("say", "I am at it.")
        journal = Journal(redis, TASK.id, claim)
        journal.write_reply(1, REPLY, Usage("m", turns=1))
        journal.save_checkpoint(1, b"\0tree")
        other = another("8f00ba0001")
        ledger.open(other, delivery="d-2", thread="1001#8")
        ledger.finish(claimed(ledger, task_id=other.id), State.FAILED, reason="No box.")
        Deliveries(redis).store("d-3", "issues", BODY)
        enqueue(raw, TASK.id)


def test_a_task_goes_on_from_a_copy_of_the_append_only_file(tmp_path: Path) -> None:
    with embedded(tmp_path / "before") as url:
        work(url)
    shutil.copytree(tmp_path / "before" / COPIED, tmp_path / "after" / COPIED)
    shutil.rmtree(tmp_path / "before")

    with embedded(tmp_path / "after") as url, connect(url) as redis, connect_raw(url) as raw:
        ledger = Ledger(redis)
        assert {record.task.id: record.state for record in ledger.recent()} == {
            TASK.id: State.RUNNING,
            "8f00ba0001": State.FAILED,
        }
        assert list(waiting(raw)) == [TASK.id]
        assert Deliveries(redis).due() == ["d-3"]
        again = ledger.open(another("8f00ba0002"), delivery="d-1", thread="1001#9")
        assert again.task_id == TASK.id, "a delivery that comes again is known"
        continued(ledger, redis)


def continued(ledger: Ledger, redis: Redis) -> None:
    """The worker of before is gone: once its lease is over or it is known to be dead, another one takes the task."""
    ledger.drop("one")
    claim = claimed(ledger, "two")
    journal = Journal(redis, TASK.id, claim)
    (turn,) = journal.turns()
    assert (turn.items, journal.checkpoint()) == (REPLY, (1, b"\0tree"))
    assert [note.text for note in LogReader(redis).read(TASK.id)] == ["I am at it."]
    journal.write_reply(2, REPLY, Usage("m", turns=1))
    ledger.finish(claim, State.ANSWERED)
    assert ledger.record(TASK.id).state is State.ANSWERED
