"""What a killed worker's successor finds."""

from __future__ import annotations

from redis import Redis

from dayhand.ledger.journal import Journal
from dayhand.ledger.ledger import Claim, Ledger
from tests.ledger.conftest import TASK, claimed


def test_turns_come_back_in_order_with_their_results(ledger: Ledger, claim: Claim, redis: Redis) -> None:
    memory = Journal(redis, TASK.id, claim)
    for turn in range(1, 13):
        memory.write_reply(turn, [{"type": "message", "text": f"„{turn}“"}], {"input_tokens": turn})
        if turn < 12:
            memory.write_results(turn, [{"output": turn}])
    claim.release()
    turns = Journal(redis, TASK.id, claimed(ledger, "two")).turns()
    assert [entry["turn"] for entry in turns] == list(range(1, 13))
    assert turns[1] == {
        "turn": 2,
        "items": [{"type": "message", "text": "„2“"}],
        "usage": {"input_tokens": 2},
        "results": [{"output": 2}],
    }
    assert "results" not in turns[-1]  # journalled before it was acted on


def test_the_last_checkpoint_comes_back_byte_for_byte(claim: Claim, redis: Redis) -> None:
    memory = Journal(redis, TASK.id, claim)
    assert memory.checkpoint() is None
    assert memory.turns() == []
    memory.save_checkpoint(1, b"old")
    memory.save_checkpoint(2, bytes(range(256)) * 1000)
    assert memory.checkpoint() == (2, bytes(range(256)) * 1000)
