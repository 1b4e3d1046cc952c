"""Bad input and failures: each is reported in a sentence and leaves nothing half-done."""

from __future__ import annotations

import json

import pytest
import requests

from dayhand.intake.signature import sign
from dayhand.ledger.ledger import Ledger
from dayhand.scripted_model.moves import FOREVER, Fault, Say, Shell
from dayhand.task import State
from dayhand.wiring.github import GitHubServices
from dayhand.worker.job import travel_with
from tests.journey.crashes import CrashingWorkshop, begins, wait_for_lease
from tests.journey.harness import SECRET, UNTESTED_SHOP, Harness


def post(harness: Harness, body: bytes, **headers: str) -> requests.Response:
    inner = {
        "X-GitHub-Event": "issues",
        "X-GitHub-Delivery": "d-1",
        "X-Hub-Signature-256": sign(body, SECRET),
    }
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(harness.app.webhook_url, data=body, headers={**inner, **named}, timeout=60)


def last_delivery(harness: Harness, event: str) -> bytes:
    found = [one for one in harness.hub.webhooks.deliveries if one.event == event]
    return json.dumps(found[-1].payload).encode()


def assert_untouched(harness: Harness) -> None:
    assert harness.waiting() == []
    assert harness.ledger.recent() == []


def test_a_wrong_signature_is_refused_and_says_what_to_compare(harness: Harness) -> None:
    answer = post(harness, b"{}", X_Hub_Signature_256=sign(b"{}", "another secret"))
    assert answer.status_code == 401
    assert "GITHUB_WEBHOOK_SECRET" in answer.json()["advice"]
    assert_untouched(harness)


def test_a_delivery_without_a_signature_is_refused(harness: Harness) -> None:
    answer = requests.post(harness.app.webhook_url, data=b"{}", timeout=60)
    assert (answer.status_code, answer.json()["error"]) == (401, "The delivery is not signed.")
    assert_untouched(harness)


def test_a_body_that_is_not_json_is_refused(harness: Harness) -> None:
    answer = post(harness, b"payload=%7B%7D")
    assert answer.status_code == 400
    assert "application/json" in answer.json()["advice"]
    assert_untouched(harness)


def test_an_event_that_lacks_a_field_names_it(harness: Harness) -> None:
    answer = post(harness, json.dumps({"action": "labeled", "issue": {}}).encode())
    assert answer.status_code == 400
    assert answer.json()["error"] == "The issues event has no repository.full_name."
    assert_untouched(harness)


def test_an_unknown_event_is_taken_and_asks_nothing(harness: Harness) -> None:
    answer = post(harness, b'{"action": "created"}', X_GitHub_Event="sponsorship")
    assert answer.status_code == 202
    assert answer.json() == {"delivery": "d-1"}
    assert_untouched(harness)


def test_a_delivery_seen_before_gives_the_same_task_and_no_second_one(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    first = next(one for one in harness.hub.webhooks.deliveries if one.payload.get("action") == "labeled")
    harness.hub.webhooks.send(harness.app, first.event, first.payload, redeliver=first)
    harness.settle()
    assert harness.hub.webhooks.deliveries[-1].status_code == 202
    assert len(harness.ledger.recent()) == 1


def test_a_label_and_a_comment_for_the_same_thing_make_one_task(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    harness.comment(repo, issue, "@bot fix this")
    assert len(harness.ledger.recent()) == 1
    assert [reaction.content for reaction in issue.comments[0].reactions] == ["eyes"], "still acknowledged"


def test_a_label_by_someone_without_write_access_is_refused_on_the_issue(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.label(repo, issue, by=harness.bob)
    assert_untouched(harness)
    (comment_text,) = harness.bot_comments(issue)
    assert comment_text.startswith("@bob Only people with write access to this repository can start a task.")
    assert issue.reactions == []
    harness.hub.actions.unlabel(repo, issue, "codex", by=harness.bob)
    harness.label(repo, issue, by=harness.bob)
    assert len(harness.bot_comments(issue)) == 1, "said once, not each time"


def test_an_issue_with_no_text_is_refused_on_the_issue(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo, title="??", body="")
    harness.label(repo, issue)
    assert_untouched(harness)
    assert "does not say what is wrong" in harness.bot_comments(issue)[0]


def test_a_misspelt_word_of_someone_without_write_access_is_refused_like_any_other(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.comment(repo, issue, "@bot fxi this", by=harness.bob)
    assert_untouched(harness)
    (comment_text,) = harness.bot_comments(issue)
    assert comment_text.startswith("@bob Only people with write access to this repository can start a task.")


def test_comments_of_bots_never_start_anything(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.hub.actions.comment(
        repo, issue, harness.app.bot, body="to try again, write “@bot fix this”", app=harness.app
    )
    reviewer = harness.hub.actions.add_user("reviewer[bot]", kind="Bot")
    harness.comment(repo, issue, "@bot your change is wrong, please fix it", by=reviewer)
    harness.comment(repo, issue, "@bot is it fixed?", by=reviewer)
    assert_untouched(harness)


def test_an_empty_repository_is_told_to_get_a_first_commit(harness: Harness) -> None:
    repo = harness.repository("empty", {})
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (record,) = harness.work()
    assert record.state is State.FAILED
    (comment_text,) = harness.bot_comments(issue)
    assert "has no commit on the branch “main” yet" in comment_text
    assert "Push a first commit, then ask again." in comment_text
    assert harness.pulls(repo) == []


def test_a_clone_that_fails_is_told_and_leaves_nothing(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    harness.hub.faults.add("git-upload-pack$", 404, times=9)
    (task_id,) = harness.waiting()
    travel_with(harness.ledger.claim(task_id, "w"), GitHubServices(harness.settings, harness.ledger))
    record = harness.ledger.record(task_id)
    assert record.state is State.FAILED
    assert "git" in record.reason
    assert "App is installed on it" in record.reason
    assert "I could not do this" in harness.bot_comments(issue)[0]


NONSENSE = {
    "words-without-an-end": [[Say("I think it is the sum.")]],
    "an-unknown-tool": [[Fault("nonsense", body="<html>502</html>", times=FOREVER)]],
    "empty": [[Fault("empty", times=FOREVER)]],
    "the-same-failing-call": [[Shell("false")]],
}


@pytest.mark.parametrize("turns", NONSENSE.values(), ids=NONSENSE.keys())
def test_a_model_that_answers_nonsense_ends_as_a_named_failure(
    harness: Harness, turns: list[list[object]]
) -> None:
    harness.scripted_model.turns = turns  # type: ignore[assignment]
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (record,) = harness.work()
    assert record.state is State.FAILED
    assert "Dayhand itself failed" not in record.reason
    (pull,) = harness.pulls(repo)
    assert pull.state == "closed"
    assert harness.branches(repo) == {"main"}
    assert "What to do:" in harness.bot_comments(issue)[0]
    (check,) = harness.checks(repo, pull)
    assert check.conclusion == "failure"


def test_an_app_without_the_permission_says_which_one_it_needs(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.app.permissions.pop("checks")
    harness.label(repo, issue)
    (record,) = harness.work()
    assert record.state is State.FAILED
    assert "permissions requested are not granted" in record.reason
    (comment_text,) = harness.bot_comments(issue)
    assert "checks: write" in comment_text, "it can still talk, and says what it needs"
    installation = harness.ledger.task(record.task.id).installation
    assert f"/settings/installations/{installation}" in comment_text, "and where to grant it"
    assert "/organizations/ada/settings" in comment_text
    assert [reaction.content for reaction in issue.reactions] == ["eyes"]


def test_a_task_taken_over_is_not_paid_for_twice(harness: Harness) -> None:
    """The worker crashes at each stage in turn; another one continues, and nothing exists twice."""
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (task_id,) = harness.waiting()
    short_lease_ledger = Ledger(harness.ledger.redis, lease_seconds=0.2)
    workshop = GitHubServices(harness.settings, short_lease_ledger)
    for stage in ("prepare", "solve", "take", "check", "publish"):
        with pytest.raises(KeyboardInterrupt):
            travel_with(short_lease_ledger.claim(task_id, "w"), CrashingWorkshop(workshop, begins(stage)))
        wait_for_lease(harness, task_id)
    travel_with(harness.ledger.claim(task_id, "w"), GitHubServices(harness.settings, harness.ledger))
    record = harness.ledger.record(task_id)
    assert record.state is State.PROPOSED, record.reason
    (pull,) = harness.pulls(repo)
    assert pull.state == "open"
    assert len(harness.bot_comments(issue)) == 1
    assert len(harness.checks(repo, pull)) == 1
    assert harness.model_server.count == 2, "two turns, each asked for once"
