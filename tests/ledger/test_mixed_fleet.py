"""Two versions on one Redis, as during an upgrade: the older one leaves alone what the newer one wrote, and the rest goes on."""

from __future__ import annotations

import json

import pytest
from redis import Redis

from dayhand.errors import NewerRecord
from dayhand.ledger import keys
from dayhand.ledger.codec import VERSION
from dayhand.ledger.journal import Journal
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.thread import Message
from dayhand.task import State
from dayhand.usage import Usage
from tests.ledger.conftest import TASK, THREAD, another, claimed
from tests.tasks import find_abandoned

NEWER = VERSION + 1
OTHER = another("8f00ba0001")
LATER = another("8f00ba0002")
USAGE = Usage("m", turns=1)


def newer(text: str) -> str:
    """The record as a newer version would write it: with fields that this one does not know."""
    return json.dumps({**json.loads(text), "version": NEWER, "colour": {"of": "the future"}})


def rewrite(redis: Redis, key: str, field: str) -> None:
    redis.hset(key, field, newer(redis.hget(key, field)))


def everything(redis: Redis) -> dict[str, bytes]:
    return {key: redis.dump(key) for key in redis.keys("*")}


@pytest.fixture
def two_tasks(ledger: Ledger) -> Ledger:
    """One task of the newer version, one of ours."""
    ledger.open(TASK, delivery="d-1", thread=THREAD)
    ledger.open(OTHER, delivery="d-2", thread="1001#8")
    rewrite(ledger.redis, keys.record(TASK.id), "task")
    return ledger


def test_a_list_leaves_out_what_only_a_newer_version_can_read(two_tasks: Ledger) -> None:
    assert [record.task.id for record in two_tasks.recent()] == [OTHER.id]


def test_an_outcome_or_a_state_of_a_newer_version_does_not_hide_other_tasks(two_tasks: Ledger) -> None:
    record = keys.record(TASK.id)
    two_tasks.redis.hset(record, "task", two_tasks.redis.hget(keys.record(OTHER.id), "task"))
    for field, value in (("outcome", f'{{"version": {NEWER}, "kind": "sung"}}'), ("state", "humming")):
        before = two_tasks.redis.hget(record, field)
        two_tasks.redis.hset(record, field, value)
        assert len(two_tasks.recent()) == 1
        with pytest.raises(NewerRecord, match="newer version of Dayhand wrote"):
            two_tasks.record(TASK.id)
        two_tasks.redis.hset(record, field, before or "")


def test_reading_says_what_to_do_and_changes_nothing(two_tasks: Ledger, redis: Redis) -> None:
    before = everything(redis)
    for read in (two_tasks.task, two_tasks.record):
        with pytest.raises(NewerRecord, match=f"it has version {NEWER}") as refused:
            read(TASK.id)
        assert "Upgrade every Dayhand process" in refused.value.advice
    two_tasks.recent()
    find_abandoned(two_tasks)
    assert everything(redis) == before


def test_a_newer_version_can_still_take_what_an_older_one_has_looked_at(two_tasks: Ledger) -> None:
    claimed(two_tasks).release(reason="A newer version wrote it.")
    claim = claimed(two_tasks, "of the newer version")
    assert json.loads(two_tasks.redis.hget(keys.record(TASK.id), "task"))["colour"] == {"of": "the future"}
    assert claim.attempt == 1, "looking at it was no attempt"


def test_a_turn_of_a_newer_version_is_not_read_as_if_there_were_none(ledger: Ledger, redis: Redis) -> None:
    ledger.open(TASK, delivery="d-1", thread=THREAD)
    journal = Journal(redis, TASK.id, claimed(ledger))
    journal.write_reply(1, ({"type": "message"},), USAGE)
    (field,) = (name for name in redis.hkeys(keys.journal(TASK.id)) if name.endswith("1"))
    rewrite(redis, keys.journal(TASK.id), field)
    before = everything(redis)
    with pytest.raises(NewerRecord):
        journal.turns()
    assert everything(redis) == before


def message(number: int) -> Message:
    return Message(another(f"8f00ba01{number:02}"), mention=True)


def test_a_message_of_a_newer_version_waits_and_stops_no_other_thread(ledger: Ledger, redis: Redis) -> None:
    for number, task in ((7, TASK), (8, OTHER)):
        thread = f"1001#{number}"
        ledger.open(task, delivery=f"d-{number}", thread=thread)
        ledger.open(another(f"a-{number}"), delivery=f"e-{number}", thread=thread, message=message(number))
        ledger.finish(claimed(ledger, task_id=task.id), State.STOPPED)
    (field,) = redis.hkeys(keys.mailbox("1001#7"))
    rewrite(redis, keys.mailbox("1001#7"), field)
    kept = redis.hget(keys.mailbox("1001#7"), field)

    assert ledger.threads.open_from_mailboxes() == [message(8).task.id]
    assert redis.hget(keys.mailbox("1001#7"), field) == kept
    assert redis.smembers(keys.UNREAD) == {"1001#7"}, "a newer janitor opens it"
