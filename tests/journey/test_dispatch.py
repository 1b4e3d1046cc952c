"""From a stored delivery to a task, a reply or a reaction: what a dispatcher does while GitHub does not play along."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from dayhand.ledger import keys
from dayhand.ledger.codec import VERSION
from dayhand.ledger.deliveries import Deliveries
from dayhand.ledger.repository_notes import removed_before
from dayhand.localhub.state.models import Issue
from dayhand.settings.table import Settings
from dayhand.worker.dispatcher import MAX_ATTEMPTS
from tests.hub.test_auth import a_key
from tests.journey.harness import Harness


def labeled(harness: Harness) -> tuple[Issue, str]:
    """An issue that was just labelled, and the GUID of its stored delivery, which nobody handled."""
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.settle()
    harness.hub.actions.label(repo, issue, "codex", by=harness.ada)
    harness.hub.wait_idle()
    (guid,) = Deliveries(harness.ledger.redis).due()
    return issue, guid


def handle(harness: Harness, guid: str, settings: Settings | None = None) -> None:
    """Handle one delivery now, also if it waits for a later time."""
    harness.ledger.redis.zadd(keys.INBOX, {guid: "-inf"}, xx=True)
    harness.handle_next(settings)


def away(settings: Settings) -> Settings:
    """GitHub takes no connection."""
    return replace(settings, api_url="http://127.0.0.1:9/api/v3")


def rejected(settings: Settings) -> Settings:
    """GitHub does not know the App's key: 401."""
    return replace(settings, private_key=a_key())


@pytest.mark.parametrize(("trouble", "attempts", "seconds"), [(away, 2, 4), (rejected, MAX_ATTEMPTS + 1, 64)])
def test_a_delivery_waits_while_github_does_not_answer_or_rejects_us(
    harness: Harness,
    trouble: object,
    attempts: int,
    seconds: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    issue, guid = labeled(harness)
    assert callable(trouble)
    for _ in range(attempts):
        handle(harness, guid, trouble(harness.settings))
    assert harness.ledger.recent() == []
    assert f"It is tried again in {seconds} seconds." in capsys.readouterr().err
    assert Deliveries(harness.ledger.redis).due() == []
    handle(harness, guid)
    assert len(harness.waiting()) == 1
    assert [reaction.content for reaction in issue.reactions] == ["eyes"]
    assert Deliveries(harness.ledger.redis).waiting() == 0


def test_a_delivery_that_waited_for_three_days_is_given_up_and_the_operator_reads_why(
    harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    _, guid = labeled(harness)
    harness.ledger.redis.hincrby(keys.inbox(guid), "stored", -4 * 24 * 3600 * 1000)
    handle(harness, guid, away(harness.settings))
    assert Deliveries(harness.ledger.redis).waiting() == 0
    assert f"delivery {guid} (issues): given up after three days: GitHub" in capsys.readouterr().err


def test_a_delivery_that_its_dispatchers_die_of_is_given_up(
    harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    _, guid = labeled(harness)
    deliveries = Deliveries(harness.ledger.redis)
    for _ in range(MAX_ATTEMPTS):
        assert deliveries.claim_next("dead")
        deliveries.free("dead")
    handle(harness, guid)
    assert (deliveries.waiting(), harness.ledger.recent()) == (0, [])
    assert f"its dispatcher died or failed {MAX_ATTEMPTS} times" in capsys.readouterr().err


def test_a_reaction_that_is_refused_stops_no_task(
    harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.hub.actions.comment(repo, issue, harness.ada, body="@bot fix this")
    issue.comments.clear()  # a person deleted it before we came to it
    harness.settle()
    (task_id,) = harness.waiting()
    assert f"(issue_comment): task {task_id}" in capsys.readouterr().err, "it is not given up"
    assert Deliveries(harness.ledger.redis).waiting() == 0


def test_what_github_refuses_is_not_tried_again(harness: Harness, capsys: pytest.CaptureFixture[str]) -> None:
    _, guid = labeled(harness)
    (installation,) = harness.hub.actions.installations.values()
    installation.suspended = True  # its owner may unsuspend it
    handle(harness, guid)
    assert Deliveries(harness.ledger.redis).waiting() == 1
    assert "The App's installation has been suspended (requesting" in capsys.readouterr().err
    harness.ledger.redis.delete(*harness.ledger.redis.keys(keys.github_asked("*")))
    harness.hub.actions.uninstall(installation)
    handle(harness, guid)
    assert harness.ledger.redis.zscore(keys.INBOX, guid) is None
    assert (
        "given up: GitHub refused requesting a token for ada/shop: Not Found (404)" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("order", "tasks"),
    [
        (["labeled 1", "unlabeled 2"], 1),
        (["unlabeled 2", "labeled 1"], 0),
        (["closed 2", "labeled 1"], 0),
        (["unlabeled 2", "labeled 3", "labeled 1"], 1),
        (["unlabeled 2", "labeled 1", "labeled 3"], 1),
        (["@dayhand stop 2", "labeled 1"], 0),
        (["@dayhand stop 2", "@dayhand fix this 1"], 0),
        (["@dayhand stop 2", "@dayhand fix this 3", "labeled 1"], 1),
    ],
)
def test_deliveries_may_arrive_in_any_order(harness: Harness, order: list[str], tasks: int) -> None:
    _, guid = labeled(harness)
    deliveries = Deliveries(harness.ledger.redis)
    stored = deliveries.claim_next("the test")
    assert stored
    deliveries.done(guid, "the test")
    for each in order:
        text, _, second = each.rpartition(" ")
        event, action = ("issue_comment", "created") if text.startswith("@") else ("issues", text)
        payload = json.loads(stored.body) | {"action": action}
        payload["issue"]["updated_at"] = f"2026-11-28T12:00:0{second}Z"
        payload["comment"] = {"id": 7, "body": text, "user": payload["sender"]}
        deliveries.store(each, event, json.dumps(payload).encode())
        handle(harness, each)
    assert len(harness.ledger.recent()) == tasks


def test_a_delivery_about_what_a_newer_version_wrote_waits_for_a_dispatcher_of_that_version(
    harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    issue, guid = labeled(harness)
    handle(harness, guid)
    (task_id,) = harness.waiting()
    harness.ledger.redis.hset(keys.record(task_id), "task", f'{{"version": {VERSION + 1}}}')
    repo = next(iter(harness.hub.actions.repositories.values()))
    harness.hub.actions.comment(repo, issue, harness.ada, body="@bot status")
    harness.hub.wait_idle()
    (later,) = Deliveries(harness.ledger.redis).due()
    for _ in range(MAX_ATTEMPTS + 1):
        handle(harness, later)
    assert "A newer version of Dayhand wrote this task" in capsys.readouterr().err
    assert harness.bot_comments(issue) == []
    harness.ledger.redis.zadd(keys.INBOX, {later: 0}, xx=True)
    assert Deliveries(harness.ledger.redis).due() == [later], "it is kept"


def test_an_app_that_was_removed_is_noted_until_it_is_installed_again(harness: Harness) -> None:
    actions = harness.hub.actions
    repo = actions.add_repository("ada/removed", {})
    installation = actions.install(harness.app, "ada", [repo.full_name])
    harness.settle()
    actions.uninstall(installation)
    harness.settle()
    assert list(removed_before(harness.ledger, math.inf)) == [repo.full_name]
    actions.install(harness.app, "ada", [repo.full_name])
    harness.settle()
    assert removed_before(harness.ledger, math.inf) == {}
