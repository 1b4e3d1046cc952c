"""What is counted: by whom does not matter, and no label can make the metrics grow without a bound."""

from __future__ import annotations

import pytest
from redis import Redis

from dayhand.errors import HubUnavailable
from dayhand.ledger import keys
from dayhand.ledger.github_share import CREATIONS_AN_HOUR, GitHubShare
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.log import TaskLog
from dayhand.ledger.telemetry.audit import BATCH, Action, audit, read_audit, trim_audit
from dayhand.ledger.telemetry.counters import Increment, count, count_usage, observe, read_counts
from dayhand.ledger.telemetry.metrics import (
    DELIVERIES,
    DOLLARS,
    FAILURES,
    METRICS,
    NAMED_ERRORS,
    STAGE_SECONDS,
    TOKENS,
    TURNS,
)
from dayhand.task import Stage
from dayhand.usage import Usage

NOW = 1_800_000_000


def test_counts_of_several_processes_are_added(redis: Redis) -> None:
    for dollars in (0.25, None, 0.5):
        count_usage(redis, Usage("m", 1, 1000, 400, 50, dollars))
    counts = read_counts(redis)
    assert counts.of(TURNS, "") == 3
    assert [counts.of(TOKENS, kind) for kind in TOKENS.values] == [3000, 1200, 150, 0]
    assert counts.of(DOLLARS, "") == 0.75


@pytest.mark.parametrize("value", ["418", "", "202|le", "x" * 1000, "💥"])
def test_a_label_that_is_not_in_the_table_is_counted_as_other(redis: Redis, value: str) -> None:
    count(redis, [Increment(DELIVERIES, value)])
    assert redis.hkeys(keys.COUNTERS) == ["dayhand_deliveries_total|other"]


def test_every_named_error_has_a_series_of_its_own() -> None:
    assert FAILURES.value(HubUnavailable.__name__) == "HubUnavailable"
    assert len(NAMED_ERRORS) > 20
    assert sum(len(metric.values) for metric in METRICS) < 200


def test_durations_are_sorted_into_buckets_as_prometheus_counts_them(redis: Redis) -> None:
    for seconds in (0.0, 1.0, 1.1, 45.0, 5000.0, -1.0):  # a clock may go back
        observe(redis, STAGE_SECONDS, Stage.CHECK, seconds=seconds)
    buckets = dict(read_counts(redis).buckets(STAGE_SECONDS, Stage.CHECK))
    assert (buckets["1"], buckets["3"], buckets["30"], buckets["60"], buckets["+Inf"]) == (3, 4, 4, 5, 6)
    assert read_counts(redis).sum(STAGE_SECONDS, Stage.CHECK) == pytest.approx(5047.1)


def test_a_stage_is_counted_once_when_it_ends_also_in_the_background(ledger: Ledger, claim: Claim) -> None:
    log = TaskLog(ledger, claim)
    with log.stage(Stage.FETCH):
        pass
    with log.stage(Stage.OPEN, in_background=True):
        pass
    counted = [dict(read_counts(ledger.redis).buckets(STAGE_SECONDS, stage))["+Inf"] for stage in Stage]
    assert sum(counted) == 1
    log.ended(Stage.OPEN)
    assert dict(read_counts(ledger.redis).buckets(STAGE_SECONDS, Stage.OPEN))["+Inf"] == 1


def test_what_github_leaves_is_that_of_the_installation_that_has_the_least(redis: Redis) -> None:
    share = GitHubShare(redis, now=NOW * 1000)
    assert share.left() == {}
    for installation, left in ((1, 4000), (2, 500), (3, 0)):
        reset = NOW + (60 if installation != 3 else -1)  # the third one's limit was reset since
        share.note_left(installation, left=left, limit=5000, reset=reset)
    for _ in range(48):
        share.admit(1, points=1, creations=1, graphql=False, part=1)
    assert share.left() == {"requests": 0.1, "creations": pytest.approx(1 - 48 / CREATIONS_AN_HOUR)}
    assert redis.hkeys(keys.GITHUB_LEFT) == ["1", "2"]


def test_the_audit_log_is_read_in_its_order_from_a_time_on(redis: Redis) -> None:
    for number in range(BATCH + 2):
        redis.xadd(keys.AUDIT, {"action": "push", "number": number}, id=f"{NOW + number}000-1")
    assert [int(entry.fields["number"]) for entry in read_audit(redis)] == list(range(BATCH + 2))
    first, *_, last = read_audit(redis, NOW + 5)
    assert (first.fields["number"], first.at, last.at) == ("5", NOW + 5, NOW + BATCH + 1)


@pytest.mark.parametrize(("days", "left"), [(1, 1), (3, 2), (0, 3)])
def test_only_what_is_older_than_the_setting_says_leaves_the_audit_log(
    redis: Redis, days: int, left: int
) -> None:
    for age in (40, 2, 0):
        redis.xadd(keys.AUDIT, {"action": "push"}, id=f"{(NOW - age * 24 * 3600) * 1000}-1")
    trim_audit(redis, days, now=NOW)
    assert len(list(read_audit(redis))) == left


def test_a_field_without_a_value_is_left_out_of_an_entry(redis: Redis) -> None:
    audit(redis, Action.TAKEN, tree="", files=0, task="t1", repository=None)
    (entry,) = read_audit(redis)
    assert (entry.action, entry.fields) == ("taken", {"files": "0", "task": "t1"})
