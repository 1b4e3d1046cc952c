"""What people see of a task first, and what comes later, while GitHub's budget for the installation is short."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from dayhand.hub.client import Hub
from dayhand.hub.requester import Sending
from dayhand.ledger import keys
from dayhand.ledger.github_share import CREATIONS_A_MINUTE, GitHubShare
from dayhand.ledger.log import LogReader, Note
from tests.publish.conftest import Dispatcher, proposal


@pytest.fixture
def share(desk: Dispatcher) -> GitHubShare:
    """The desk's GitHub with a budget, in which waiting takes no time."""
    share, place = GitHubShare(desk.ledger.redis), desk.place
    hub = Hub(
        place.server.api_url,
        place.app.id,
        place.app.private_key,
        share=share,
        sending=Sending(pauses=(), sleep=lambda _: None),
    )
    desk.place = replace(place, there=hub.repository(place.installation.id, "ada/shop"))
    return share


@pytest.fixture
def leave(desk: Dispatcher, share: GitHubShare) -> Callable[[int], None]:
    """Use up this minute's creations but for so many."""
    installation = desk.place.installation.id

    def use(left: int) -> None:
        share.redis.delete(keys.github(installation, "creations") + ":minute")
        share.admit(installation, points=0, creations=CREATIONS_A_MINUTE - left, graphql=False)

    return use


def test_a_draft_that_there_was_no_room_for_is_opened_with_a_later_progress(
    desk: Dispatcher, leave: Callable[[int], None]
) -> None:
    start, publication, log = desk.begin(), desk.publication(), desk.log()
    log.listen(publication.progress)
    leave(1)
    publication.announce(desk.task)
    publication.open(desk.task, start)
    log.line("command", "make test")
    assert desk.said == ["On it. [Follow progress](http://127.0.0.1:8080/tasks/t1)"]
    assert (desk.pulls, desk.checks(start)) == ([], [])

    leave(CREATIONS_A_MINUTE)
    log.line("command", "make test")
    (pull,), (check,) = desk.pulls, desk.checks(start)
    assert pull.pull
    assert pull.pull.draft
    assert (check.status, check.title) == ("in_progress", "Starting")
    assert desk.said[0].startswith("On it: [the pull request](")


def test_fifty_tasks_update_their_check_runs_every_fifty_seconds(
    desk: Dispatcher, share: GitHubShare
) -> None:
    now = [1000.0]
    publication = desk.publication(every=30.0, clock=lambda: now[0])
    publication.open(desk.task, start := desk.begin())
    (check,) = desk.checks(start)
    texts = []
    for number in range(50):
        share.tasks_showing_progress(desk.place.installation.id, f"task {number}")
    for at in (0.0, 31.0, 49.0, 51.0):
        now[0] = 1000.0 + at
        publication.progress(Note(int(at), now[0], "solve", "command", f"make test-{at:.0f}"))
        texts.append((check.text or "").count("make test"))
    assert texts == [1, 1, 1, 4]


def test_a_result_waits_for_no_review_request(desk: Dispatcher, leave: Callable[[int], None]) -> None:
    start, publication = desk.begin(), desk.publication()
    leave(1)
    publication.announce(desk.task)
    publication.open(desk.task, start)
    leave(1)
    publication.propose(desk.task, proposal(desk.push()))
    (pull,) = desk.pulls
    assert pull.pull
    assert (pull.pull.draft, pull.pull.reviewers) == (False, [])
    assert "is ready for review" in desk.said[0]
    notes = [note.text for note in LogReader(desk.ledger.redis).read("t1")]
    assert notes == ["No review was requested: GitHub's limit of requests for this installation is reached."]


def test_a_review_request_follows_the_result_when_there_is_room(
    desk: Dispatcher, share: GitHubShare, leave: Callable[[int], None]
) -> None:
    publication = desk.publication()
    publication.announce(desk.task)
    publication.open(desk.task, desk.begin())
    head = desk.push()
    leave(0)
    places = desk.place.there.auth.sending

    def free(_: float) -> None:
        share.redis.delete(keys.github(desk.place.installation.id, "creations") + ":minute")

    desk.place.there.auth.sending = replace(places, sleep=free)
    publication.propose(desk.task, proposal(head))
    (pull,) = desk.pulls
    assert pull.pull
    assert [user.login for user in pull.pull.reviewers] == ["ada"]
