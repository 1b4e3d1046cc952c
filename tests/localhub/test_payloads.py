"""The local GitHub's responses and webhooks, validated against GitHub's own schema."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from requests import Response

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
    for path in ("/app", "/app/installations", f"{SHOP}/installation", "/app/hook/deliveries"):
        assert github.call("GET", path, auth=github.jwt()).json()
    assert github.call("GET", "/app/hook/deliveries/1", auth=github.jwt()).json()["event"] == "installation"
    assert github.call("POST", "/app/hook/deliveries/1/attempts", auth=github.jwt()).ok
    assert github.call("DELETE", "/installation/token").ok


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
    comment = github.call("POST", f"{one}/comments", json={"body": "hello"})
    assert github.call("GET", f"{one}/comments").json()
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
    for path in (
        f"{SHOP}/pulls", pull, f"{pull}/commits", f"{pull}/files", f"{SHOP}/commits/{sha}",
        f"{SHOP}/commits/{sha}/check-runs", f"{SHOP}/check-runs/{run['id']}",
        f"{SHOP}/git/ref/heads/{HEAD}", f"{SHOP}/git/refs/heads/{HEAD}",
    ):  # fmt: skip
        assert github.call("GET", path).json(), path
    assert github.call("PUT", f"{pull}/merge").json()["merged"] is True
    assert github.call("DELETE", f"{SHOP}/git/refs/heads/{HEAD}").status_code == 204


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
    github.hub.wait_idle()
    seen = {validate_webhook(headers["X-GitHub-Event"], body) for headers, body in github.receiver.received}
    assert seen == {
        "installation.created", "installation.suspend", "installation.unsuspend", "installation.deleted",
        "issues.reopened", "pull_request.edited", "pull_request.reopened", "pull_request.converted_to_draft", "issues.opened", "issues.labeled", "issues.unlabeled", "issues.closed",
        "issue_comment.created", "issue_comment.edited", "pull_request.opened", "pull_request.review_requested",
        "pull_request.ready_for_review", "pull_request.synchronize", "pull_request.closed", "check_run.created",
        "check_run.completed", "check_suite.requested", "push", "installation_repositories.added",
    }  # fmt: skip
