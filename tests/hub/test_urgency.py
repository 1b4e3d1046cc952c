"""Which requests are sent, which wait and which are left out, while an installation's budget is short."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from redis import Redis

from dayhand.errors import BudgetReached
from dayhand.hub.failures import CallKind
from dayhand.hub.requester import AWAITED, DRAFT, NOTICE, PROGRESS, REVIEW_REQUEST, Cost, Sending, Urgency
from dayhand.ledger import keys
from dayhand.ledger.github_share import CREATIONS_A_MINUTE, CREATIONS_AN_HOUR, REST_POINTS, GitHubShare

NOW = 1_800_000_000_000
COMMENT = Cost(CallKind.CREATE, points=5, creations=1, graphql=False)
URGENCIES = {
    "awaited": AWAITED,
    "notice": NOTICE,
    "review request": REVIEW_REQUEST,
    "draft": DRAFT,
    "progress": PROGRESS,
}
Fill = Callable[[GitHubShare], object]


def points(part: float) -> Fill:
    return lambda share: share.admit(1, points=int(REST_POINTS * part), creations=0, graphql=False)


def creations(part: float) -> Fill:
    return lambda share: share.admit(1, points=0, creations=int(CREATIONS_A_MINUTE * part), graphql=False)


def creations_of_the_hour(part: float) -> Fill:
    """All of them made more than a minute ago."""

    def fill(share: GitHubShare) -> None:
        at, share.now = share.now, NOW - 1_000_000
        for _ in range(10):
            share.now += 70_000
            share.admit(1, points=0, creations=int(CREATIONS_AN_HOUR * part / 10), graphql=False)
        share.now = at

    return fill


def first_comments(expected: int, part: float) -> Fill:
    def fill(share: GitHubShare) -> None:
        for number in range(expected):
            share.expect_creation(1, f"comment {number}")
        creations(part)(share)

    return fill


@pytest.fixture
def share(redis: Redis) -> GitHubShare:
    return GitHubShare(redis, now=NOW)


@pytest.mark.parametrize(
    ("used", "sent"),
    [
        (points(0.4), "awaited, notice, review request, draft, progress"),
        (points(0.5), "awaited, notice, review request, draft"),
        (points(0.8), "awaited, notice"),
        (points(1.0), ""),
        (creations(0.4), "awaited, notice, review request, draft, progress"),
        (creations(0.5), "awaited, notice, review request, draft"),
        (creations(0.8), "awaited, notice"),
        (creations(1.0), ""),
        (first_comments(10, 0.4), "awaited, notice, review request, draft"),  # 30 of 37 made, 10 expected
        (first_comments(10, 0.7), "awaited, notice"),  # 52 of 60 made, 10 expected
        (creations_of_the_hour(0.4), "awaited, notice, review request, draft, progress"),
        (creations_of_the_hour(0.5), "awaited, review request, draft, progress"),
        (creations_of_the_hour(1.0), ""),
    ],
    ids=range(13),
)
def test_what_people_wait_for_is_sent_before_what_can_come_later(
    redis: Redis, share: GitHubShare, used: Fill, sent: str
) -> None:
    admitted = []
    for name, urgency in URGENCIES.items():
        redis.flushall()
        used(share)
        sending = Sending(share, 1, urgency=replace(urgency, waits=False))
        try:
            with sending.counted(COMMENT):
                admitted.append(name)
        except BudgetReached:
            continue
    assert ", ".join(admitted) == sent


@pytest.mark.parametrize(
    ("urgency", "waits"),
    [(AWAITED, True), (NOTICE, False), (REVIEW_REQUEST, True), (DRAFT, False), (PROGRESS, False)],
)
def test_only_what_people_wait_for_waits_for_room_and_for_githubs_limits(
    share: GitHubShare, urgency: Urgency, waits: bool
) -> None:
    creations(1.0)(share)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        share.now = NOW + int(sum(slept) * 1000)

    sending, admitted = Sending(share, 1, sleep=sleep, urgency=urgency), False
    try:
        with sending.counted(COMMENT):
            admitted = True
    except BudgetReached:
        assert slept == []
    assert admitted is waits
    assert sending.limited({"retry-after": "7"}) is waits
    assert not sending.limited({"retry-after": "120"}), "that is spent in the queue"


@pytest.mark.parametrize("error", [None, ValueError("the request broke")])
def test_a_request_that_ended_frees_its_place_among_those_at_once(
    redis: Redis, share: GitHubShare, error: Exception | None
) -> None:
    try:
        with Sending(share, 1).counted(COMMENT):
            assert redis.zcard(keys.github(1, "slots")) == 1
            if error:
                raise error
    except ValueError:
        assert error
    assert redis.zcard(keys.github(1, "slots")) == 0


def test_a_request_that_waits_for_ever_is_not_sent(share: GitHubShare) -> None:
    slept: list[float] = []
    share.pause(1, 50)

    def sleep(seconds: float) -> None:  # GitHub asks for more each time
        slept.append(seconds)
        share.pause(1, 50)

    with pytest.raises(BudgetReached), Sending(share, 1, sleep=sleep).counted(COMMENT):
        raise AssertionError("it was sent")
    assert 10 < len(slept) < 20
