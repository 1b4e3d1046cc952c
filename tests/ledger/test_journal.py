"""What a killed worker's successor finds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from dayhand.errors import LeaseLost, LedgerError, NewerRecord
from dayhand.ledger import keys
from dayhand.ledger.journal import Journal, JournalledTurn
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.redis_server import connect
from dayhand.usage import Usage
from tests.ledger.conftest import TASK, claimed


def test_turns_come_back_in_order_with_their_results(ledger: Ledger, claim: Claim, redis: Redis) -> None:
    memory = Journal(redis, TASK.id, claim)
    for turn in range(1, 13):
        memory.write_reply(turn, [{"type": "message", "text": f"„{turn}“"}], Usage(input_tokens=turn))
        if turn < 12:
            memory.write_results(turn, [{"output": turn}])
    claim.release()
    turns = Journal(redis, TASK.id, claimed(ledger, "two")).turns()
    assert [entry.turn for entry in turns] == list(range(1, 13))
    assert turns[1] == JournalledTurn(
        2, ({"type": "message", "text": "„2“"},), Usage(input_tokens=2), ({"output": 2},)
    )
    assert turns[-1].results is None  # journalled before it was acted on


def test_an_entry_of_a_newer_version_is_refused(claim: Claim, redis: Redis) -> None:
    journal = Journal(redis, TASK.id, claim)
    journal.write_reply(1, [], Usage())
    newer = '{"version": 99, "items": [], "usage": {}}'
    for field, read in (
        ("reply:1", journal.turns),
        ("results:1", journal.turns),
        ("compaction:1", journal.compactions),
    ):
        redis.hset(keys.journal(TASK.id), field, newer)
        with pytest.raises(LedgerError, match="A newer version of Dayhand wrote this journal entry"):
            read()
        redis.hdel(keys.journal(TASK.id), field)


def test_the_last_checkpoint_comes_back_byte_for_byte(claim: Claim, redis: Redis) -> None:
    memory = Journal(redis, TASK.id, claim)
    assert memory.checkpoint() is None
    assert memory.turns() == []
    memory.save_checkpoint(1, b"old")
    memory.save_checkpoint(2, bytes(range(256)) * 1000)
    assert memory.checkpoint() == (2, bytes(range(256)) * 1000)


def test_a_reply_that_redis_could_not_take_is_kept_on_disk_and_written_later(
    ledger: Ledger, claim: Claim, redis: Redis, tmp_path: Path
) -> None:
    """The reply is paid: the next process on this machine writes it, before it would ask for it again."""
    gone = Journal(
        connect(f"unix://{tmp_path}/gone.sock", quick=True), TASK.id, claim, replies=tmp_path / "r"
    )
    with pytest.raises(RedisError):
        gone.write_reply(1, [{"text": "„paid“"}], Usage(dollars=0.5))
    (kept,) = (tmp_path / "r").iterdir()
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    claim.release()
    elsewhere = Journal(redis, TASK.id, claimed(ledger, "two"), replies=tmp_path / "r")
    expected = [JournalledTurn(1, ({"text": "„paid“"},), Usage(dollars=0.5))]
    assert elsewhere.turns() == expected
    assert list((tmp_path / "r").iterdir()) == []
    assert Journal(redis, TASK.id, claim).turns() == expected


def test_a_reply_on_disk_never_replaces_the_one_that_another_worker_wrote(
    claim: Claim, redis: Redis, tmp_path: Path
) -> None:
    gone = Journal(
        connect(f"unix://{tmp_path}/gone.sock", quick=True), TASK.id, claim, replies=tmp_path / "r"
    )
    with pytest.raises(RedisError):
        gone.write_reply(1, [{"text": "old"}], Usage())
    Journal(redis, TASK.id, claim).write_reply(1, [{"text": "new"}], Usage())
    (turn,) = Journal(redis, TASK.id, claim, replies=tmp_path / "r").turns()
    assert turn.items == ({"text": "new"},)
    assert list((tmp_path / "r").iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", "null", '{"version": 1}', "\x00\x00"])
def test_half_a_reply_on_disk_is_no_reply(claim: Claim, redis: Redis, tmp_path: Path, text: str) -> None:
    """The machine lost its power before the file was on its disk."""
    (tmp_path / f"{TASK.id}_reply:1.kept").write_text(text, encoding="utf-8")
    assert Journal(redis, TASK.id, claim, replies=tmp_path).turns() == []
    assert list(tmp_path.iterdir()) == []


def test_a_reply_on_disk_survives_a_clock_that_jumps_and_a_newer_version(
    claim: Claim, redis: Redis, tmp_path: Path
) -> None:
    kept = tmp_path / f"{TASK.id}_reply:1.kept"
    kept.write_text('{"version": 99}', encoding="utf-8")
    os.utime(kept, (0, 0))
    with pytest.raises(NewerRecord):
        Journal(redis, TASK.id, claim, replies=tmp_path).turns()
    assert kept.exists(), "a process of that version writes it"


def test_a_reply_that_redis_has_or_that_comes_too_late_is_not_on_the_disk(
    ledger: Ledger, claim: Claim, redis: Redis, tmp_path: Path
) -> None:
    journal = Journal(redis, TASK.id, claim, replies=tmp_path / "r")
    journal.write_reply(1, [], Usage())
    assert list((tmp_path / "r").iterdir()) == []
    ledger.drop("one")
    claimed(ledger, "two")
    with pytest.raises(LeaseLost):
        journal.write_reply(2, [], Usage())
    assert list((tmp_path / "r").iterdir()) == []
