"""What GitHub rejects, the local GitHub rejects too: a lenient double would hide our bugs."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from dayhand.localhub.errors import ApiError
from dayhand.localhub.rate_limits import RateLimits, RateLimitSettings
from tests.localhub.conftest import SHOP, LocalHubFixture


def errors(answer: object) -> str:
    return str(answer.json())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("role", "permission"),
    [("maintain", "write"), ("triage", "read"), ("write", "write"), ("admin", "admin"), ("read", "read")],
)
def test_a_persons_role_is_told_in_the_old_words_too(
    github: LocalHubFixture, role: str, permission: str
) -> None:
    github.repo.collaborators["bob"] = role
    told = github.call("GET", f"{SHOP}/collaborators/bob/permission").json()
    assert (told["permission"], told["role_name"]) == (permission, role)


def test_titles_and_bodies_have_a_length(github: LocalHubFixture) -> None:
    github.issue()
    github.branch("x")
    pull = {"title": "T", "head": "x", "base": "main"}
    for method, path, given in (
        ("POST", f"{SHOP}/issues", {"title": "x" * 257}),
        ("POST", f"{SHOP}/issues", {"title": "T", "body": "x" * 65_537}),
        ("PATCH", f"{SHOP}/issues/1", {"title": "x" * 257}),
        ("POST", f"{SHOP}/pulls", {**pull, "title": "x" * 257}),
        ("POST", f"{SHOP}/issues/1/comments", {"body": "x" * 65_537}),
    ):
        answer = github.call(method, path, json=given)
        assert answer.status_code == 422, path
    assert github.call("POST", f"{SHOP}/pulls", json={**pull, "title": "x" * 256}).status_code == 201


def test_the_newest_check_run_of_a_name_hides_the_older_ones(github: LocalHubFixture) -> None:
    sha = github.repo.store.branches()["main"]
    for _ in range(2):
        github.call("POST", f"{SHOP}/check-runs", json={"name": "d", "head_sha": sha})
    newest = max(github.repo.checks)
    path = f"{SHOP}/commits/{sha}/check-runs"
    assert [one["id"] for one in github.call("GET", path).json()["check_runs"]] == [newest]
    every = github.call("GET", f"{path}?filter=all&per_page=1")
    assert (every.json()["total_count"], len(every.json()["check_runs"])) == (2, 1)
    assert 'rel="next"' in every.headers["Link"]


def test_a_commit_message_closes_too_once_it_is_on_the_default_branch(github: LocalHubFixture) -> None:
    one, actions, repo = github.issue(), github.hub.actions, github.repo
    tip = repo.store.branches()["main"]
    repo.store.git("update-ref", "refs/heads/side", tip)
    repo.store.commit_files({"a": b"b"}, "side", "Fixes #1", author=("Ada", "a@b"))
    actions.record_push(repo, "side", github.ada, before=tip)
    assert one.state == "open"
    repo.store.git("update-ref", "refs/heads/main", repo.store.branches()["side"])
    actions.record_push(repo, "main", github.ada, before=tip)
    assert one.state == "closed"


def test_limits_hold_for_every_answer_and_for_graphql(github: LocalHubFixture) -> None:
    token = github.token()
    github.issue()
    headers = github.call("GET", SHOP, auth=token).headers
    assert int(headers["X-RateLimit-Remaining"]) == int(headers["X-RateLimit-Limit"]) - 1
    github.hub.limits.settings = RateLimitSettings(creations_per_minute=1)
    path = f"{SHOP}/issues/1/comments"
    answers = [github.call("POST", path, auth=token, json={"body": "x"}) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 403]
    assert answers[1].headers["Retry-After"] == "60"
    github.hub.limits.settings = RateLimitSettings(requests_per_hour=1)
    assert github.call("GET", SHOP, auth=token).headers["X-RateLimit-Remaining"] == "0"
    called = requests.post(
        f"{github.hub.url}/api/graphql",
        headers={"Authorization": f"Bearer {token}"},
        json={"query": "{x}"},
        timeout=60,
    )
    assert (called.status_code, called.json()["message"]) == (
        403,
        "API rate limit exceeded for installation.",
    )


def test_an_unknown_api_version_is_refused(github: LocalHubFixture) -> None:
    assert github.call("GET", SHOP, headers={"X-GitHub-Api-Version": "2020-01-01"}).status_code == 400
    assert github.call("GET", SHOP, headers={"X-GitHub-Api-Version": "2022-11-28"}).status_code == 200


def test_a_pull_request_needs_two_branches_that_differ_and_is_alone(github: LocalHubFixture) -> None:
    wanted = {"title": "T", "head": "dayhand/1-x", "base": "main"}
    assert "invalid" in errors(github.call("POST", f"{SHOP}/pulls", json=wanted))
    github.repo.store.git("update-ref", "refs/heads/dayhand/1-x", github.repo.store.branches()["main"])
    assert "No commits between main and dayhand/1-x" in errors(
        github.call("POST", f"{SHOP}/pulls", json=wanted)
    )
    github.branch("dayhand/1-x")
    assert github.call("POST", f"{SHOP}/pulls", json=wanted).status_code == 201
    second = github.call("POST", f"{SHOP}/pulls", json=wanted)
    assert second.status_code == 422
    assert "A pull request already exists for ada:dayhand/1-x." in errors(second)


def test_a_pull_request_follows_its_branch_and_closes_with_it(github: LocalHubFixture) -> None:
    github.branch("x")
    pull = github.hub.actions.open_pull(
        github.repo, github.ada, "T", body="", head="x", base="main", draft=False
    )
    sha = github.repo.store.commit_files({"b": b"c"}, "x", "More", author=("Ada", "a@b"))
    github.hub.actions.record_push(github.repo, "x", github.ada)
    assert pull.pull
    assert pull.pull.head_sha == sha
    assert github.call("DELETE", f"{SHOP}/git/refs/heads/x").status_code == 204
    assert pull.state == "closed"


def test_closing_keywords_close_only_from_the_default_branch(github: LocalHubFixture) -> None:
    actions, repo = github.hub.actions, github.repo
    one, two = github.issue(), github.issue()
    github.branch("x", "x.txt")
    repo.store.git("update-ref", "refs/heads/side", repo.store.branches()["main"])
    github.branch("y", "y.txt")
    actions.merge(
        repo,
        actions.open_pull(repo, github.ada, "T", body="Fixes #1", head="x", base="main", draft=False),
        github.ada,
    )
    actions.merge(
        repo,
        actions.open_pull(repo, github.ada, "T", body="Fixes #2", head="y", base="side", draft=False),
        github.ada,
    )
    assert (one.state, two.state) == ("closed", "open")


def test_reviewers_are_collaborators_and_not_the_author(github: LocalHubFixture) -> None:
    github.branch("x")
    wanted = {"title": "T", "head": "x", "base": "main"}
    number = github.call("POST", f"{SHOP}/pulls", json=wanted).json()["number"]
    path = f"{SHOP}/pulls/{number}/requested_reviewers"
    assert github.call("POST", path, json={"reviewers": ["bob"]}).status_code == 422
    assert github.call("POST", path, json={"reviewers": ["dayhand[bot]"]}).status_code == 422
    assert github.call("POST", path, json={"reviewers": ["ada"]}).status_code == 201


OUTPUT = {"title": "t", "summary": "s"}
NOTE = {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"head_sha": "1" * 40}, "No commit found"),
        ({"output": {"summary": "s"}}, "output"),
        ({"output": {**OUTPUT, "text": "x" * 65_536}}, "Only 65535 characters"),
        ({"output": {**OUTPUT, "annotations": [NOTE] * 51}}, "No more than 50 annotations"),
        ({"output": {**OUTPUT, "annotations": [{"path": "a"}]}}, "annotations.start_line"),
        ({"output": {**OUTPUT, "annotations": [{**NOTE, "annotation_level": "fatal"}]}}, "annotations"),
        ({"output": {**OUTPUT, "annotations": [{**NOTE, "title": "x" * 256}]}}, "annotations"),
        ({"actions": [{"label": "a", "description": "b" * 41, "identifier": "c"}]}, "actions.description"),
        ({"actions": [{"label": "a", "description": "b", "identifier": "c" * 21}]}, "actions.identifier"),
        ({"actions": [{"label": "a", "description": "b", "identifier": "c"}] * 4}, "No more than 3 actions"),
        ({"actions": [{"label": "a" * 21, "description": "b", "identifier": "c"}]}, "actions.label"),
        ({"status": "completed"}, "conclusion"),
        ({"conclusion": "great"}, "conclusion"),
    ],
    ids=[
        "sha",
        "title",
        "text",
        "annotations",
        "annotation",
        "level",
        "note-title",
        "description",
        "identifier",
        "actions",
        "label",
        "completed",
        "conclusion",
    ],
)
def test_a_check_run_has_githubs_limits(
    github: LocalHubFixture, fields: dict[str, object], says: str
) -> None:
    sha = github.repo.store.branches()["main"]
    answer = github.call("POST", f"{SHOP}/check-runs", json={"name": "d", "head_sha": sha, **fields})
    assert answer.status_code == 422
    assert says in errors(answer)
    assert github.repo.checks == {}


def test_a_check_run_cannot_move_and_its_annotations_add_up(github: LocalHubFixture) -> None:
    sha = github.repo.store.branches()["main"]
    made = github.call("POST", f"{SHOP}/check-runs", json={"name": "d", "head_sha": sha}).json()
    path = f"{SHOP}/check-runs/{made['id']}"
    assert github.call("PATCH", path, json={"head_sha": sha}).status_code == 422
    for _ in range(2):
        github.call("PATCH", path, json={"output": {"summary": "s", "annotations": [NOTE] * 30}})
    assert github.call("GET", path).json()["output"]["annotations_count"] == 60


def test_a_reaction_is_new_once(github: LocalHubFixture) -> None:
    github.issue()
    path = f"{SHOP}/issues/1/reactions"
    statuses = [github.call("POST", path, json={"content": "eyes"}).status_code for _ in range(2)]
    assert statuses == [201, 200]


def test_limits_count_and_say_when_to_come_back() -> None:
    time = [0.0]
    limits = RateLimits(
        RateLimitSettings(requests_per_hour=100, points_per_minute=20, creations_per_minute=2),
        clock=lambda: time[0],
    )
    limits.count("i", "POST", "/repos/a/b/issues/1/comments")
    limits.count("i", "POST", "/repos/a/b/issues/1/comments")
    with pytest.raises(ApiError, match="secondary rate limit") as refused:
        limits.count("i", "POST", "/repos/a/b/issues/1/comments")
    assert refused.value.headers["Retry-After"] == "60"
    limits.count("another", "POST", "/repos/a/b/issues/1/comments")
    time[0] = 61.0
    limits.count("i", "POST", "/repos/a/b/issues/1/comments")
    for _ in range(97):
        time[0] += 5
        limits.count("i", "GET", "/x")
    with pytest.raises(ApiError, match="API rate limit exceeded"):
        limits.count("i", "GET", "/x")
    assert limits.headers("i")["X-RateLimit-Remaining"] == "0"


def graphql(github: LocalHubFixture, query: str, token: str = "", **variables: object) -> dict[str, Any]:
    answer = requests.post(
        f"{github.hub.url}/api/graphql",
        headers={"Authorization": f"Bearer {token or github.token()}"},
        json={"query": query, "variables": variables},
        timeout=60,
    )
    assert answer.status_code == 200
    return dict(answer.json())


ISSUE = '{repository(owner:"ada",name:"shop"){issueOrPullRequest(number:1){... on Issue{FIELDS}}}}'


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ("title nonsense", "Field 'nonsense' doesn't exist on type 'Issue'"),
        ("reviews(last:1){totalCount}", "Field 'reviews' doesn't exist on type 'Issue'"),
        ("comments{totalCount}", "You must provide a `first` or `last` value"),
        ("comments(last:101){totalCount}", "exceeds the limit of 100 records"),
        ("comments(last:1){edges{node}}", "doesn't exist on type 'IssueCommentConnection'"),
        ("author", "Field 'author' must have selections"),
        ("title{x}", "Field 'title' must not have selections"),
        ("title", "Parse error"),
    ],
)
def test_a_query_with_a_fault_is_answered_with_an_error(
    github: LocalHubFixture, fields: str, complaint: str
) -> None:
    github.issue()
    query = ISSUE.replace("FIELDS", fields) + ("}%" if complaint == "Parse error" else "")
    answer = graphql(github, query)
    assert complaint in answer["errors"][0]["message"]


def test_a_query_reads_a_conversation_if_the_token_may(github: LocalHubFixture) -> None:
    issue = github.issue()
    github.hub.actions.comment(github.repo, issue, github.app.bot, body="Hello")
    fields = "title lastEditedAt comments(last:5){totalCount nodes{body author{__typename login}}}"
    query = "query($n:Int!)" + ISSUE.replace("FIELDS", fields).replace("number:1", "number:$n")
    found = graphql(github, query, n=1)["data"]["repository"]["issueOrPullRequest"]
    assert found["comments"]["nodes"] == [
        {"body": "Hello", "author": {"__typename": "Bot", "login": "dayhand"}}
    ]
    assert (found["title"], found["lastEditedAt"]) == ("Wrong order", None)
    assert "provided invalid value" in graphql(github, query)["errors"][0]["message"]
    few = github.token(permissions={"metadata": "read", "issues": "read"})
    assert graphql(github, query, few, n=1)["errors"][0]["type"] == "FORBIDDEN"
    assert graphql(github, query, n=99)["data"]["repository"]["issueOrPullRequest"] is None
