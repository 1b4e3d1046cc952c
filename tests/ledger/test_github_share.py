"""The write budget of an installation, as GitHub counts it, shared by every process through Redis."""

from __future__ import annotations

from typing import Any

import pytest
from redis import Redis

from dayhand.ledger.github_share import (
    CREATIONS_A_MINUTE,
    CREATIONS_AN_HOUR,
    EXPECTED_SECONDS,
    GRAPHQL_POINTS,
    MAX_CONCURRENT,
    REST_POINTS,
    SLOT_SECONDS,
    GitHubShare,
)

NOW = 1_800_000_000_000


class Budget:
    """Two processes that share a Redis, and a clock that the test sets."""

    def __init__(self, redis: Redis) -> None:
        self.shares = [GitHubShare(redis, now=NOW) for _ in range(2)]
        self.turn = 0

    def wait(
        self,
        *,
        points: int = 5,
        creations: int = 0,
        graphql: bool = False,
        at: float = 0.0,
        **urgency: Any,
    ) -> float:
        """Ask for a request at a time, from one process after the other; release its slot at once."""
        self.turn += 1
        share = self.shares[self.turn % 2]
        share.now = NOW + int(at * 1000)
        seconds, slot = share.admit(1, points=points, creations=creations, graphql=graphql, **urgency)
        share.release(1, slot)
        return seconds


@pytest.fixture
def budget(redis: Redis) -> Budget:
    return Budget(redis)


@pytest.mark.parametrize(("graphql", "most"), [(False, REST_POINTS), (True, GRAPHQL_POINTS)])
def test_points_are_counted_by_the_minute_over_all_processes(
    budget: Budget, graphql: bool, most: int
) -> None:
    admitted = [budget.wait(graphql=graphql, at=second / 10) for second in range(most // 5 + 1)]
    assert [seconds for seconds in admitted[:-1] if seconds] == []
    assert 0 < admitted[-1] <= 62
    assert budget.wait(graphql=graphql, at=most / 50 + admitted[-1]) == 0
    assert budget.wait(graphql=not graphql, at=most / 50) == 0  # GitHub counts the other kind apart


def test_creations_are_counted_by_the_minute_and_by_the_hour(budget: Budget) -> None:
    for made in range(CREATIONS_A_MINUTE):
        assert budget.wait(points=0, creations=1, at=made / 100) == 0
    assert budget.wait(points=0, creations=1, at=1) > 55
    assert budget.wait(points=5, at=1) == 0
    left = CREATIONS_AN_HOUR - CREATIONS_A_MINUTE
    for made in range(left):
        assert budget.wait(points=0, creations=1, at=100 + made * 2) == 0
    assert budget.wait(points=0, creations=1, at=1200) > 2000


def test_what_people_wait_for_has_room_where_progress_has_none(budget: Budget) -> None:
    while budget.wait(part=0.5) == 0:
        pass
    assert budget.wait(part=0.5) > 0
    assert budget.wait(part=1.0) == 0


def test_drafts_leave_room_for_the_first_comments_that_are_expected(budget: Budget) -> None:
    for number in range(3):
        budget.shares[0].expect_creation(1, f"comment {number}")
    drafts = {"points": 0, "creations": 1, "behind": True}
    while budget.wait(**drafts) == 0:
        pass
    comments = 0
    while budget.wait(points=0, creations=1) == 0:
        comments += 1
    assert comments == 3


@pytest.mark.parametrize("ends", ["created", "not sent", "never"])
def test_room_is_left_until_what_is_expected_exists(budget: Budget, ends: str) -> None:
    share, draft = budget.shares[0], {"points": 0, "creations": 1, "behind": True}
    share.expect_creation(1, "comment")
    budget.wait(points=0, creations=CREATIONS_A_MINUTE - 1, at=EXPECTED_SECONDS - 1)
    assert budget.wait(**draft, at=EXPECTED_SECONDS - 1) > 0
    if ends != "never":
        share.end_creation(1, "comment", sent=ends == "created")
    later = EXPECTED_SECONDS + 1 if ends == "never" else EXPECTED_SECONDS - 1
    assert bool(budget.wait(**draft, at=later)) is (ends == "not sent")


def test_a_part_of_the_hour_is_kept_from_notices(budget: Budget) -> None:
    for minute in range(4):
        assert budget.wait(points=0, creations=60, at=minute * 70) == 0
    assert budget.wait(points=0, creations=1, at=300, hour_part=0.5) > 0
    assert budget.wait(points=0, creations=1, at=300) == 0


def test_a_request_that_is_killed_frees_its_slot_after_a_minute(redis: Redis) -> None:
    share = GitHubShare(redis, now=NOW)
    slots = [share.admit(1, points=0, creations=0, graphql=False)[1] for _ in range(MAX_CONCURRENT)]
    full, _ = share.admit(1, points=0, creations=0, graphql=False)
    assert 0 < full < 1
    share.release(1, slots[0])
    assert share.admit(1, points=0, creations=0, graphql=False)[0] == 0
    share.now = NOW + SLOT_SECONDS * 1000 + 1
    assert share.admit(1, points=0, creations=0, graphql=False)[0] == 0


def test_everybody_waits_when_github_asks_one_of_them_to(budget: Budget) -> None:
    budget.shares[0].pause(1, 30)
    budget.shares[1].pause(1, 5)  # does not shorten it
    assert {budget.wait() for _ in range(2)} == {30}
    assert budget.wait(at=30.001) == 0


def test_another_installation_has_a_budget_of_its_own(budget: Budget) -> None:
    budget.shares[0].pause(2, 30)
    assert budget.wait() == 0


def test_tasks_that_show_their_progress_are_counted(redis: Redis) -> None:
    shares = [GitHubShare(redis) for _ in range(2)]
    counts = [shares[n % 2].tasks_showing_progress(1, f"t{n % 3}") for n in range(6)]
    assert counts == [1, 2, 3, 3, 3, 3]
