"""What the local GitHub answers and sends, judged by githubkit's models of GitHub's own description."""

from __future__ import annotations

from typing import Any

import pytest
from githubkit.utils import UNSET
from githubkit_schemas.latest import models
from pydantic import TypeAdapter, ValidationError

from tests.localhub.conftest import Place
from tests.localhub.judge import judge_webhook

HEAD = "dayhand/1-x"


def judge(model: Any, answer: Any) -> None:
    """Raise where an answer is not what GitHub's description says it is."""
    TypeAdapter(model).validate_python(answer)


def make_pull(place: Place) -> int:
    place.branch(HEAD)
    wanted = {"title": "More", "head": HEAD, "base": "main", "body": "Fixes #1", "draft": True}
    answer = place.ask("POST", "/repos/ada/shop/pulls", json=wanted)
    assert answer.status_code == 201, answer.text
    judge(models.PullRequest, answer.json())
    return int(answer.json()["number"])


def test_the_judge_does_not_agree_with_everything() -> None:
    with pytest.raises(ValidationError):
        judge(models.Issue, {"number": 1, "title": "almost an issue"})
    assert UNSET is not None


def test_apps_and_tokens(place: Place) -> None:
    judge(models.Integration, place.ask("GET", "/app", auth=place.jwt()).json())
    judge(list[models.Installation], place.ask("GET", "/app/installations", auth=place.jwt()).json())
    judge(models.Installation, place.ask("GET", "/repos/ada/shop/installation", auth=place.jwt()).json())
    path = f"/app/installations/{place.installation.id}/access_tokens"
    judge(models.InstallationToken, place.ask("POST", path, auth=place.jwt()).json())
    place.issue()
    place.hub.wait_idle()
    deliveries = place.ask("GET", "/app/hook/deliveries", auth=place.jwt()).json()
    assert deliveries
    judge(list[models.HookDeliveryItem], deliveries)


def test_people_and_repositories(place: Place) -> None:
    judge(models.FullRepository, place.ask("GET", "/repos/ada/shop").json())
    judge(models.PublicUser, place.ask("GET", "/users/dayhand[bot]").json())
    answer = place.ask("GET", "/repos/ada/shop/collaborators/ada/permission").json()
    judge(models.RepositoryCollaboratorPermission, answer)


def test_issues_comments_and_reactions(place: Place) -> None:
    made = place.ask("POST", "/repos/ada/shop/issues", json={"title": "One", "body": "Text"})
    judge(models.Issue, made.json())
    base = "/repos/ada/shop/issues/1"
    judge(list[models.Label], place.ask("POST", f"{base}/labels", json={"labels": ["codex"]}).json())
    comment = place.ask("POST", f"{base}/comments", json={"body": "hello"}).json()
    judge(models.IssueComment, comment)
    path = f"/repos/ada/shop/issues/comments/{comment['id']}"
    judge(models.IssueComment, place.ask("PATCH", path, json={"body": "hi"}).json())
    judge(models.Reaction, place.ask("POST", f"{path}/reactions", json={"content": "eyes"}).json())
    judge(models.Reaction, place.ask("POST", f"{base}/reactions", json={"content": "eyes"}).json())
    judge(list[models.Issue], place.ask("GET", "/repos/ada/shop/issues").json())
    judge(list[models.IssueComment], place.ask("GET", f"{base}/comments").json())
    judge(models.Issue, place.ask("PATCH", base, json={"state": "closed"}).json())


def test_pull_requests_commits_and_refs(place: Place) -> None:
    place.issue()
    number = make_pull(place)
    base = f"/repos/ada/shop/pulls/{number}"
    judge(list[models.PullRequestSimple], place.ask("GET", "/repos/ada/shop/pulls").json())
    judge(models.PullRequest, place.ask("PATCH", base, json={"title": "Better"}).json())
    judge(list[models.Commit], place.ask("GET", f"{base}/commits").json())
    judge(list[models.DiffEntry], place.ask("GET", f"{base}/files").json())
    judge(models.GitRef, place.ask("GET", f"/repos/ada/shop/git/ref/heads/{HEAD}").json())
    answer = place.ask("POST", f"{base}/requested_reviewers", json={"reviewers": ["ada"]})
    judge(models.PullRequestSimple, answer.json())


def test_check_runs(place: Place) -> None:
    sha = place.branch(HEAD)
    output = {"title": "Starting", "summary": "…", "text": "log"}
    wanted = {"name": "dayhand", "head_sha": sha, "status": "in_progress", "output": output}
    made = place.ask("POST", "/repos/ada/shop/check-runs", json=wanted)
    assert made.status_code == 201, made.text
    judge(models.CheckRun, made.json())
    path = f"/repos/ada/shop/check-runs/{made.json()['id']}"
    judge(models.CheckRun, place.ask("PATCH", path, json={"conclusion": "success"}).json())
    found = place.ask("GET", f"/repos/ada/shop/commits/{sha}/check-runs").json()
    judge(models.ReposOwnerRepoCommitsRefCheckRunsGetResponse200, found)


def test_every_webhook(place: Place) -> None:
    """A whole life of an issue: each event that it sends is what GitHub describes."""
    world, repo = place.hub.world, place.repo
    issue = place.issue()
    world.label(repo, issue, "codex", place.ada)
    world.unlabel(repo, issue, "codex", place.ada)
    comment = world.comment(repo, issue, place.ada, "@bot fix this")
    world.edit_comment(repo, issue, comment, "@bot fix that", place.ada)
    number = make_pull(place)
    pull = repo.issues[number]
    world.comment(repo, pull, place.ada, "on the pull request")
    world.request_review(repo, pull, ["ada"], place.app.bot)
    output = {"title": "t", "summary": "s"}
    sha = repo.store.branches()[HEAD]
    run = place.ask(
        "POST", "/repos/ada/shop/check-runs", json={"name": "d", "head_sha": sha, "output": output}
    ).json()
    place.ask("PATCH", f"/repos/ada/shop/check-runs/{run['id']}", json={"conclusion": "success"})
    world.make_ready(repo, pull, place.app.bot)
    repo.store.commit_files({"again.txt": b"x\n"}, HEAD, "Again", ("Ada", "ada@example.org"))
    world.pushed(repo, HEAD, place.ada, before=sha)
    world.merge(repo, pull, place.ada)
    world.pushed(repo, "gone", place.ada, before=sha)
    world.add_to_installation(place.installation, [world.add_repository("ada/more", {}).full_name])
    place.hub.wait_idle()
    seen = {judge_webhook(headers["X-GitHub-Event"], body) for headers, body in place.ear.heard}
    assert seen == {
        "installation.created", "issues.opened", "issues.labeled", "issues.unlabeled", "issues.closed",
        "issue_comment.created", "issue_comment.edited", "pull_request.opened", "pull_request.review_requested",
        "pull_request.ready_for_review", "pull_request.synchronize", "pull_request.closed", "check_run.created",
        "check_run.completed", "check_suite.requested", "push", "installation_repositories.added",
    }  # fmt: skip
