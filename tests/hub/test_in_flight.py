"""A request that creates something, whose process is killed, is carried out late: there is one of it all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from redis import Redis

from dayhand.errors import AnswerLost, HubError
from dayhand.hub.client import Hub
from dayhand.hub.mutations import Mutation
from dayhand.hub.repository import RepositoryHub
from dayhand.hub.requester import Sending
from dayhand.ledger.github_share import GitHubShare
from dayhand.ledger.redis_server import connect, embedded
from dayhand.localhub.faults import RESET
from tests.hub.conftest import Place

OUTPUT = {"title": "t", "summary": "s", "text": "x"}


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with embedded(tmp_path_factory.mktemp("hub")) as url, connect(url) as client:
        yield client


@pytest.fixture
def share(redis: Redis) -> GitHubShare:
    redis.flushall()
    return GitHubShare(redis, creation_seconds=60)


def open_repository(
    place: Place, share: GitHubShare, sleep: Callable[[float], object] = lambda _seconds: None
) -> RepositoryHub:
    """The repository in a process of its own."""
    app = place.app
    sending = Sending(pauses=(0.0, 0.0), sleep=sleep)
    hub = Hub(place.server.api_url, app.id, app.private_key, share=share, sending=sending)
    return hub.repository(place.installation.id, "ada/shop")


def let_time_pass(redis: Redis) -> Callable[[float], object]:
    """A pause after which no request is in flight any more."""
    return lambda _seconds: [redis.delete(key) for key in redis.keys("*:creating:*")]


@dataclass
class Creation:
    """One kind of creation, where GitHub's request shows what it is, and how many of it there are."""

    request: str
    look: str
    make: Callable[[Place, RepositoryHub], object]
    count: Callable[[Place], int]


def create_check(place: Place, there: RepositoryHub) -> object:
    head = place.repo.store.branches()["main"]
    return there.create_check("checks", head, "7", details_url="http://x", output=OUTPUT, look=False)


def open_pull(_: Place, there: RepositoryHub) -> object:
    return there.open_pull("dayhand/1-a", "main", "A", body="b", look=False)


CREATIONS = {
    "comment": Creation(
        r"POST .*/comments$",
        "/comments",
        lambda place, there: there.comment(place.issue.number, "Here.", "task:7", look=False),
        lambda place: len(place.issue.comments),
    ),
    "check run": Creation(
        r"POST .*/check-runs$", "/check-runs", create_check, lambda place: len(place.repo.checks)
    ),
    "pull request": Creation(
        r"POST .*/pulls$", "/pulls", open_pull, lambda place: len(list(place.repo.pulls()))
    ),
}


@pytest.mark.parametrize("kind", CREATIONS)
def test_what_a_killed_process_asked_for_is_awaited_and_not_made_again(
    place: Place, share: GitHubShare, kind: str
) -> None:
    creation = CREATIONS[kind]
    place.branch("dayhand/1-a")
    killed = open_repository(place, share)
    killed.auth.sending = Sending(pauses=())  # it does not live to try again
    place.server.faults.add(creation.request, RESET)  # and GitHub takes its time
    with pytest.raises(AnswerLost):
        creation.make(place, killed)
    looks: list[int] = []

    def carry_it_out() -> tuple[float, float]:
        """GitHub does what the killed process asked for when the next one has looked for it once."""
        asked = place.server.faults.requests[-1]
        if asked.startswith("GET") and creation.look in asked:
            looks.append(1)
        if len(looks) == 2:
            looks.append(1)
            creation.make(place, place.there)
        return 0.0, 0.0

    place.server.faults.slowness = carry_it_out
    creation.make(place, open_repository(place, share))
    assert len(looks) > 1, "it looked again"
    assert creation.count(place) == 1


def test_a_request_that_cannot_be_carried_out_any_more_is_repeated(place: Place, redis: Redis) -> None:
    redis.flushall()
    share = GitHubShare(redis, creation_seconds=60)
    share.begin_creation(place.installation.id, "ada/shop:comment 1 task:7")
    made = open_repository(place, share, let_time_pass(redis)).comment(1, "Here.", "task:7", look=False)
    assert [one.id for one in place.issue.comments] == [made.id]


def test_a_check_run_that_comes_late_is_found_by_who_creates_none(place: Place, redis: Redis) -> None:
    redis.flushall()
    share, head = GitHubShare(redis, creation_seconds=60), place.repo.store.branches()["main"]
    share.begin_creation(place.installation.id, f"ada/shop:check checks {head} 7")
    looks: list[str] = []

    def carry_it_out() -> tuple[float, float]:
        asked = place.server.faults.requests[-1]
        looks.extend([asked] if asked.startswith("GET") and "/check-runs" in asked else [])
        if len(looks) == 2:
            looks.append("")
            create_check(place, place.there)
        return 0.0, 0.0

    place.server.faults.slowness = carry_it_out
    found = open_repository(place, share).find_late_check("checks", "7", head_sha=head)
    assert found
    assert list(place.repo.checks) == [found.id]
    assert open_repository(place, share).find_late_check("others", "7", head_sha=head) is None


def test_a_refusal_ends_a_request(place: Place, share: GitHubShare) -> None:
    there = open_repository(place, share)
    place.server.faults.add(r"POST .*/comments$", 403)
    with pytest.raises(HubError, match="403"):
        there.comment(1, "Here.", "task:7", look=False)
    assert not share.begin_creation(place.installation.id, "ada/shop:comment 1 task:7")


def test_several_changes_at_once_wait_for_those_of_a_killed_process(place: Place, redis: Redis) -> None:
    redis.flushall()
    share = GitHubShare(redis, creation_seconds=60)
    share.begin_creation(place.installation.id, "ada/shop:result 7")
    looked: list[bool] = []

    def plan(look: bool) -> list[Mutation]:
        looked.append(look)
        node = open_repository(place, share).comment(1, "Here.", "task:7").node
        return [Mutation("updateIssueComment", {"id": node, "body": "There."})]

    open_repository(place, share, let_time_pass(redis)).change_together("result 7", plan, look=False)
    assert looked == [True]
    assert [one.body for one in place.issue.comments] == ["There."]
