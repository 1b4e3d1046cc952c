"""A finished change is never thrown away: it is kept before the push, and published without another turn."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import rsa

from dayhand.ledger import facts, keys
from dayhand.localhub.state.models import Issue, Repository
from dayhand.task import State
from dayhand.wiring.github import GitHubServices
from dayhand.worker.finished import tidy
from dayhand.worker.job import travel_with
from tests.journey.harness import Harness

DECLINES = """#!/bin/sh
while read -r old new ref; do
  git show "$new:shop.py" | grep -q "+ 1" && continue
  echo "error: GH013: Repository rule violations found for $ref." >&2
  echo "- Commits must have verified signatures." >&2
  exit 1
done
"""


def asked(harness: Harness) -> tuple[Repository, Issue, str]:
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (task_id,) = harness.waiting()
    return repo, issue, task_id


def attempt(harness: Harness, task_id: str) -> State:
    """One attempt, as a worker makes it, but without pauses."""
    harness.ledger.redis.delete(keys.lease(task_id))
    travel_with(
        harness.ledger.claim(task_id, "w"), GitHubServices(harness.settings, harness.ledger, git_pauses=())
    )
    return harness.ledger.record(task_id).state


def test_a_change_whose_push_fails_is_published_later_without_a_turn_or_a_check(harness: Harness) -> None:
    repo, _, task_id = asked(harness)
    harness.hub.faults.add("POST .*git-receive-pack", 502, skip=1)  # the start commit is pushed
    assert attempt(harness, task_id) is State.QUEUED
    turns = harness.model_server.count
    assert "+    return sum(prices)" in (harness.ledger.record(task_id).fact(facts.PATCH) or "")
    harness.ledger.redis.delete(keys.journal(task_id), keys.checkpoint(task_id))  # they are not needed
    redis, key = harness.ledger.redis, harness.app.public_keys.pop()
    harness.app.public_keys.append(
        rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    )
    harness.hub.tokens._grants.clear()
    assert attempt(harness, task_id) is State.QUEUED, (
        "GitHub rejects the App's key, which an operator corrects"
    )
    assert "GitHub rejects our credentials" in harness.ledger.record(task_id).reason
    harness.app.public_keys[:] = [key]
    redis.delete(*redis.keys(keys.github_asked("*")))
    assert attempt(harness, task_id) is State.PROPOSED
    assert harness.model_server.count == turns
    (pull,) = harness.pulls(repo)
    assert pull.pull
    assert (repo.store.text(pull.pull.head_sha, "shop.py") or "").endswith("return sum(prices)\n")
    assert [run.conclusion for run in harness.checks(repo, pull)] != ["failure"]
    began = [note.text for note in harness.live.read(task_id) if note.kind == "stage"]
    assert began.count("check") == began.count("solve") == 1


def test_a_push_that_a_rule_declines_is_quoted_and_a_retry_publishes_without_a_turn(harness: Harness) -> None:
    repo, issue, task_id = asked(harness)
    hook = repo.store.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(DECLINES)
    hook.chmod(0o755)
    assert attempt(harness, task_id) is State.FAILED
    turns = harness.model_server.count
    (comment,) = harness.bot_comments(issue)
    assert "GH013: Repository rule violations found" in comment
    assert "Commits must have verified signatures." in comment
    assert f"({harness.settings.url}/tasks/{task_id}.patch)" in comment
    assert "Nothing was pushed" not in comment
    assert "To publish it, comment `@dayhand retry`: the model is not asked again." in comment
    assert "+    return sum(prices)" in (harness.ledger.record(task_id).fact(facts.PATCH) or "")

    tidy(harness.ledger.redis, 0)
    run = repo.checks[harness.ledger.record(task_id).fact(facts.CHECK) or 0]
    harness.hub.actions.click(repo, run, "retry", by=harness.ada)
    harness.settle()
    (second,) = set(harness.waiting()) - {task_id}
    assert attempt(harness, second) is State.FAILED, "the rule is still there"
    hook.unlink()
    harness.comment(repo, issue, "@bot retry")
    (third,) = set(harness.waiting()) - {task_id, second}
    assert attempt(harness, third) is State.PROPOSED
    assert harness.model_server.count == turns
    (pull,) = [pull for pull in harness.pulls(repo) if pull.state == "open"]
    assert pull.pull
    assert (repo.store.text(pull.pull.head_sha, "shop.py") or "").endswith("return sum(prices)\n")
    assert not pull.pull.draft
    assert [run.conclusion for run in harness.checks(repo, pull)] == ["success"]
    assert {note.text for note in harness.live.read(third) if note.kind == "stage"} == {"fetch", "publish"}
