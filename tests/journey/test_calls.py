"""What a task costs on GitHub, as GitHub counts it."""

from __future__ import annotations

from dataclasses import replace

from dayhand.ledger import keys
from tests.journey.harness import Harness


def test_a_task_that_ends_in_a_pull_request_costs_few_requests(harness: Harness) -> None:
    """These figures are bounds: the more a task costs, the fewer an installation can do in an hour."""
    harness.settings = replace(harness.settings, progress_seconds=30.0)
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
