"""What a killed worker's successor finds."""

from __future__ import annotations

import pytest
from redis import Redis

from dayhand.errors import LedgerError
from dayhand.ledger import keys
from dayhand.ledger.journal import Journal, JournalledTurn
from dayhand.ledger.ledger import Claim, Ledger
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
