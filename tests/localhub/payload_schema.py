"""Validates the local GitHub's responses and webhooks with githubkit's models of GitHub's schema."""

from __future__ import annotations

import json
from typing import Any

import requests
from flask import Flask
from githubkit.webhooks import parse
from githubkit_schemas.latest import models
from pydantic import TypeAdapter

PREFIX = "/api/v3"
REPO, ISSUE, PULL = "/repos/<owner>/<name>", "/issues/<int:number>", "/pulls/<int:number>"
COMMENT, DELIVERY = f"{REPO}/issues/comments/<int:comment_id>", "/app/hook/deliveries/<int:number>"
# The response of each call in GitHub's own schema; None: an empty one.
RESPONSE_MODELS: dict[tuple[str, str], Any] = {
    ("GET", "/app"): models.Integration,
    ("POST", "/app-manifests/<code>/conversions"): models.AppManifestsCodeConversionsPostResponse201,
    ("GET", "/app/installations"): list[models.Installation],
    ("POST", "/app/installations/<int:number>/access_tokens"): models.InstallationToken,
    ("DELETE", "/installation/token"): None,
    ("GET", "/app/hook/config"): models.WebhookConfig,
    ("GET", "/app/hook/deliveries"): list[models.HookDeliveryItem],
    ("GET", DELIVERY): models.HookDelivery,
    ("POST", f"{DELIVERY}/attempts"): dict[str, Any],
    ("GET", "/users/<login>"): models.PublicUser,
    ("GET", REPO): models.FullRepository,
    ("GET", f"{REPO}/installation"): models.Installation,
    ("GET", f"{REPO}/collaborators/<login>/permission"): models.RepositoryCollaboratorPermission,
    ("GET", f"{REPO}/issues"): list[models.Issue],
    ("POST", f"{REPO}/issues"): models.Issue,
    ("GET", f"{REPO}/issues/events"): list[models.IssueEvent],
    ("GET", f"{REPO}/issues/comments"): list[models.IssueComment],
    ("GET", f"{REPO}{ISSUE}"): models.Issue,
    ("PATCH", f"{REPO}{ISSUE}"): models.Issue,
    ("GET", f"{REPO}{ISSUE}/labels"): list[models.Label],
    ("POST", f"{REPO}{ISSUE}/labels"): list[models.Label],
    ("DELETE", f"{REPO}{ISSUE}/labels/<label>"): list[models.Label],
    ("GET", f"{REPO}{ISSUE}/comments"): list[models.IssueComment],
    ("POST", f"{REPO}{ISSUE}/comments"): models.IssueComment,
    ("POST", f"{REPO}{ISSUE}/reactions"): models.Reaction,
    ("GET", COMMENT): models.IssueComment,
    ("PATCH", COMMENT): models.IssueComment,
    ("POST", f"{COMMENT}/reactions"): models.Reaction,
    ("GET", f"{REPO}/pulls"): list[models.PullRequestSimple],
    ("POST", f"{REPO}/pulls"): models.PullRequest,
    ("GET", f"{REPO}{PULL}"): models.PullRequest,
    ("PATCH", f"{REPO}{PULL}"): models.PullRequest,
    ("GET", f"{REPO}{PULL}/commits"): list[models.Commit],
    ("GET", f"{REPO}{PULL}/files"): list[models.DiffEntry],
    ("POST", f"{REPO}{PULL}/comments/<int:comment_id>/replies"): models.PullRequestReviewComment,
    ("GET", f"{REPO}/pulls/comments/<int:comment_id>"): models.PullRequestReviewComment,
    ("GET", f"{REPO}{PULL}/reviews"): list[models.PullRequestReview],
    ("GET", f"{REPO}{PULL}/reviews/<int:review_id>"): models.PullRequestReview,
    ("POST", f"{REPO}{PULL}/requested_reviewers"): models.PullRequestSimple,
    ("PUT", f"{REPO}{PULL}/merge"): models.PullRequestMergeResult,
    ("GET", f"{REPO}/git/ref/heads/<path:branch>"): models.GitRef,
    ("GET", f"{REPO}/git/refs/heads/<path:branch>"): models.GitRef,
    ("DELETE", f"{REPO}/git/refs/heads/<path:branch>"): None,
    ("GET", f"{REPO}/commits/<sha>"): models.Commit,
    ("GET", f"{REPO}/commits/<sha>/check-runs"): models.ReposOwnerRepoCommitsRefCheckRunsGetResponse200,
    ("POST", f"{REPO}/check-runs"): models.CheckRun,
    ("GET", f"{REPO}/check-runs/<int:number>"): models.CheckRun,
    ("PATCH", f"{REPO}/check-runs/<int:number>"): models.CheckRun,
}
ERROR_MODEL = models.ValidationError | models.ValidationErrorSimple | models.BasicError


def served_calls(app: Flask) -> set[tuple[str, str]]:
    """Every REST call that the local GitHub serves, as (method, rule)."""
    return {
        (method, rule.rule.removeprefix(PREFIX))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(PREFIX)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def validate_response(app: Flask, method: str, path: str, answer: requests.Response) -> tuple[str, str]:
    """Raises if a response does not match GitHub's schema; returns the call as (method, rule)."""
    rule, _ = app.url_map.bind("localhost").match(PREFIX + path.partition("?")[0], method, return_rule=True)
    call = (method, rule.rule.removeprefix(PREFIX))
    if not answer.ok:
        TypeAdapter(ERROR_MODEL).validate_python(answer.json())
    elif RESPONSE_MODELS[call] is None:
        assert answer.text == ""
    else:
        TypeAdapter(RESPONSE_MODELS[call]).validate_python(answer.json())
    return call


def validate_webhook(event: str, body: bytes) -> str:
    """Raises if a payload does not match GitHub's schema; returns ``event.action``, or ``event`` without an action."""
    parse(event, body)
    action = json.loads(body).get("action")
    return f"{event}.{action}" if action else event
