"""Requests are counted before they are sent, and repeated as the table of failures says."""

from __future__ import annotations

from typing import Any

import pytest
from redis import Redis

from dayhand.errors import HubError, HubUnavailable
from dayhand.hub.client import Hub
from dayhand.hub.failures import CallKind, seconds_to_wait
from dayhand.hub.repository import RepositoryHub
from dayhand.hub.requester import Sending, cost_of
from dayhand.ledger.github_share import REST_POINTS, GitHubShare
from dayhand.localhub.faults import RESET, ServerFault
from dayhand.localhub.payloads.issues import node_id
from tests.hub.conftest import Place

OUTPUT = {"title": "Starting", "summary": "…", "text": "log"}
BRANCH = "dayhand/1-wrong-order"


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def there(place: Place, redis: Redis, pauses: list[float]) -> RepositoryHub:
    sending = Sending(pauses=(1.0, 2.0), sleep=pauses.append)
    share = GitHubShare(redis, creation_seconds=0.05)
    hub = Hub(place.server.api_url, place.app.id, place.app.private_key, share=share, sending=sending)
    there = hub.repository(place.installation.id, "ada/shop", repository_id=place.repo.id)
    there.token()
    hub.slug()
    place.server.faults.requests.clear()
    return there


def posts(place: Place, end: str) -> int:
    return sum(one.startswith("POST") and one.endswith(end) for one in place.server.faults.requests)


CREATIONS = {
    "comment": ("/comments$", lambda there, _: there.comment(1, "On it.", "task:t1")),
    "pull request": ("/pulls$", lambda there, _: there.open_pull(BRANCH, "main", "T", body="B")),
    "check run": (
        "/check-runs$",
        lambda there, head: there.create_check("dayhand", head, "t1", details_url="", output=OUTPUT),
    ),
}


@pytest.mark.parametrize("status", [502, RESET])
@pytest.mark.parametrize("what", CREATIONS)
def test_what_was_created_although_the_answer_was_lost_is_found_again(
    place: Place, there: RepositoryHub, what: str, status: int
) -> None:
    head = place.branch(BRANCH)
    where, create = CREATIONS[what]
    place.server.faults.add(f"POST .*{where}", status, after=True)
    create(there, head)
    assert posts(place, where.strip("$")) == 1
    assert len(place.issue.comments) + len(list(place.repo.pulls())) + len(place.repo.checks) == 1


@pytest.mark.parametrize("status", [502, RESET])
@pytest.mark.parametrize("what", CREATIONS)
def test_what_was_not_created_is_created_again(
    place: Place, there: RepositoryHub, pauses: list[float], what: str, status: int
) -> None:
    head = place.branch(BRANCH)
    where, create = CREATIONS[what]
    place.server.faults.add(f"POST .*{where}", status)
    create(there, head)
    assert posts(place, where.strip("$")) == 2
    assert len(place.issue.comments) + len(list(place.repo.pulls())) + len(place.repo.checks) == 1
    waits = [pause for pause in pauses if pause < 1]  # until a request whose answer was lost is over
    assert [pause for pause in pauses if pause >= 1] == [1.0]
    assert bool(waits) <= (status == RESET)


def test_a_read_and_a_change_are_repeated(place: Place, there: RepositoryHub, pauses: list[float]) -> None:
    for where in ("GET .*/issues/1$", "POST .*/graphql$"):
        place.server.faults.add(where, 504, times=2)
    there.issue(1)
    there.react(node_id("Issue", place.issue.id), "eyes")
    assert pauses == [1.0, 2.0] * 2


def test_a_fault_that_stays_is_for_later(place: Place, there: RepositoryHub, pauses: list[float]) -> None:
    place.server.faults.add("GET .*/issues/1$", 503, times=9)
    with pytest.raises(HubUnavailable, match="503"):
        there.issue(1)
    assert pauses == [1.0, 2.0]


def test_progress_is_sent_once_and_takes_only_its_part_of_the_budget(
    place: Place, there: RepositoryHub, redis: Redis, pauses: list[float]
) -> None:
    check = there.create_check("dayhand", place.branch(BRANCH), "t1", details_url="", output=OUTPUT)
    place.server.faults.add("PATCH", 502)
    with pytest.raises(HubUnavailable):
        there.update_check(check.id, output=OUTPUT, retries=False)
    share = GitHubShare(redis)
    used = share.admit(place.installation.id, points=REST_POINTS // 2, creations=0, graphql=False, part=1.0)
    assert used[0] == 0
    sent = len(place.server.faults.requests)
    with pytest.raises(HubUnavailable, match="limit of requests"):
        there.update_check(check.id, output=OUTPUT, retries=False)
    assert len(place.server.faults.requests) == sent
    while not share.admit(place.installation.id, points=5, creations=0, graphql=False)[0]:
        pass
    there.react(node_id("Issue", place.issue.id), "eyes")  # it has room also where comments have none
    assert pauses == []


def test_a_secondary_limit_stops_everybody(
    place: Place, there: RepositoryHub, redis: Redis, pauses: list[float]
) -> None:
    share = GitHubShare(redis)
    place.server.faults.waiting.append(
        ServerFault(
            "GET .*/issues/1$",
            403,
            headers={"Retry-After": "120"},
            body='{"message": "secondary rate limit"}',
        )
    )
    with pytest.raises(HubUnavailable, match="rate limit"):
        there.issue(1)
    seconds, _ = share.admit(place.installation.id, points=1, creations=0, graphql=True, part=1.0)
    assert 100 < seconds <= 120
    sent = len(place.server.faults.requests)
    with pytest.raises(HubUnavailable, match="limit of requests"):
        there.react(node_id("Issue", place.issue.id), "eyes")
    assert len(place.server.faults.requests) == sent
    assert pauses == []


def test_a_renamed_repository_is_addressed_by_its_id(place: Place, redis: Redis) -> None:
    actions = place.server.actions
    actions.rename(place.repo, "store")
    actions.add_repository("ada/shop", {"b.txt": "b\n"})  # somebody uses the name again
    hub = Hub(place.server.api_url, place.app.id, place.app.private_key, share=GitHubShare(redis))
    there = hub.repository(place.installation.id, "ada/shop", repository_id=place.repo.id)
    assert there.comment(1, "On it.", "task:t1").id == place.issue.comments[0].id
    assert there.location()[0].endswith("/ada/store.git")


def test_a_search_in_a_renamed_repository_finds_what_it_asked_for(place: Place) -> None:
    """Its id is not known, so GitHub redirects the request."""
    place.branch("theirs")
    theirs = {"body": "", "head": "theirs", "base": "main", "draft": False}
    place.server.actions.open_pull(place.repo, place.ada, "Not ours", **theirs)
    place.there.token()
    place.server.actions.rename(place.repo, "store")
    assert place.there.find_pull(BRANCH) is None


def test_an_installation_that_is_removed_is_said_to_be_removed(place: Place, there: RepositoryHub) -> None:
    place.server.actions.uninstall(place.installation)
    with pytest.raises(HubError, match="token") as refused:
        there.issue(1)
    assert "installed" in refused.value.advice


MADE = ("addComment", "requestReviews", "createPullRequest", "createIssue")
BATCH = {"query": f"mutation {{ {' '.join(f'{name}(input: $a) {{ x }}' for name in MADE)} }}"}


@pytest.mark.parametrize(
    ("verb", "path", "body", "expected"),
    [
        ("GET", "/repos/a/b/issues/1/comments", None, (CallKind.READ, 1, 0)),
        ("PATCH", "/repos/a/b/check-runs/1", {}, (CallKind.CHANGE, 5, 0)),
        ("DELETE", "/repos/a/b/git/refs/heads/x", None, (CallKind.CHANGE, 5, 0)),
        ("POST", "/repos/a/b/issues/1/comments", {}, (CallKind.CREATE, 5, 1)),
        ("POST", "/repos/a/b/pulls", {}, (CallKind.CREATE, 5, 1)),
        ("POST", "/repos/a/b/check-runs", {}, (CallKind.CREATE, 5, 0)),
        (
            "POST",
            "/graphql",
            {"query": "mutation($m0: AddReactionInput!) { m0: addReaction(input: $m0) { x } }"},
            (CallKind.CHANGE, 5, 0),
        ),
        ("POST", "/repos/a/b/pulls/1/requested_reviewers", {}, (CallKind.CHANGE, 5, 1)),
        ("POST", "/repos/a/b/pulls/1/comments/2/replies", {}, (CallKind.CHANGE, 5, 1)),
        ("POST", "/repos/a/b/pulls/1/reviews", {}, (CallKind.CHANGE, 5, 1)),
        ("POST", "/repos/a/b/issues", {}, (CallKind.CREATE, 5, 1)),
        ("POST", "/graphql", {"query": "query { viewer { login } }"}, (CallKind.READ, 1, 0)),
        ("POST", "/graphql", BATCH, (CallKind.CREATE, 5, 4)),
    ],
)
def test_a_request_costs_what_github_counts(
    verb: str, path: str, body: dict[str, Any] | None, expected: tuple[CallKind, int, int]
) -> None:
    cost = cost_of(verb, path, body)
    assert (cost.call, cost.points, cost.creations) == expected
    assert cost.graphql is (path == "/graphql")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 7.5 "}, 7.5),
        ({"retry-after": "0"}, 1.0),
        ({"retry-after": "-5"}, 60.0),
        ({"retry-after": "soon"}, 60.0),
        ({"retry-after": ""}, 60.0),
        ({"retry-after": "1" + "0" * 400}, 60.0),
        ({"retry-after": "999999"}, 3660.0),  # a mistake: nobody is stopped for days
        ({"retry-after": "Thu, 01 Jan 1970 00:18:00 GMT"}, 80.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 1.0),
        ({"retry-after": "7", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1090"}, 7.0),
        ({"x-ratelimit-remaining": "0"}, 60.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1090000"}, 3660.0),  # milliseconds
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1090.5"}, 90.5),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1090"}, 90.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "900"}, 1.0),
        ({"x-ratelimit-remaining": "12", "x-ratelimit-reset": "1090"}, 60.0),
        ({}, 60.0),
    ],
)
def test_github_says_how_long_to_wait(headers: dict[str, str], seconds: float) -> None:
    assert seconds_to_wait(headers, now=1000.0) == seconds


def test_progress_becomes_slower_as_more_tasks_run(there: RepositoryHub) -> None:
    seconds = [there.progress_seconds(f"t{number}", least=30.0) for number in range(50)]
    assert (seconds[0], seconds[-1]) == (30.0, 50.0)
