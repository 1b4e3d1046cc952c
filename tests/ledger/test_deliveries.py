"""Stored deliveries: kept once, held by one dispatcher at a time, within bounds."""

from __future__ import annotations

import base64
import random
import zlib

import pytest

from dayhand.ledger import keys
from dayhand.ledger.deliveries import LEASE_SECONDS, Deliveries, StoreResult
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.waiting.turns import Class
from tests.waiting import until


@pytest.fixture
def deliveries(redis: TextRedis) -> Deliveries:
    return Deliveries(redis)


def test_a_delivery_is_stored_once_and_given_to_one(deliveries: Deliveries) -> None:
    assert deliveries.store("d-1", "issues", b"first") is StoreResult.NEW
    assert deliveries.store("d-1", "issues", b"second") is StoreResult.SEEN
    held = deliveries.claim_next("one")
    assert held
    assert (held.event, held.body, held.attempts, held.delays) == ("issues", b"first", 1, 0)
    assert deliveries.claim_next("two") is None


def test_what_was_handled_is_gone_and_its_guid_stays_known(deliveries: Deliveries) -> None:
    deliveries.store("d-1", "issues", b"body")
    deliveries.claim_next("one")
    deliveries.done("d-1", "one")
    assert (deliveries.due(), deliveries.waiting()) == ([], 0)
    assert deliveries.store("d-1", "issues", b"body") is StoreResult.SEEN
    assert set(deliveries.redis.keys("dayhand:*")) == {"dayhand:delivery:d-1", keys.INBOX_BYTES}
    assert deliveries.redis.get(keys.INBOX_BYTES) == "0"


def test_a_guid_stays_known_for_eight_days(deliveries: Deliveries) -> None:
    deliveries.store("d-1", "issues", b"body")
    deliveries.note("d-2")
    assert deliveries.known(["d-0", "d-1", "d-2"]) == {"d-1", "d-2"}
    for guid in ("d-1", "d-2"):
        assert 8 * 86400 - 60 < deliveries.redis.ttl(keys.delivery(guid)) <= 8 * 86400


def test_only_its_holder_may_end_or_postpone_a_delivery(deliveries: Deliveries) -> None:
    deliveries.store("d-1", "issues", b"body")
    deliveries.claim_next("one")
    deliveries.done("d-1", "two")
    deliveries.postpone("d-1", "two", seconds=0)
    assert deliveries.waiting() == 1
    assert deliveries.claim_next("two") is None


def test_a_postponed_delivery_is_due_when_its_time_has_come(deliveries: Deliveries) -> None:
    deliveries.store("d-1", "issues", b"body")
    deliveries.claim_next("one")
    deliveries.postpone("d-1", "one", seconds=600)
    assert deliveries.due() == []
    deliveries.redis.zadd(keys.INBOX, {"d-1": 0})  # ten minutes later
    held = deliveries.claim_next("two")
    assert held
    assert (held.attempts, held.delays) == (1, 1)


def test_what_a_dead_dispatcher_held_is_due_at_once_and_its_attempts_count(deliveries: Deliveries) -> None:
    for guid in ("d-1", "d-2"):
        deliveries.store(guid, "issues", b"body")
        deliveries.claim_next(guid)
    deliveries.free("d-1")
    assert deliveries.due() == ["d-1"]
    held = deliveries.claim_next("other")
    assert held
    assert held.attempts == 2
    deliveries.free("other", crashed=False)  # it was told to stop
    again = deliveries.claim_next("third")
    assert again
    assert again.attempts == 2


def test_stops_go_before_follow_ups_and_those_before_first_fixes(deliveries: Deliveries) -> None:
    for turn in (Class.UNREQUESTED, Class.FIRST, Class.FOLLOW_UP, Class.BEGUN):
        for number in range(2):
            deliveries.store(f"{turn.name} {number}", "issues", b"body", turn=turn)
    due, order = deliveries.due(), []
    while held := deliveries.claim_next("one"):
        order.append(held.guid)
        if held.guid == "BEGUN 0" and not held.delays:
            deliveries.postpone(held.guid, "one", seconds=0)
    assert order == [f"{turn.name} {number}" for turn in Class for number in range(2)] + ["BEGUN 0"]
    assert due == order[:-1]


def test_a_lease_that_is_not_renewed_ends_and_a_renewed_one_does_not(deliveries: Deliveries) -> None:
    for guid in ("d-1", "d-2"):
        deliveries.store(guid, "issues", b"body")
        deliveries.claim_next("one")
    seconds, _ = deliveries.redis.time()
    assert deliveries.redis.zscore(keys.INBOX, "d-1") <= (seconds + 1 + LEASE_SECONDS) * 1000
    assert deliveries.due() == []
    deliveries.redis.zadd(keys.INBOX, {"d-1": 0, "d-2": 0})  # both leases are over
    assert deliveries.due() == ["d-1", "d-2"]
    with deliveries.kept("d-2", "one", every=0.005):
        until(lambda: deliveries.due() == ["d-1"])


WHOLE = base64.b64encode(zlib.compress(b"{}")).decode()


@pytest.mark.parametrize(
    ("entry", "readable"),
    [
        ({}, False),
        ({"event": "issues", "stored": "1"}, False),
        ({"event": "issues", "body": "???", "stored": "1"}, False),
        ({"event": "issues", "body": WHOLE[:-8], "stored": "1"}, False),
        ({"event": "issues", "body": "", "stored": "1"}, False),
        ({"body": WHOLE, "stored": "1"}, True),  # its dispatcher says that it is no event
        ({"event": "issues", "body": WHOLE}, True),
        ({"event": "issues", "body": WHOLE, "stored": "x"}, True),
    ],
    ids=str,
)
def test_a_delivery_that_cannot_be_read_is_dropped(
    deliveries: Deliveries, entry: dict[str, str], *, readable: bool
) -> None:
    redis = deliveries.redis
    deliveries.store("d-1", "issues", b"{}")
    redis.delete(keys.inbox("d-1"))
    if entry:
        redis.hset(keys.inbox("d-1"), mapping=entry)
    assert bool(deliveries.claim_next("one")) is readable
    deliveries.done("d-1", "one")
    assert (deliveries.waiting(), redis.exists(keys.INBOX_HELD, keys.inbox("d-1"))) == (0, 0)
    assert redis.get(keys.INBOX_BYTES) == "0"


@pytest.mark.parametrize(
    ("bounds", "fits"),
    [({"most": 2}, 2), ({"most_bytes": 40}, 1)],
    ids=["deliveries", "bytes"],
)
def test_no_more_is_stored_than_fits_and_there_is_room_again_later(
    redis: TextRedis, bounds: dict[str, int], fits: int
) -> None:
    deliveries = Deliveries(redis, **bounds)
    stored = [deliveries.store(f"d-{number}", "issues", b"twelve bytes") for number in range(3)]
    assert stored == [StoreResult.NEW] * fits + [StoreResult.FULL] * (3 - fits)
    assert redis.exists("dayhand:delivery:d-2") == 0, "so that it is taken when it comes again"
    deliveries.claim_next("one")
    deliveries.done("d-0", "one")
    assert deliveries.store("d-2", "issues", b"twelve bytes") is StoreResult.NEW


def test_bodies_are_counted_as_they_are_stored(deliveries: Deliveries) -> None:
    body = random.Random(1).randbytes(100_000)
    deliveries.store("d-1", "issues", body)
    deliveries.store("d-2", "issues", b"x" * 100_000)
    assert 100_000 < int(deliveries.redis.get(keys.INBOX_BYTES)) < 140_000
    held = deliveries.claim_next("one")
    assert held
    assert held.body == body
