"""Deliveries that did not reach us come back from GitHub's own list, once."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from dayhand.errors import HubUnavailable
from dayhand.ledger import keys
from dayhand.ledger.deliveries import Deliveries
from dayhand.ledger.redis_server import connect_raw
from dayhand.localhub.state.models import Issue
from dayhand.settings.table import Settings
from dayhand.worker.dispatcher import open_missed
from tests.journey.harness import UNTESTED_SHOP, Harness

NOBODY = "http://127.0.0.1:9/webhook"  # the discard port: nobody answers
TEN = 10


def look(harness: Harness, settings: Settings | None = None) -> int:
    """Look once for what was missed, and handle it; how much there was."""
    found = fetch(harness, settings)
    harness.settle()
    return len(found)


def fetch(harness: Harness, settings: Settings | None = None) -> list[str]:
    with connect_raw(harness.settings.redis_url) as raw:
        return open_missed(settings or harness.settings, harness.ledger.redis, raw).fetch()


def label_many(harness: Harness, address: str = NOBODY) -> list[Issue]:
    """Ten issues, which are labelled once the App has this address."""
    repo = harness.repository("shop", UNTESTED_SHOP)
    issues = [harness.issue(repo) for _ in range(TEN)]
    harness.settle()
    harness.app.webhook_url = address
    for issue in issues:
        harness.hub.actions.label(repo, issue, "codex", by=harness.ada)
    harness.settle()
    return issues


def test_ten_labels_while_the_web_process_is_down_become_ten_tasks_once(harness: Harness) -> None:
    reachable = harness.app.webhook_url
    issues = label_many(harness)
    assert harness.ledger.recent() == []
    harness.app.webhook_url = reachable
    assert look(harness) == TEN
    assert sorted(record.task.number for record in harness.ledger.recent()) == [one.number for one in issues]
    assert [len(issue.reactions) for issue in issues] == [1] * TEN
    newest = max(one.delivered.timestamp() for one in harness.hub.webhooks.deliveries)
    assert float(harness.ledger.redis.get(keys.READ_UNTIL)) == pytest.approx(newest, abs=1), (
        "the next look begins there"
    )
    harness.hub.faults.requests.clear()
    assert look(harness) == 0
    assert not [one for one in harness.hub.faults.requests if "/deliveries/" in one], (
        "no payload is read again"
    )
    for delivery in list(harness.hub.webhooks.deliveries):  # a person presses “Redeliver” as well
        harness.hub.webhooks.send(delivery.app, delivery.event, delivery.payload, redeliver=delivery)
    harness.settle()
    assert len(harness.ledger.recent()) == TEN


def test_what_was_received_is_not_fetched_again(harness: Harness) -> None:
    label_many(harness, harness.app.webhook_url)
    harness.ledger.redis.delete(*[keys.delivery(one.guid) for one in harness.hub.webhooks.deliveries])
    assert look(harness) == 0, "GitHub's list says that it arrived"


def test_without_an_address_everything_comes_from_the_list(harness: Harness) -> None:
    poll = replace(harness.settings, poll=5)
    assert look(harness, poll) == 0
    label_many(harness)
    assert look(harness, poll) == TEN
    assert len(harness.ledger.recent()) == TEN
    assert look(harness, poll) == 0


def test_an_address_that_belongs_to_something_else_does_not_matter_to_polling(harness: Harness) -> None:
    label_many(harness, harness.app.webhook_url)
    harness.ledger.redis.flushall()
    look(harness, replace(harness.settings, poll=5))
    assert len(harness.ledger.recent()) == TEN


def test_more_than_a_page_is_read_and_the_oldest_comes_first(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.settle()
    harness.app.webhook_url = NOBODY
    for number in range(70):
        harness.hub.actions.label(repo, issue, f"label-{number}", by=harness.ada)
        harness.hub.actions.unlabel(repo, issue, f"label-{number}", by=harness.ada)
    harness.hub.wait_idle()
    guids = fetch(harness)
    assert guids == [one.guid for one in harness.hub.webhooks.deliveries if one.payload["action"] != "opened"]
    stops = {one.guid for one in harness.hub.webhooks.deliveries if one.payload["action"] == "unlabeled"}
    assert Deliveries(harness.ledger.redis).due() == sorted(guids, key=lambda guid: guid not in stops)


@pytest.mark.parametrize(
    ("seconds", "found"), [(0, TEN), (-3600, 0)], ids=["just now", "before the time that was read"]
)
def test_only_what_came_since_the_last_look_is_read(harness: Harness, seconds: float, found: int) -> None:
    label_many(harness)
    for delivery in harness.hub.webhooks.deliveries:
        delivery.delivered = delivery.delivered.fromtimestamp(
            time.time() + seconds, delivery.delivered.tzinfo
        )
    harness.ledger.redis.set(keys.READ_UNTIL, time.time() - 60)
    assert look(harness) == found


def test_a_look_that_could_not_store_everything_reads_the_same_again(harness: Harness) -> None:
    label_many(harness)
    harness.ledger.redis.set(keys.INBOX_BYTES, 10**9)  # no delivery fits any more
    assert look(harness) == 0
    assert harness.ledger.redis.get(keys.READ_UNTIL) is None
    harness.ledger.redis.delete(keys.INBOX_BYTES)
    assert look(harness) == TEN


def test_while_github_is_away_a_look_is_repeated(harness: Harness) -> None:
    label_many(harness)
    with pytest.raises(HubUnavailable):
        look(harness, replace(harness.settings, api_url="http://127.0.0.1:9/api/v3"))
    assert look(harness) == TEN
