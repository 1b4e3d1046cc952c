"""A thread has one unfinished task; what is said meanwhile waits in its mailbox, and is read once or starts the next task."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from redis import Redis

from dayhand.errors import LeaseLost, LedgerError
from dayhand.ledger import keys
from dayhand.ledger.ledger import Claim, Ledger, Opened, StopResult
from dayhand.ledger.thread import MAX_MESSAGES, Message, decode_message
from dayhand.task import Ask, State, TaskKind
from tests.ledger.conftest import TASK, THREAD, claimed
from tests.tasks import find_abandoned, make_task


def said(text: str, number: int = 1, *, mention: bool = True, kind: TaskKind = TaskKind.FOLLOW_UP) -> Message:
    """A comment; the numbers give the order."""
    ask = Ask(kind, text, "ann", comment=100 + number)
    return Message(make_task(id=f"m-{number}", ask=ask, created_at=1_800_000_000.0 + number), mention)


def post(ledger: Ledger, message: Message) -> Opened:
    return ledger.open(
        message.task, delivery=f"delivery-of-{message.task.id}", thread=THREAD, message=message
    )


def test_a_request_while_a_task_is_unfinished_is_a_message_for_it(ledger: Ledger, claim: Claim) -> None:
    opened = post(ledger, said("Keep the old name."))
    assert (opened.task_id, opened.fresh, opened.posted) == (TASK.id, False, True)
    assert [message.task.ask.text for message in ledger.threads.find(THREAD).unread] == ["Keep the old name."]
    assert len(ledger.recent()) == 1
    ledger.finish(claim, State.PROPOSED)
    assert post(ledger, said("And now?", 2)).fresh


def test_requests_at_once_make_one_task_and_a_message_of_each_other(ledger: Ledger) -> None:
    together = threading.Barrier(20)

    def ask(number: int) -> Opened:
        together.wait()
        return post(ledger, said(f"wish {number}", number))

    with ThreadPoolExecutor(20) as people:
        opened = list(people.map(ask, range(20)))
    assert [sum(one.fresh for one in opened), sum(one.posted for one in opened)] == [1, 19]
    thread = ledger.threads.find(THREAD)
    first = ledger.task(thread.task).ask.text
    assert {first, *(message.task.ask.text for message in thread.unread)} == {f"wish {n}" for n in range(20)}


def test_a_delivery_that_comes_again_is_one_message(ledger: Ledger, claim: Claim) -> None:
    assert post(ledger, said("once")) == post(ledger, said("once"))
    assert len(ledger.threads.find(THREAD).unread) == 1


def test_an_edited_comment_replaces_itself_while_nobody_has_read_it(ledger: Ledger, claim: Claim) -> None:
    post(ledger, said("Use tabs.", 1))
    edited = said("Use spaces.", 1)
    ledger.open(edited.task, delivery="d-edited", thread=THREAD, message=edited)
    assert [message.task.ask.text for message in ledger.threads.find(THREAD).unread] == ["Use spaces."]


def test_a_flood_of_messages_is_kept_up_to_a_limit(ledger: Ledger, claim: Claim) -> None:
    for number in range(MAX_MESSAGES):
        assert post(ledger, said("more", number)).posted
    assert post(ledger, said("too much", 999)) == Opened(TASK.id, fresh=False, full=True)
    assert not ledger.threads.post_message(THREAD, said("too much", 998, mention=False))
    assert len(ledger.threads.find(THREAD).unread) == MAX_MESSAGES


def test_a_comment_that_does_not_address_the_app_is_kept_only_for_a_task(ledger: Ledger) -> None:
    aside = said("Nice weather.", mention=False)
    assert not ledger.threads.post_message(THREAD, aside)
    ledger.open(TASK, delivery="d-1", thread=THREAD)
    assert ledger.threads.post_message(THREAD, aside)
    ledger.finish(claimed(ledger), State.PROPOSED)
    assert ledger.threads.open_from_mailboxes() == []
    assert ledger.threads.find(THREAD).unread == ()


def test_what_nobody_read_becomes_the_next_task_and_is_not_lost(ledger: Ledger, claim: Claim) -> None:
    for message in (said("aside", 1, mention=False), said("first", 2), said("second", 3)):
        if message.mention:
            post(ledger, message)
        else:
            ledger.threads.post_message(THREAD, message)
    assert ledger.threads.open_from_mailboxes() == [], "a task runs"
    ledger.finish(claim, State.FAILED, reason="no")
    assert ledger.threads.open_from_mailboxes() == ["m-2"]
    assert ledger.task("m-2") == said("first", 2).task
    thread = ledger.threads.find(THREAD)
    assert (thread.task, thread.last) == ("m-2", "m-2")
    assert [message.task.id for message in thread.unread] == ["m-1", "m-3"]
    assert ledger.threads.open_from_mailboxes() == [], "once"
    assert find_abandoned(ledger) == ["m-2"]


def test_two_janitors_open_one_task_from_a_mailbox(ledger: Ledger, claim: Claim) -> None:
    post(ledger, said("first", 1))
    post(ledger, said("second", 2))
    ledger.finish(claim, State.PROPOSED)
    with ThreadPoolExecutor(4) as janitors:
        list(janitors.map(lambda _: ledger.threads.open_from_mailboxes(), range(4)))
    assert find_abandoned(ledger) == ["m-1"]


def test_a_pull_request_of_ours_belongs_to_the_thread_of_its_issue(ledger: Ledger, claim: Claim) -> None:
    assert ledger.threads.find_key(1001, 7) == THREAD
    assert ledger.threads.find_key(1001, 8) == "1001#8"
    claim.note_pull(8, "dayhand/7-wrong-order")
    assert ledger.threads.find_key(1001, 8) == THREAD
    assert ledger.threads.find_key(2002, 8) == "2002#8"
    ledger.finish(claim, State.PROPOSED)
    thread = ledger.threads.find(ledger.threads.of_task(TASK.id))
    assert (thread.task, thread.last, thread.pull, thread.branch) == (
        "",
        TASK.id,
        8,
        "dayhand/7-wrong-order",
    )
    with pytest.raises(LeaseLost):
        claim.note_pull(9, "elsewhere")


def test_everything_about_a_thread_expires(ledger: Ledger, claim: Claim, redis: Redis) -> None:
    claim.note_pull(8, "dayhand/7-wrong-order")
    ledger.finish(claim, State.PROPOSED)
    for key in (keys.thread(THREAD), keys.thread_of("1001#8")):
        assert 0 < redis.ttl(key) <= keys.KEPT_SECONDS


def test_a_task_that_no_worker_has_begun_stops_at_once(ledger: Ledger) -> None:
    ledger.open(TASK, delivery="d-1", thread=THREAD)
    assert ledger.ask_to_stop(TASK.id, "ann") is StopResult.NEVER_BEGUN
    record = ledger.record(TASK.id)
    assert (record.state, record.reason) == (State.STOPPED, "ann stopped this task.")
    assert ledger.claim(TASK.id, "one") is None
    assert ledger.ended() == {"stopped": 1}
    assert post(ledger, said("again")).fresh


def test_a_stop_forgets_what_was_said_before_it_and_nothing_said_after_it(
    ledger: Ledger, claim: Claim
) -> None:
    post(ledger, said("before", 1))
    assert ledger.ask_to_stop(TASK.id, "ann") is StopResult.ASKED
    post(ledger, said("after", 2))
    ledger.finish(claim, State.STOPPED)
    assert ledger.threads.open_from_mailboxes() == ["m-2"]
    assert ledger.threads.find(THREAD).unread == ()


def test_a_stop_of_a_task_that_waits_for_github_is_seen_at_once(ledger: Ledger, claim: Claim) -> None:
    claim.release(again_in=600, reason="GitHub is away.")
    assert find_abandoned(ledger) == []
    assert ledger.ask_to_stop(TASK.id, "ann") is StopResult.ASKED
    assert find_abandoned(ledger) == [TASK.id], "the janitor wakes a worker for it"


def test_a_stop_of_a_task_that_is_over_changes_nothing(ledger: Ledger, claim: Claim, redis: Redis) -> None:
    ledger.finish(claim, State.PROPOSED)
    assert ledger.ask_to_stop(TASK.id, "ann") is StopResult.OVER
    assert ledger.ask_to_stop("never-was", "ann") is StopResult.OVER
    assert ledger.record(TASK.id).state is State.PROPOSED
    assert not redis.exists(keys.stop(TASK.id))


def test_a_message_comes_back_as_it_was_and_a_strangers_record_is_refused() -> None:
    message = replace(said("Schön „so“."), permission="admin")
    assert decode_message(message.encode()) == message
    with pytest.raises(LedgerError, match="cannot be read"):
        decode_message('{"version": 1, "message": {"task": 7}}')
