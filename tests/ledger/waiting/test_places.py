"""Places, estimates and shortages, and the sentence about them."""

from __future__ import annotations

import pytest
from redis import Redis

from dayhand.ledger.ledger import Ledger
from dayhand.ledger.waiting.places import Place, find_place, find_shortages, note_shortage
from dayhand.ledger.waiting.waiting_tasks import MAX_PLACES, WaitingTasks
from dayhand.ledger.waiting.wording import describe
from dayhand.task import State
from tests.tasks import make_task

NOW = 1_800_000_000.0
SENTENCES = [
    (Place(1, 1, None), "Place 1 of 1 in the queue."),
    (Place(3, 44, (240, 540)), "Place 3 of 44 in the queue. It will probably start in 4 to 9 minutes."),
    (Place(1, 2, (5, 59)), "Place 1 of 2 in the queue. It will probably start within a minute."),
    (Place(1, 2, (10, 100)), "Place 1 of 2 in the queue. It will probably start within 2 minutes."),
    (Place(1, 2, (350, 380)), "Place 1 of 2 in the queue. It will probably start in about 6 minutes."),
    (Place(9, 9, (5000, 9000)), "Place 9 of 9 in the queue. It will probably start in 1 to 2 hours."),
    (Place(9, 9, (10_000, 11_000)), "Place 9 of 9 in the queue. It will probably start in about 3 hours."),
    (Place(0, 1234, None), "Behind the first 200 of 1,234 tasks in the queue."),
    (
        Place(1, 2, (5, 59), ("Only 3 MB of memory are available.",)),
        "Place 1 of 2 in the queue. A machine takes no tasks at the moment: Only 3 MB of memory are available.",
    ),
]


@pytest.mark.parametrize(("place", "sentence"), SENTENCES, ids=[text for _, text in SENTENCES])
def test_a_place_in_words(place: Place, sentence: str) -> None:
    assert describe(place) == sentence


def test_the_estimate_comes_from_what_the_last_tasks_took(redis: Redis) -> None:
    clock = [NOW]
    ledger = Ledger(redis, clock=lambda: clock[0])
    tasks = WaitingTasks(ledger)
    for number in range(5):
        task = make_task(id=f"t-{number}", created_at=NOW + number)
        ledger.open(task, delivery=task.id, thread=task.id)
    assert find_place(tasks, "t-1").starts_in is None, "nothing was finished"
    claim = tasks.claim_next("w")
    assert claim
    clock[0] += 120
    ledger.finish(claim, State.FAILED)
    assert find_place(tasks, "t-2").starts_in is None, "nothing runs"
    assert tasks.claim_next("w")
    assert tasks.claim_next("w")
    assert find_place(tasks, "t-4").starts_in == (120, 120)
    assert find_place(tasks, "t-4").number == 2
    assert MAX_PLACES == 200, "the sentence names it"


def test_the_newest_shortage_of_each_machine_counts_for_a_while(redis: Redis) -> None:
    note_shortage(redis, "a", "Only 9 MB.", now=NOW)
    note_shortage(redis, "a", "Only 8 MB.", now=NOW + 2)
    note_shortage(redis, "b", "Only 7 MB.", now=NOW + 4)
    assert find_shortages(redis, now=NOW + 5) == ("Only 8 MB.", "Only 7 MB.")
    assert find_shortages(redis, now=NOW + 18) == ("Only 7 MB.",)
    assert find_shortages(redis, now=NOW + 60) == ()


def test_no_worker_claims_a_task_while_something_is_said_about_it(redis: Redis) -> None:
    ledger = Ledger(redis)
    tasks = WaitingTasks(ledger)
    ledger.open(make_task(), delivery="d-1", thread="x")
    with tasks.held("t-1") as held, tasks.held("t-1") as again:
        assert (held, again) == (True, False)
        assert tasks.claim_next("w") is None
    claim = tasks.claim_next("w")
    assert claim
    with tasks.held("t-1") as held:
        assert not held, "it runs"
    claim.renew()
