"""What a person reads while a task waits for a worker."""

from __future__ import annotations

import time
from dataclasses import replace

import httpx2
import pytest

from dayhand.errors import BudgetReached, HubUnavailable
from dayhand.hub.client import Hub
from dayhand.hub.requester import Sending
from dayhand.ledger import facts, keys
from dayhand.ledger.github_share import CREATIONS_A_MINUTE, GitHubShare
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.waiting.places import note_shortage
from dayhand.localhub.faults import RESET
from dayhand.worker.dispatcher import open_notices
from tests.journey.harness import BEARER, UNTESTED_SHOP, Harness, open_web


def write(harness: Harness, after: float, hub: Hub | None = None) -> None:
    """Write the notices as a dispatcher does so many seconds from now."""
    notices = open_notices(harness.settings, harness.ledger.redis)
    notices = replace(notices, hub=hub or notices.hub)
    later = Ledger(harness.ledger.redis, clock=lambda: time.time() + after)
    assert replace(notices, ledger=later).write() == []


def test_one_comment_tells_the_place_until_the_task_begins_or_is_stopped(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    first, second, third = (harness.issue(repo, f"Issue {number}") for number in range(3))
    for issue in (first, second, third):
        harness.label(repo, issue)
    ids = harness.waiting()
    write(harness, after=0)
    assert harness.bot_comments(first) == [], "it may begin at once"

    share, installation = GitHubShare(harness.ledger.redis), next(iter(harness.hub.actions.installations))
    share.admit(installation, points=0, creations=CREATIONS_A_MINUTE, graphql=False)
    with pytest.raises(BudgetReached):
        write(harness, after=30)
    harness.ledger.redis.delete(keys.github(installation, "creations") + ":minute")
    hub, redis = harness.hub, harness.ledger.redis
    hub.faults.add("POST .*/comments$", RESET, after=True)
    impatient = Hub(
        hub.api_url, harness.app.id, harness.app.private_key, share=share, sending=Sending(pauses=())
    )
    with pytest.raises(HubUnavailable):  # as if the process was killed once GitHub had the comment
        write(harness, after=30, hub=impatient)
    redis.delete(*redis.keys(keys.github(installation, "creating:*")))  # a minute later
    write(harness, after=30)
    assert [len(harness.bot_comments(issue)) for issue in (first, second, third)] == [1, 1, 1]
    (text,) = harness.bot_comments(second)
    assert text.startswith("Queued. As of ")
    assert (
        f"UTC: Place 2 of 3 in the queue. [See where it stands now]({harness.settings.url}/tasks/{ids[1]})"
        in text
    )
    note_shortage(harness.ledger.redis, "m", "Only 3 MB of memory are available.", now=time.time() + 200)
    write(harness, after=200)
    (text,) = harness.bot_comments(second)
    assert "A machine takes no tasks at the moment: Only 3 MB of memory are available." in text

    harness.ledger.redis.hdel(
        f"dayhand:facts:{ids[0]}", facts.COMMENT.name
    )  # the notice's process was killed
    harness.comment(repo, third, "@bot stop")
    write(harness, after=400)
    assert harness.bot_comments(third)[0].startswith("ada stopped this task. It had not begun")
    harness.work()
    for issue in (first, second):
        (text,) = harness.bot_comments(issue)
        assert "is ready for review" in text

    pull = harness.pulls(repo)[0]
    harness.comment(repo, pull, "@bot name the sum")
    write(harness, after=600)
    queued = [run for run in harness.checks(repo, pull) if run.conclusion is None]
    assert [(run.title, run.external_id) for run in queued] == [("Queued", harness.waiting()[0])]
    assert str(queued[0].summary).startswith("Place 1 of 1 in the queue.")
    harness.comment(repo, pull, "@bot stop")
    write(harness, after=900)
    assert (queued[0].conclusion, queued[0].title) == ("cancelled", "The task was stopped.")


def test_a_suspended_installation_holds_up_no_other_notices(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    for _ in range(2):
        harness.label(repo, harness.issue(repo))
    harness.hub.tokens._grants.clear()
    (installation,) = harness.hub.actions.installations.values()
    installation.suspended = True
    later = Ledger(harness.ledger.redis, clock=lambda: time.time() + 30)
    lines = replace(open_notices(harness.settings, harness.ledger.redis), ledger=later).write()
    said = "no notice that it waits: The App's installation has been suspended (requesting a token for ada/shop)."
    assert [line.partition(": ")[2] for line in lines] == [said] * 2


def test_the_page_shows_the_place(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    for _ in range(2):
        harness.label(repo, harness.issue(repo))
    server = open_web(harness.settings, harness.ledger, harness.live)
    url = f"http://127.0.0.1:{server.server_port}/tasks/{harness.waiting()[1]}"
    try:
        assert "Place 2 of 2 in the queue." in httpx2.get(url, headers=BEARER).text
        json = httpx2.get(url, headers={**BEARER, "Accept": "application/json"}).json()
        assert json["place"] == "Place 2 of 2 in the queue."
    finally:
        server.shutdown()
        server.server_close()
