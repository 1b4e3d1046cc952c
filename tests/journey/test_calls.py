"""What a task costs on GitHub, as GitHub counts it."""

from __future__ import annotations

import time
from dataclasses import replace
from email.utils import formatdate

import pytest

from dayhand.errors import BudgetReached, HubUnavailable
from dayhand.ledger import keys
from dayhand.ledger.deliveries import Deliveries
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.redis_server import connect_raw
from dayhand.ledger.repository_notes import record_installation
from dayhand.localhub.faults import ServerFault
from dayhand.wiring.github import GitHubServices
from dayhand.worker.dispatcher import look_around, open_handler, open_missed, open_notices, open_reconciler
from tests.journey.harness import Harness


def test_a_task_that_ends_in_a_pull_request_costs_few_requests(harness: Harness) -> None:
    """These figures are bounds: the more a task costs, the fewer an installation can do in an hour."""
    harness.settings = replace(harness.settings, progress_seconds=600.0)
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    before = len(harness.hub.faults.requests)
    spent = harness.hub.limits.spent.copy()
    harness.label(repo, issue)
    expected = keys.github(next(iter(harness.hub.actions.installations)), "expected")
    assert harness.ledger.redis.zcard(expected) == 1, "drafts leave room for its comment"
    (record,) = harness.work()
    assert harness.ledger.redis.zcard(expected) == 0
    assert record.state == "proposed"
    sent = [one for one in harness.hub.faults.requests[before:] if " /api/" in one]
    cost = harness.hub.limits.spent - spent
    assert len(sent) == cost["requests"] <= 14, sent
    assert cost["points"] <= 45, sent
    assert cost["creations"] <= 3, sent
    (pull,) = harness.pulls(repo)
    assert pull.pull
    assert [user.login for user in pull.pull.reviewers] == ["ada"]
    assert sorted(run.conclusion or "" for run in repo.checks.values()) == ["neutral", "success"]
    (comment,) = harness.bot_comments(issue)
    assert "is ready for review" in comment


def test_a_limit_that_one_process_meets_stops_all_of_them(harness: Harness) -> None:
    """Workers, dispatchers, the looks for missed deliveries and the notices of waiting tasks share it."""
    repo = harness.repository("shop")
    issue, other = harness.issue(repo), harness.issue(repo)
    harness.label(repo, issue)
    redis, settings = harness.ledger.redis, harness.settings
    (installation,) = harness.hub.actions.installations
    record_installation(harness.ledger, installation, [repo.full_name])
    with connect_raw(settings.redis_url) as raw:
        look_around(settings, redis, raw)  # each gets the token that it needs
        harness.hub.actions.label(repo, other, "codex", by=harness.ada)
        harness.hub.wait_idle()
        (guid,) = Deliveries(redis).due()
        later = Ledger(redis, clock=lambda: time.time() + 60)
        handler, notices = (
            open_handler(settings, redis, raw),
            replace(open_notices(settings, redis), ledger=later),
        )
        reconciler, missed = open_reconciler(settings, redis, raw), open_missed(settings, redis, raw)
        worker = GitHubServices(settings, harness.ledger).app.repository(
            installation, repo.full_name, repository_id=repo.id
        )
        worker.token()
        for where in ("GET .*/issues/1$", "GET .*/deliveries"):
            limited = {"Retry-After": formatdate(time.time() + 3000, usegmt=True)}
            harness.hub.faults.waiting.append(ServerFault(where, 429, headers=limited))
        with pytest.raises(HubUnavailable, match="rate limit"):
            worker.issue(1)
        with pytest.raises(HubUnavailable, match="rate limit"):
            missed.fetch()

        sent = len(harness.hub.faults.requests)
        handler.handle_next(worker="w")
        assert int(redis.hget(keys.inbox(guid), "delays") or 0) == 1
        for act in (
            lambda: worker.issue(2),
            lambda: worker.react("I_2", "eyes"),
            notices.write,
            reconciler.look,
            missed.fetch,
            lambda: worker.renew(worker.token()),
        ):
            with pytest.raises(BudgetReached):
                act()
        assert harness.hub.faults.requests[sent:] == []
        (waits,) = {round(redis.pttl(keys.github(number, "pause")) / 1e5) for number in (0, installation)}
        assert waits == 30
