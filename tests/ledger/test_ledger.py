"""Tasks are opened once, held by one, finished once; and whoever lost a task writes nothing more."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from dayhand.errors import LeaseLost, LedgerError, TaskStopped
from dayhand.ledger import facts, keys
from dayhand.ledger.deliveries import Deliveries
from dayhand.ledger.journal import Journal
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.log import TaskLog
from dayhand.task import Answered, Solution, Stage, State
from dayhand.usage import Usage
from tests.ledger.conftest import TASK, THREAD, another, claimed, run_out
from tests.tasks import find_abandoned
from tests.waiting import until

ANSWER = Answered(Solution("Why", "So."))


def test_a_task_is_written_down_as_it_was_asked(ledger: Ledger) -> None:
    opened = ledger.open(TASK, delivery="d-1", thread=THREAD)
    assert (opened.task_id, opened.fresh) == (TASK.id, True)
    record = ledger.record(TASK.id)
    assert (record.task, record.state, record.stages, record.outcome) == (TASK, State.QUEUED, (), None)
    assert ledger.task(TASK.id) == TASK


def test_a_delivery_that_comes_again_opens_nothing(ledger: Ledger) -> None:
    ledger.open(TASK, delivery="d-1", thread=THREAD)
    again = ledger.open(another("t-2"), delivery="d-1", thread="something else")
    assert (again.task_id, again.fresh) == (TASK.id, False)
    assert len(ledger.recent()) == 1
    assert ledger.redis.get(keys.delivery("d-1")) == TASK.id


def test_an_open_that_is_sent_twice_by_the_client_is_still_fresh(ledger: Ledger) -> None:
    assert ledger.open(TASK, delivery="d-1", thread=THREAD) == ledger.open(
        TASK, delivery="d-1", thread=THREAD
    )


def test_the_same_wish_in_another_delivery_joins_the_unfinished_task(ledger: Ledger) -> None:
    ledger.open(TASK, delivery="d-1", thread=THREAD)
    claimed(ledger)
    again = ledger.open(another("t-2"), delivery="d-2", thread=THREAD)
    assert (again.task_id, again.fresh) == (TASK.id, False)
    assert ledger.redis.get(keys.delivery("d-2")) == TASK.id


def test_the_same_wish_opens_anew_once_the_task_is_over(ledger: Ledger, claim: Claim) -> None:
    ledger.finish(claim, State.FAILED, reason="no")
    again = ledger.open(another("t-2"), delivery="d-2", thread=THREAD)
    assert (again.task_id, again.fresh) == ("t-2", True)


def test_twenty_deliveries_of_one_wish_at_once_make_one_task(ledger: Ledger) -> None:
    together = threading.Barrier(20)

    def deliver(number: int) -> tuple[str, bool]:
        together.wait()
        opened = ledger.open(another(f"t-{number}"), delivery=f"d-{number}", thread=THREAD)
        return opened.task_id, opened.fresh

    with ThreadPoolExecutor(20) as threads:
        made = list(threads.map(deliver, range(20)))
    assert len({task_id for task_id, _ in made}) == 1
    assert sum(fresh for _, fresh in made) == 1
    assert len(ledger.recent()) == 1


def test_a_task_that_is_not_there_is_named(ledger: Ledger) -> None:
    for read in (ledger.task, ledger.record):
        with pytest.raises(LedgerError, match="There is no task t-0"):
            read("t-0")


def test_the_newest_tasks_come_first_and_those_that_expired_are_passed_over(redis: Redis) -> None:
    now = 100.0
    ledger = Ledger(redis, clock=lambda: now)
    for number in range(1, 5):
        now = 100.0 + number
        ledger.open(another(f"t-{number}"), delivery=f"d-{number}", thread=f"m-{number}")
    redis.delete(keys.record("t-3"))
    assert [record.task.id for record in ledger.recent(3)] == ["t-4", "t-2"]


def test_one_of_twenty_workers_gets_a_task(ledger: Ledger) -> None:
    ledger.open(TASK, delivery="d-1", thread=THREAD)
    together = threading.Barrier(20)

    def take(number: int) -> Claim | None:
        together.wait()
        return ledger.claim(TASK.id, f"w-{number}")

    with ThreadPoolExecutor(20) as threads:
        claims = [claim for claim in threads.map(take, range(20)) if claim]
    assert len(claims) == 1
    assert ledger.record(TASK.id).state is State.RUNNING


def test_a_task_that_is_over_or_unknown_cannot_be_claimed(ledger: Ledger, claim: Claim) -> None:
    ledger.finish(claim, State.ANSWERED)
    assert ledger.claim(TASK.id, "two") is None
    assert ledger.claim("t-0", "two") is None


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING])
def test_a_task_cannot_end_as_something_that_is_no_end(ledger: Ledger, claim: Claim, state: State) -> None:
    with pytest.raises(LedgerError, match=f"cannot end as {state}"):
        ledger.finish(claim, state)
    assert ledger.record(TASK.id).state is State.RUNNING


def test_a_lease_that_runs_out_lets_the_next_worker_in(redis: Redis) -> None:
    ledger = Ledger(redis, lease_seconds=50)
    ledger.open(TASK, delivery="d-1", thread=THREAD)
    first = claimed(ledger)
    assert find_abandoned(ledger) == []
    assert ledger.claim(TASK.id, "two") is None
    assert 0 < redis.pttl(keys.lease(TASK.id)) <= 50_000
    run_out(redis)
    assert find_abandoned(ledger) == [TASK.id]
    second = claimed(ledger, "two")
    assert (first.attempt, second.attempt) == (1, 2)


def test_a_lease_that_is_kept_does_not_run_out(redis: Redis) -> None:
    ledger = Ledger(redis, lease_seconds=600)
    ledger.open(TASK, delivery="d-1", thread=THREAD)
    claim = claimed(ledger)
    with claim.kept(every=0.01):
        for _ in range(3):
            redis.pexpire(keys.lease(TASK.id), 300_000)  # half of its time is over
            until(lambda: redis.pttl(keys.lease(TASK.id)) > 300_000)
            assert ledger.claim(TASK.id, "two") is None


def test_a_lease_that_ran_out_is_taken_up_again_where_nobody_else_claimed(
    ledger: Ledger, claim: Claim, redis: Redis
) -> None:
    run_out(redis)
    assert find_abandoned(ledger) == [TASK.id]
    claim.check()
    assert find_abandoned(ledger) == []


def test_whoever_lost_a_task_writes_nothing_more(ledger: Ledger, claim: Claim, redis: Redis) -> None:
    old = claim
    log, memory = TaskLog(ledger, old), Journal(redis, TASK.id, old)
    log.line("say", "mine")
    run_out(redis)
    new = claimed(ledger, "two")
    before = everything(redis)
    for write in (
        old.renew,
        old.check,
        old.release,
        lambda: old.facts.put(facts.PULL, 8),
        lambda: ledger.finish(old, State.PROPOSED),
        lambda: ledger.note_stage(old, {"stage": "solve"}),
        lambda: log.line("say", "still mine?"),
        lambda: log.stage(Stage.SOLVE).__enter__(),
        lambda: memory.write_reply(1, [], Usage()),
        lambda: memory.write_results(1, []),
        lambda: memory.save_checkpoint(1, b"x"),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert everything(redis) == before
    new.check()


def everything(redis: Redis) -> dict[str, object]:
    """All that Redis holds, but what changes by itself."""
    read = {"hash": redis.hgetall, "string": redis.get, "stream": redis.xrange, "set": redis.smembers}
    return {key: read[redis.type(key)](key) for key in redis.scan_iter() if redis.type(key) in read}


def test_nothing_is_written_after_the_end(ledger: Ledger, claim: Claim) -> None:
    ledger.finish(claim, State.PROPOSED, outcome=ANSWER)
    for write in (
        claim.check,
        lambda: ledger.finish(claim, State.FAILED),
        lambda: TaskLog(ledger, claim).line("say", ""),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert ledger.record(TASK.id).state is State.PROPOSED


def test_a_finished_task_keeps_its_outcome_and_loses_its_checkpoint(
    ledger: Ledger, claim: Claim, redis: Redis
) -> None:
    Journal(redis, TASK.id, claim).save_checkpoint(1, b"x")
    TaskLog(ledger, claim).line("say", "done")
    ledger.finish(claim, State.PROPOSED, outcome=ANSWER)
    record = ledger.record(TASK.id)
    assert (record.state, record.outcome, record.stage) == (State.PROPOSED, ANSWER, "")
    assert not redis.exists(keys.checkpoint(TASK.id), keys.lease(TASK.id))
    assert all(0 < redis.ttl(key) <= keys.KEPT_SECONDS for key in (keys.record(TASK.id), keys.log(TASK.id)))
    assert find_abandoned(ledger) == []


def test_a_released_task_waits_again_and_may_be_taken_at_once(ledger: Ledger, claim: Claim) -> None:
    claim.release()
    assert ledger.record(TASK.id).state is State.QUEUED
    assert find_abandoned(ledger) == [TASK.id]
    assert claimed(ledger, "two").attempt == 1  # a release is no accident


def test_a_task_that_is_put_off_may_not_be_taken_before_its_time(
    ledger: Ledger, claim: Claim, redis: Redis
) -> None:
    claim.release(again_in=50, reason="GitHub is away.")
    assert ledger.record(TASK.id).reason == "GitHub is away."
    assert find_abandoned(ledger) == []
    assert ledger.claim(TASK.id, "two") is None
    assert 0 < redis.pttl(keys.lease(TASK.id)) <= 50_000
    run_out(redis)
    assert find_abandoned(ledger) == [TASK.id]
    second = claimed(ledger, "two")
    assert (second.attempt, second.delays) == (1, 1)
    assert ledger.record(TASK.id).reason == ""


def test_the_tasks_of_a_dead_worker_are_freed_and_no_others(ledger: Ledger, claim: Claim) -> None:
    ledger.open(another("t-2"), delivery="d-2", thread="m-2")
    assert ledger.claim("t-2", "two") is not None
    assert ledger.drop("one") == [TASK.id]
    assert find_abandoned(ledger) == [TASK.id]
    with pytest.raises(LeaseLost):
        claim.check()
    assert ledger.drop("one") == []


def test_attempts_count_from_where_the_task_last_got_on(ledger: Ledger, claim: Claim, redis: Redis) -> None:
    ledger.drop("one")
    second = claimed(ledger)
    assert second.attempt == 2
    Journal(redis, TASK.id, second).write_reply(1, [], Usage())
    ledger.drop("one")
    assert claimed(ledger).attempt == 2


def test_facts_are_kept_with_the_task(ledger: Ledger, claim: Claim) -> None:
    assert ledger.facts(TASK.id).get(facts.PULL) is None
    claim.facts.put(facts.PULL, 8)
    ledger.facts(TASK.id).put(facts.ACCEPTED_BY, "ada")
    assert claim.facts.get(facts.PULL) == 8
    record = ledger.record(TASK.id)
    assert record.facts == {"pull": "8", "accepted_by": "ada"}
    assert (record.fact(facts.PULL), record.fact(facts.ACCEPTED_BY), record.fact(facts.HEAD)) == (
        8,
        "ada",
        None,
    )


def test_a_stop_ends_the_task_before_its_next_stage(ledger: Ledger, claim: Claim) -> None:
    ledger.ask_to_stop(TASK.id, "ann")
    with pytest.raises(TaskStopped, match="ann stopped"), TaskLog(ledger, claim).stage(Stage.SOLVE):
        pytest.fail("the stage began")
    ledger.finish(claim, State.STOPPED)
    ledger.ask_to_stop(TASK.id, "ann")  # too late: it must not reach a later task
    assert not ledger.redis.exists(keys.stop(TASK.id))


def test_a_thread_opens_a_new_task_once_the_unfinished_one_frees_it(ledger: Ledger, claim: Claim) -> None:
    assert not ledger.open(another("t-2"), delivery="d-2", thread=THREAD).fresh
    claim.free_thread()
    assert ledger.open(another("t-2"), delivery="d-3", thread=THREAD).fresh
    claim.free_thread()
    assert ledger.open(another("t-3"), delivery="d-4", thread=THREAD).task_id == "t-2", "that one waits"


def test_only_the_holder_of_a_task_frees_its_thread(ledger: Ledger, claim: Claim) -> None:
    ledger.drop("one")
    with pytest.raises(LeaseLost):
        claim.free_thread()


def away_for(redis: Redis, ledger: Ledger, milliseconds: int) -> None:
    """As if nobody had reached Redis for so long: all leases have expired meanwhile."""
    ledger.beat()
    redis.incrby(keys.BEAT, -milliseconds)
    redis.delete(keys.lease(TASK.id))


def test_after_an_outage_a_holder_gets_one_more_period_to_come_back(redis: Redis) -> None:
    """Its reply may be on its disk: another worker would pay for it again."""
    ledger = Ledger(redis, lease_seconds=60)
    ledger.open(TASK, delivery="d-1", thread=THREAD)
    claim = claimed(ledger)
    away_for(redis, ledger, 100_000)
    assert ledger.claim(TASK.id, "two") is None
    claim.renew()
    ledger.beat()
    redis.delete(keys.lease(TASK.id))
    assert ledger.claim(TASK.id, "two") is None  # also once the outage is noted
    assert 0 < redis.pttl(keys.AFTER_OUTAGE) <= 60_000
    redis.delete(keys.AFTER_OUTAGE)  # as it expires
    assert ledger.claim(TASK.id, "two")


def test_a_clock_of_redis_that_is_set_back_makes_nothing_wait(redis: Redis) -> None:
    ledger, deliveries = Ledger(redis, lease_seconds=60), Deliveries(redis)
    ledger.open(TASK, delivery="d-1", thread=THREAD)
    claimed(ledger)
    deliveries.store("d-2", "issues", b"{}")
    assert deliveries.claim_next("one")
    deliveries.postpone("d-2", "one", seconds=0)
    ledger.beat()
    for _ in range(2):  # an hour ago by that clock: what it says now is what it said then
        redis.incrby(keys.BEAT, 3_600_000)
        redis.pexpire(keys.lease(TASK.id), redis.pttl(keys.lease(TASK.id)) + 3_600_000)
        redis.zincrby(keys.INBOX, 3_600_000, "d-2")
        assert deliveries.due() == []
        ledger.beat()
        assert deliveries.due() == ["d-2"]
        assert 50_000 < redis.pttl(keys.lease(TASK.id)) <= 60_000
        ledger.beat()
        assert 50_000 < redis.pttl(keys.lease(TASK.id)) <= 60_000, "once"


def test_a_task_whose_worker_is_known_to_be_dead_does_not_wait_after_an_outage(
    ledger: Ledger, redis: Redis
) -> None:
    ledger.open(TASK, delivery="d-1", thread=THREAD)
    claimed(ledger, "dead")
    away_for(redis, ledger, 60_000)
    ledger.drop("dead")
    assert ledger.claim(TASK.id, "two")


def test_a_lease_that_expires_while_redis_answers_is_free_at_once(redis: Redis) -> None:
    ledger = Ledger(redis, lease_seconds=60)
    ledger.open(TASK, delivery="d-1", thread=THREAD)
    claimed(ledger)
    away_for(redis, ledger, 1_000)  # not long enough for an outage
    assert ledger.claim(TASK.id, "two")
