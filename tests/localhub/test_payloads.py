"""The local GitHub's responses and webhooks, validated against GitHub's own schema."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError
from requests import Response

from dayhand.localhub.state.reviews import LineNote
from tests.localhub.conftest import LocalHubFixture
from tests.localhub.payload_schema import (
    RESPONSE_MODELS,
    served_calls,
    validate_response,
    validate_webhook,
)

HEAD = "dayhand/1-x"
SHOP = "/repos/ada/shop"


def make_pull(github: LocalHubFixture) -> int:
    github.branch(HEAD)
    wanted = {"title": "More", "head": HEAD, "base": "main", "body": "Fixes #1", "draft": True}
    answer = github.call("POST", f"{SHOP}/pulls", json=wanted)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["number"])


def test_the_judge_does_not_agree_with_everything(github: LocalHubFixture) -> None:
    almost = Response()
    almost.status_code, almost._content = 200, b'{"number": 1, "title": "almost an issue"}'
    with pytest.raises(ValidationError):
        validate_response(github.hub.app, "GET", f"{SHOP}/issues/1", almost)
    almost.status_code = 403
    almost._content = b'{"message": 1}'
    with pytest.raises(ValidationError):
        validate_response(github.hub.app, "GET", f"{SHOP}/issues/1", almost)


def test_every_call_that_is_served_is_made_and_judged(github: LocalHubFixture) -> None:
    """``place.ask`` judges each answer."""
    _as_an_app(github)
    comment = _on_issues(github)
    assert comment.json()["body"] == "hello"
    _on_pulls(github)
    assert served_calls(github.hub.app) == set(RESPONSE_MODELS)
    assert set(RESPONSE_MODELS) - github.called == set()


def _as_an_app(github: LocalHubFixture) -> None:
    github.issue()
    github.hub.wait_idle()
    for path in (
        "/app",
        "/app/installations",
        f"{SHOP}/installation",
        "/app/hook/deliveries",
        "/app/hook/config",
    ):
        assert github.call("GET", path, auth=github.jwt()).json()
    assert github.call("GET", "/app/hook/deliveries/1", auth=github.jwt()).json()["event"] == "installation"
    assert github.call("POST", "/app/hook/deliveries/1/attempts", auth=github.jwt()).ok
    assert github.call("DELETE", "/installation/token").ok
    manifest = {"url": "https://example.org", "redirect_url": "https://example.org"}
    submission = github.hub.manifests.submit(json.dumps(manifest), "", github.ada)
    code = github.hub.manifests.create(submission, "other").rpartition("=")[2]
    assert github.call("POST", f"/app-manifests/{code}/conversions").status_code == 201


def _on_issues(github: LocalHubFixture) -> Response:
    for path in ("/users/dayhand[bot]", SHOP, f"{SHOP}/collaborators/ada/permission", f"{SHOP}/issues"):
        assert github.call("GET", path).json()
    one = f"{SHOP}/issues/1"
    assert github.call("POST", f"{SHOP}/issues", json={"title": "One", "body": "Text"}).ok
    assert github.call("GET", one).ok
    assert github.call("PATCH", one, json={"state": "closed"}).ok
    assert github.call("POST", f"{one}/labels", json={"labels": ["codex"]}).json()
    assert github.call("GET", f"{one}/labels").json()
    assert github.call("DELETE", f"{one}/labels/codex").ok
    assert [row["event"] for row in github.call("GET", f"{SHOP}/issues/events").json()] == [
        "unlabeled",
        "labeled",
    ]
    comment = github.call("POST", f"{one}/comments", json={"body": "hello"})
    assert github.call("GET", f"{one}/comments").json()
    assert (
        github.call("GET", f"{SHOP}/issues/comments").json() == github.call("GET", f"{one}/comments").json()
    )
    own = f"{SHOP}/issues/comments/{comment.json()['id']}"
    assert github.call("GET", own).ok
    assert github.call("PATCH", own, json={"body": "hi"}).ok
    for there in (own, one):
        assert github.call("POST", f"{there}/reactions", json={"content": "eyes"}).status_code == 201
    return comment


def _on_pulls(github: LocalHubFixture) -> None:
    pull = f"{SHOP}/pulls/{make_pull(github)}"
    sha = github.repo.store.branches()[HEAD]
    output = {"title": "Starting", "summary": "…", "text": "log"}
    wanted = {"name": "dayhand", "head_sha": sha, "status": "in_progress", "output": output}
    run = github.call("POST", f"{SHOP}/check-runs", json=wanted).json()
    assert github.call("PATCH", f"{SHOP}/check-runs/{run['id']}", json={"conclusion": "success"}).ok
    assert github.call("POST", f"{pull}/requested_reviewers", json={"reviewers": ["ada"]}).ok
    assert github.call("PATCH", pull, json={"title": "Better"}).ok
    github.hub.actions.set_draft(
        github.repo, github.repo.issues[int(pull.rpartition("/")[2])], github.ada, draft=False
    )
    ada, issue = github.ada, github.repo.issues[int(pull.rpartition("/")[2])]
    github.hub.actions.review(
        github.repo, issue, ada, event="COMMENT", notes=[LineNote("new.txt", 1, "Why?")]
    )
    assert issue.pull
    first = issue.pull.threads[0].comments[0].id
    assert github.call("POST", f"{pull}/comments/{first}/replies", json={"body": "Done."}).ok
    for path in (
        f"{SHOP}/pulls", pull, f"{pull}/commits", f"{pull}/files", f"{pull}/reviews", f"{SHOP}/commits/{sha}",
        f"{SHOP}/commits/{sha}/check-runs", f"{SHOP}/check-runs/{run['id']}",
        f"{SHOP}/git/ref/heads/{HEAD}", f"{SHOP}/git/refs/heads/{HEAD}", f"{SHOP}/pulls/comments/{first}",
        f"{pull}/reviews/{issue.pull.reviews[0].id}",
    ):  # fmt: skip
        assert github.call("GET", path).json(), path
    assert github.call("PUT", f"{pull}/merge").json()["merged"] is True
    assert github.call("DELETE", f"{SHOP}/git/refs/heads/{HEAD}").status_code == 204


def validated_webhooks(github: LocalHubFixture) -> set[str]:
    github.hub.wait_idle()
    return {validate_webhook(headers["X-GitHub-Event"], body) for headers, body in github.receiver.received}


def test_every_webhook(github: LocalHubFixture) -> None:
    """Every event that the life of an issue sends matches GitHub's schema."""
    actions, repo = github.hub.actions, github.repo
    issue = github.issue()
    actions.label(repo, issue, "codex", by=github.ada)
    actions.unlabel(repo, issue, "codex", by=github.ada)
    comment = actions.comment(repo, issue, github.ada, body="@bot fix this")
    actions.edit_comment(repo, issue, comment, body="@bot fix that", by=github.ada)
    number = make_pull(github)
    pull = repo.issues[number]
    actions.comment(repo, pull, github.ada, body="on the pull request")
    actions.request_review(repo, pull, ["ada"], by=github.app.bot)
    output = {"title": "t", "summary": "s"}
    sha = repo.store.branches()[HEAD]
    run = github.call(
        "POST", "/repos/ada/shop/check-runs", json={"name": "d", "head_sha": sha, "output": output}
    ).json()
    github.call("PATCH", f"/repos/ada/shop/check-runs/{run['id']}", json={"conclusion": "success"})
    actions.set_draft(repo, pull, github.app.bot, draft=False)
    repo.store.commit_files({"again.txt": b"x\n"}, HEAD, "Again", author=("Ada", "ada@example.org"))
    actions.record_push(repo, HEAD, github.ada, before=sha)
    actions.set_draft(repo, pull, github.app.bot, draft=True)
    github.call("PATCH", f"{SHOP}/pulls/{number}", json={"title": "Better"})
    actions.set_state(repo, pull, "closed", by=github.ada)
    actions.set_state(repo, pull, "open", by=github.ada)
    actions.set_draft(repo, pull, github.app.bot, draft=False)
    actions.merge(repo, pull, github.ada)
    actions.set_state(repo, issue, "open", by=github.ada)
    actions.record_push(repo, "gone", github.ada, before=sha)
    actions.add_to_installation(github.installation, [actions.add_repository("ada/more", {}).full_name])
    actions.suspend(github.installation)
    actions.unsuspend(github.installation)
    actions.uninstall(github.installation)
    assert validated_webhooks(github) == {
        "installation.created", "installation.suspend", "installation.unsuspend", "installation.deleted",
        "issues.reopened", "pull_request.edited", "pull_request.reopened", "pull_request.converted_to_draft", "issues.opened", "issues.labeled", "issues.unlabeled", "issues.closed",
        "issue_comment.created", "issue_comment.edited", "pull_request.opened", "pull_request.review_requested",
        "pull_request.ready_for_review", "pull_request.synchronize", "pull_request.closed", "check_run.created",
        "check_run.completed", "check_suite.requested", "push", "installation_repositories.added",
    }  # fmt: skip


def test_every_webhook_about_what_is_written_and_clicked(github: LocalHubFixture) -> None:
    actions, repo, issue, ada = github.hub.actions, github.repo, github.issue(), github.ada
    github.app.events = (*github.app.events, "pull_request_review_thread")
    pull = repo.issues[make_pull(github)]
    notes = [LineNote("new.txt", 1, "Why?"), LineNote("new.txt", None, "All of it", "LEFT")]
    review = actions.review(repo, pull, ada, event="REQUEST_CHANGES", body="Please.", notes=notes)
    assert pull.pull
    thread = pull.pull.threads[0]
    actions.edit_review(repo, pull, review, body="Please!", by=ada)
    actions.dismiss_review(repo, pull, review, by=ada)
    actions.reply_in_thread(repo, pull, thread=thread, user=ada, body="Well?")
    actions.edit_review_comment(repo, pull, thread.comments[0], body="Why so?", by=ada)
    actions.resolve_thread(repo, pull, thread, by=ada)
    actions.resolve_thread(repo, pull, thread, by=ada, resolved=False)
    actions.delete_review_comment(repo, pull, thread.comments[0], by=ada)
    actions.edit_issue(repo, issue, by=ada, title="Other", body="Words.")
    actions.delete_comment(repo, issue, actions.comment(repo, issue, ada, body="x"), by=ada)
    for one in (issue, pull):
        actions.lock_issue(repo, one, by=ada)
        actions.lock_issue(repo, one, by=ada, locked=False)
    actions.delete_issue(repo, github.issue(), by=ada)
    actions.transfer_issue(repo, issue, to=actions.add_repository("ada/more", {}), by=ada)
    button = {"label": "Retry", "description": "Try again", "identifier": "retry"}
    given = {"name": "d", "head_sha": pull.pull.head_sha, "conclusion": "failure", "actions": [button]}
    run = repo.checks[github.call("POST", f"{SHOP}/check-runs", json=given).json()["id"]]
    actions.click(repo, run, "retry", by=ada)
    actions.rerun(repo, run, by=ada)
    actions.rerun_all(repo, run.suite, by=ada)
    assert validated_webhooks(github) >= {
        "pull_request_review.submitted", "pull_request_review.edited", "pull_request_review.dismissed",
        "pull_request_review_comment.created", "pull_request_review_comment.edited", "pull_request_review_comment.deleted",
        "pull_request_review_thread.resolved", "pull_request_review_thread.unresolved", "issues.edited", "issues.deleted",
        "issues.transferred", "issues.locked", "issues.unlocked", "pull_request.locked", "issue_comment.deleted",
        "check_run.requested_action", "check_run.rerequested", "check_suite.rerequested",
    }  # fmt: skip
