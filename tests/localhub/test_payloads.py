"""What the local GitHub answers and sends, judged by githubkit's models of GitHub's own description."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from requests import Response

from tests.localhub.conftest import Place
from tests.localhub.payload_schema import (
    ANSWERS,
    judge_answer,
    judge_webhook,
    served,
)

HEAD = "dayhand/1-x"
SHOP = "/repos/ada/shop"


def make_pull(place: Place) -> int:
    place.branch(HEAD)
    wanted = {"title": "More", "head": HEAD, "base": "main", "body": "Fixes #1", "draft": True}
    answer = place.ask("POST", f"{SHOP}/pulls", json=wanted)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["number"])


def test_the_judge_does_not_agree_with_everything(place: Place) -> None:
    almost = Response()
    almost.status_code, almost._content = 200, b'{"number": 1, "title": "almost an issue"}'
    with pytest.raises(ValidationError):
        judge_answer(place.hub.app, "GET", f"{SHOP}/issues/1", almost)
    almost.status_code = 403
    almost._content = b'{"message": 1}'
    with pytest.raises(ValidationError):
        judge_answer(place.hub.app, "GET", f"{SHOP}/issues/1", almost)


def test_every_call_that_is_served_is_made_and_judged(place: Place) -> None:
    """``place.ask`` judges each answer."""
    _as_an_app(place)
    comment = _on_issues(place)
    assert comment.json()["body"] == "hello"
    _on_pulls(place)
    assert served(place.hub.app) == set(ANSWERS)
    assert set(ANSWERS) - place.asked == set()


def _as_an_app(place: Place) -> None:
    place.issue()
    place.hub.wait_idle()
    for path in ("/app", "/app/installations", f"{SHOP}/installation", "/app/hook/deliveries"):
        assert place.ask("GET", path, auth=place.jwt()).json()
    assert place.ask("GET", "/app/hook/deliveries/1", auth=place.jwt()).json()["event"] == "installation"
    assert place.ask("POST", "/app/hook/deliveries/1/attempts", auth=place.jwt()).ok
    assert place.ask("DELETE", "/installation/token").ok


def _on_issues(place: Place) -> Response:
    for path in ("/users/dayhand[bot]", SHOP, f"{SHOP}/collaborators/ada/permission", f"{SHOP}/issues"):
        assert place.ask("GET", path).json()
    one = f"{SHOP}/issues/1"
    assert place.ask("POST", f"{SHOP}/issues", json={"title": "One", "body": "Text"}).ok
    assert place.ask("GET", one).ok
    assert place.ask("PATCH", one, json={"state": "closed"}).ok
    assert place.ask("POST", f"{one}/labels", json={"labels": ["codex"]}).json()
    assert place.ask("GET", f"{one}/labels").json()
    assert place.ask("DELETE", f"{one}/labels/codex").ok
    comment = place.ask("POST", f"{one}/comments", json={"body": "hello"})
    assert place.ask("GET", f"{one}/comments").json()
    own = f"{SHOP}/issues/comments/{comment.json()['id']}"
    assert place.ask("GET", own).ok
    assert place.ask("PATCH", own, json={"body": "hi"}).ok
    for there in (own, one):
        assert place.ask("POST", f"{there}/reactions", json={"content": "eyes"}).status_code == 201
    return comment


def _on_pulls(place: Place) -> None:
    pull = f"{SHOP}/pulls/{make_pull(place)}"
    sha = place.repo.store.branches()[HEAD]
    output = {"title": "Starting", "summary": "…", "text": "log"}
    wanted = {"name": "dayhand", "head_sha": sha, "status": "in_progress", "output": output}
    run = place.ask("POST", f"{SHOP}/check-runs", json=wanted).json()
    assert place.ask("PATCH", f"{SHOP}/check-runs/{run['id']}", json={"conclusion": "success"}).ok
    assert place.ask("POST", f"{pull}/requested_reviewers", json={"reviewers": ["ada"]}).ok
    assert place.ask("PATCH", pull, json={"title": "Better"}).ok
    place.hub.actions.make_ready(place.repo, place.repo.issues[int(pull.rpartition("/")[2])], place.ada)
    for path in (
        f"{SHOP}/pulls", pull, f"{pull}/commits", f"{pull}/files", f"{SHOP}/commits/{sha}",
        f"{SHOP}/commits/{sha}/check-runs", f"{SHOP}/check-runs/{run['id']}",
        f"{SHOP}/git/ref/heads/{HEAD}", f"{SHOP}/git/refs/heads/{HEAD}",
    ):  # fmt: skip
        assert place.ask("GET", path).json(), path
    assert place.ask("PUT", f"{pull}/merge").json()["merged"] is True
    assert place.ask("DELETE", f"{SHOP}/git/refs/heads/{HEAD}").status_code == 204


def test_every_webhook(place: Place) -> None:
    """A whole life of an issue: each event that it sends is what GitHub describes."""
    actions, repo = place.hub.actions, place.repo
    issue = place.issue()
    actions.label(repo, issue, "codex", by=place.ada)
    actions.unlabel(repo, issue, "codex", by=place.ada)
    comment = actions.comment(repo, issue, place.ada, body="@bot fix this")
    actions.edit_comment(repo, issue, comment, body="@bot fix that", by=place.ada)
    number = make_pull(place)
    pull = repo.issues[number]
    actions.comment(repo, pull, place.ada, body="on the pull request")
    actions.request_review(repo, pull, ["ada"], by=place.app.bot)
    output = {"title": "t", "summary": "s"}
    sha = repo.store.branches()[HEAD]
    run = place.ask(
        "POST", "/repos/ada/shop/check-runs", json={"name": "d", "head_sha": sha, "output": output}
    ).json()
    place.ask("PATCH", f"/repos/ada/shop/check-runs/{run['id']}", json={"conclusion": "success"})
    actions.make_ready(repo, pull, place.app.bot)
    repo.store.commit_files({"again.txt": b"x\n"}, HEAD, "Again", author=("Ada", "ada@example.org"))
    actions.pushed(repo, HEAD, place.ada, before=sha)
    actions.make_ready(repo, pull, place.app.bot, draft=True)
    place.ask("PATCH", f"{SHOP}/pulls/{number}", json={"title": "Better"})
    actions.set_state(repo, pull, "closed", by=place.ada)
    actions.set_state(repo, pull, "open", by=place.ada)
    actions.make_ready(repo, pull, place.app.bot)
    actions.merge(repo, pull, place.ada)
    actions.set_state(repo, issue, "open", by=place.ada)
    actions.pushed(repo, "gone", place.ada, before=sha)
    actions.add_to_installation(place.installation, [actions.add_repository("ada/more", {}).full_name])
    actions.suspend(place.installation)
    actions.suspend(place.installation, again=True)
    actions.uninstall(place.installation)
    place.hub.wait_idle()
    seen = {judge_webhook(headers["X-GitHub-Event"], body) for headers, body in place.ear.heard}
    assert seen == {
        "installation.created", "installation.suspend", "installation.unsuspend", "installation.deleted",
        "issues.reopened", "pull_request.edited", "pull_request.reopened", "pull_request.converted_to_draft", "issues.opened", "issues.labeled", "issues.unlabeled", "issues.closed",
        "issue_comment.created", "issue_comment.edited", "pull_request.opened", "pull_request.review_requested",
        "pull_request.ready_for_review", "pull_request.synchronize", "pull_request.closed", "check_run.created",
        "check_run.completed", "check_suite.requested", "push", "installation_repositories.added",
    }  # fmt: skip
