"""What GitHub refuses, this refuses too: a lenient double would hide our faults."""

from __future__ import annotations

import base64
import hashlib
import hmac
import subprocess
import threading
import uuid
from pathlib import Path

import jwt
import pytest
import requests

from dayhand.localhub.errors import Refused
from dayhand.localhub.limits import Bounds, Limits
from tests.localhub.conftest import SECRET, Place

SHOP = "/repos/ada/shop"


def errors(answer: object) -> str:
    return str(answer.json())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"iss": "999"}, "could not be decoded"),
        ({"exp": 1}, "Expiration time"),
        ({"exp": 99_999_999_999}, "too far in the future"),
    ],
    ids=["issuer", "expired", "too-long"],
)
def test_a_wrong_jwt_is_401(place: Place, claims: dict[str, object], says: str) -> None:
    answer = place.ask("GET", "/app", auth=place.jwt(**claims))
    assert answer.status_code == 401
    assert says in answer.json()["message"]


def test_a_jwt_signed_by_another_key_is_401(place: Place) -> None:
    other = place.hub.world.add_app(
        "other", permissions={}, events=(), webhook_url="", secret="x", owner="ada"
    )
    place.app.private_key, mine = other.private_key, place.app.private_key
    forged = place.jwt()
    place.app.private_key = mine
    assert place.ask("GET", "/app", auth=forged).status_code == 401


def test_tokens_are_long_and_end_after_an_hour_or_when_revoked(place: Place) -> None:
    token = place.token()
    assert token.startswith(f"ghs_{place.app.id}_")
    assert len(token) > 500
    assert place.ask("GET", SHOP, auth=token).status_code == 200
    assert place.ask("DELETE", "/installation/token", auth=token).status_code == 204
    assert place.ask("GET", SHOP, auth=token).status_code == 401
    late = place.token()
    place.hub.tokens.clock = lambda: __import__("time").time() + 3601
    assert place.ask("GET", SHOP, auth=late).status_code == 401


def test_a_narrowed_token_is_refused_with_the_permission_that_was_needed(place: Place) -> None:
    token = place.token(permissions={"metadata": "read", "issues": "read"})
    place.issue()
    answer = place.ask("POST", f"{SHOP}/issues/1/comments", auth=token, json={"body": "x"})
    assert answer.status_code == 403
    assert answer.json()["message"] == "Resource not accessible by integration"
    assert answer.headers["X-Accepted-GitHub-Permissions"] == "issues=write"


def test_a_token_for_one_repository_does_not_open_another(place: Place) -> None:
    place.hub.world.add_repository("ada/other", {"a": "b"})
    assert place.ask("GET", "/repos/ada/other").status_code == 404
    path = f"/app/installations/{place.installation.id}/access_tokens"
    answer = place.ask("POST", path, auth=place.jwt(), json={"repositories": ["other"]})
    assert answer.status_code == 422


def test_more_than_was_granted_is_not_given(place: Place) -> None:
    path = f"/app/installations/{place.installation.id}/access_tokens"
    answer = place.ask("POST", path, auth=place.jwt(), json={"permissions": {"workflows": "write"}})
    assert answer.status_code == 422
    assert answer.json()["message"] == "The permissions requested are not granted to this installation."


def test_a_jwt_without_an_end_is_401(place: Place) -> None:
    raw = jwt.encode({"iss": str(place.app.id), "iat": 1}, place.app.private_key, algorithm="RS256")
    assert place.ask("GET", "/app", auth=raw).status_code == 401


def test_a_token_may_be_narrowed_by_ids_and_not_in_two_ways(place: Place) -> None:
    place.hub.world.add_to_installation(place.installation, ["ada/other"])
    place.hub.world.add_repository("ada/other", {"a": "b"})
    only = place.token(repository_ids=[place.repo.id])
    assert place.ask("GET", SHOP, auth=only).status_code == 200
    assert place.ask("GET", "/repos/ada/other", auth=only).status_code == 404
    path = f"/app/installations/{place.installation.id}/access_tokens"
    both = {"repositories": ["shop"], "repository_ids": [place.repo.id]}
    assert place.ask("POST", path, auth=place.jwt(), json=both).status_code == 422


def test_a_removed_installation_is_gone_with_its_tokens(place: Place) -> None:
    token = place.token()
    place.hub.world.uninstall(place.installation)
    assert place.ask("GET", SHOP, auth=token).status_code == 401
    path = f"/app/installations/{place.installation.id}/access_tokens"
    assert place.ask("POST", path, auth=place.jwt()).status_code == 404
    place.hub.wait_idle()
    before = len(place.ear.heard)
    place.issue()
    place.hub.wait_idle()
    assert len(place.ear.heard) == before


@pytest.mark.parametrize(
    ("role", "permission"),
    [("maintain", "write"), ("triage", "read"), ("write", "write"), ("admin", "admin"), ("read", "read")],
)
def test_a_persons_role_is_told_in_the_old_words_too(place: Place, role: str, permission: str) -> None:
    place.repo.collaborators["bob"] = role
    told = place.ask("GET", f"{SHOP}/collaborators/bob/permission").json()
    assert (told["permission"], told["role_name"]) == (permission, role)


def test_titles_and_bodies_have_a_length(place: Place) -> None:
    place.issue()
    place.branch("x")
    pull = {"title": "T", "head": "x", "base": "main"}
    for method, path, given in (
        ("POST", f"{SHOP}/issues", {"title": "x" * 257}),
        ("POST", f"{SHOP}/issues", {"title": "T", "body": "x" * 65_537}),
        ("PATCH", f"{SHOP}/issues/1", {"title": "x" * 257}),
        ("POST", f"{SHOP}/pulls", {**pull, "title": "x" * 257}),
        ("POST", f"{SHOP}/issues/1/comments", {"body": "x" * 65_537}),
    ):
        answer = place.ask(method, path, json=given)
        assert answer.status_code == 422, path
    assert place.ask("POST", f"{SHOP}/pulls", json={**pull, "title": "x" * 256}).status_code == 201


def test_the_newest_check_run_of_a_name_hides_the_older_ones(place: Place) -> None:
    sha = place.repo.store.branches()["main"]
    for _ in range(2):
        place.ask("POST", f"{SHOP}/check-runs", json={"name": "d", "head_sha": sha})
    newest = max(place.repo.checks)
    path = f"{SHOP}/commits/{sha}/check-runs"
    assert [one["id"] for one in place.ask("GET", path).json()["check_runs"]] == [newest]
    every = place.ask("GET", f"{path}?filter=all&per_page=1")
    assert (every.json()["total_count"], len(every.json()["check_runs"])) == (2, 1)
    assert 'rel="next"' in every.headers["Link"]


def test_a_commit_message_closes_too_once_it_is_on_the_default_branch(place: Place) -> None:
    one, world, repo = place.issue(), place.hub.world, place.repo
    tip = repo.store.branches()["main"]
    repo.store.git("update-ref", "refs/heads/side", tip)
    repo.store.commit_files({"a": b"b"}, "side", "Fixes #1", ("Ada", "a@b"))
    world.pushed(repo, "side", place.ada, before=tip)
    assert one.state == "open"
    repo.store.git("update-ref", "refs/heads/main", repo.store.branches()["side"])
    world.pushed(repo, "main", place.ada, before=tip)
    assert one.state == "closed"


def test_deliveries_are_listed_by_pages_and_by_their_end(place: Place) -> None:
    place.ear.status = 500
    place.issue()
    place.hub.wait_idle()
    place.ear.status = 202
    place.issue()
    place.hub.wait_idle()
    path = "/app/hook/deliveries"
    first = place.ask("GET", f"{path}?per_page=1", auth=place.jwt())
    assert first.json()[0]["status"] == "OK"
    following = first.links["next"]["url"].removeprefix(place.hub.api_url)
    assert place.ask("GET", following, auth=place.jwt()).json()[0]["status_code"] == 500
    failed = place.ask("GET", f"{path}?status=failure", auth=place.jwt()).json()
    assert {one["status_code"] for one in failed} == {500}
    whole = place.ask("GET", f"{path}/{failed[0]['id']}", auth=place.jwt()).json()
    assert whole["request"]["payload"]["action"] == "opened"


def test_a_receiver_has_ten_seconds(place: Place) -> None:
    assert place.hub.courier.timeout == 10.0
    place.hub.courier.timeout = 0.2
    place.hub.wait_idle()
    place.ear.deaf = threading.Event()
    place.issue()
    place.hub.wait_idle()
    place.ear.deaf.set()
    newest = place.ask("GET", "/app/hook/deliveries", auth=place.jwt()).json()[0]
    assert (newest["status"], newest["status_code"]) == ("timed out", 0)


def test_an_event_larger_than_25_megabytes_is_not_sent(place: Place) -> None:
    place.hub.wait_idle()
    before = len(place.ear.heard)
    place.hub.courier.send(place.app, "issues", {"action": "opened", "text": "x" * 26_214_400})
    place.hub.wait_idle()
    assert len(place.ear.heard) == before


def test_limits_hold_for_every_answer_and_for_graphql(place: Place) -> None:
    token = place.token()
    place.issue()
    headers = place.ask("GET", SHOP, auth=token).headers
    assert int(headers["X-RateLimit-Remaining"]) == int(headers["X-RateLimit-Limit"]) - 1
    place.hub.limits.bounds = Bounds(made_a_minute=1)
    path = f"{SHOP}/issues/1/comments"
    answers = [place.ask("POST", path, auth=token, json={"body": "x"}) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 403]
    assert answers[1].headers["Retry-After"] == "60"
    place.hub.limits.bounds = Bounds(hour=1)
    assert place.ask("GET", SHOP, auth=token).headers["X-RateLimit-Remaining"] == "0"
    asked = requests.post(
        f"{place.hub.url}/api/graphql",
        headers={"Authorization": f"Bearer {token}"},
        json={"query": "{x}"},
        timeout=5,
    )
    assert (asked.status_code, asked.json()["message"]) == (403, "API rate limit exceeded for installation.")


def test_a_suspended_installation_opens_nothing_and_hears_nothing(place: Place) -> None:
    token = place.token()
    place.installation.suspended = True
    place.hub.wait_idle()
    before = len(place.ear.heard)
    place.issue()
    place.hub.wait_idle()
    assert place.ask("GET", SHOP, auth=token).status_code == 403
    assert len(place.ear.heard) == before


def test_an_unknown_api_version_is_refused(place: Place) -> None:
    assert place.ask("GET", SHOP, headers={"X-GitHub-Api-Version": "2020-01-01"}).status_code == 400
    assert place.ask("GET", SHOP, headers={"X-GitHub-Api-Version": "2022-11-28"}).status_code == 200


def test_a_pull_request_needs_two_branches_that_differ_and_is_alone(place: Place) -> None:
    wanted = {"title": "T", "head": "dayhand/1-x", "base": "main"}
    assert "invalid" in errors(place.ask("POST", f"{SHOP}/pulls", json=wanted))
    place.repo.store.git("update-ref", "refs/heads/dayhand/1-x", place.repo.store.branches()["main"])
    assert "No commits between main and dayhand/1-x" in errors(
        place.ask("POST", f"{SHOP}/pulls", json=wanted)
    )
    place.branch("dayhand/1-x")
    assert place.ask("POST", f"{SHOP}/pulls", json=wanted).status_code == 201
    second = place.ask("POST", f"{SHOP}/pulls", json=wanted)
    assert second.status_code == 422
    assert "A pull request already exists for ada:dayhand/1-x." in errors(second)


def test_a_pull_request_follows_its_branch_and_closes_with_it(place: Place) -> None:
    place.branch("x")
    pull = place.hub.world.open_pull(place.repo, place.ada, "T", "", head="x", base="main", draft=False)
    sha = place.repo.store.commit_files({"b": b"c"}, "x", "More", ("Ada", "a@b"))
    place.hub.world.pushed(place.repo, "x", place.ada)
    assert pull.pull
    assert pull.pull.head_sha == sha
    assert place.ask("DELETE", f"{SHOP}/git/refs/heads/x").status_code == 204
    assert pull.state == "closed"


def test_closing_keywords_close_only_from_the_default_branch(place: Place) -> None:
    world, repo = place.hub.world, place.repo
    one, two = place.issue(), place.issue()
    place.branch("x", "x.txt")
    repo.store.git("update-ref", "refs/heads/side", repo.store.branches()["main"])
    place.branch("y", "y.txt")
    world.merge(
        repo, world.open_pull(repo, place.ada, "T", "Fixes #1", head="x", base="main", draft=False), place.ada
    )
    world.merge(
        repo, world.open_pull(repo, place.ada, "T", "Fixes #2", head="y", base="side", draft=False), place.ada
    )
    assert (one.state, two.state) == ("closed", "open")


def test_reviewers_are_collaborators_and_not_the_author(place: Place) -> None:
    place.branch("x")
    wanted = {"title": "T", "head": "x", "base": "main"}
    number = place.ask("POST", f"{SHOP}/pulls", json=wanted).json()["number"]
    path = f"{SHOP}/pulls/{number}/requested_reviewers"
    assert place.ask("POST", path, json={"reviewers": ["bob"]}).status_code == 422
    assert place.ask("POST", path, json={"reviewers": ["dayhand[bot]"]}).status_code == 422
    assert place.ask("POST", path, json={"reviewers": ["ada"]}).status_code == 201


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
def test_a_check_run_has_githubs_limits(place: Place, fields: dict[str, object], says: str) -> None:
    sha = place.repo.store.branches()["main"]
    answer = place.ask("POST", f"{SHOP}/check-runs", json={"name": "d", "head_sha": sha, **fields})
    assert answer.status_code == 422
    assert says in errors(answer)
    assert place.repo.checks == {}


def test_a_check_run_cannot_move_and_its_annotations_add_up(place: Place) -> None:
    sha = place.repo.store.branches()["main"]
    made = place.ask("POST", f"{SHOP}/check-runs", json={"name": "d", "head_sha": sha}).json()
    path = f"{SHOP}/check-runs/{made['id']}"
    assert place.ask("PATCH", path, json={"head_sha": sha}).status_code == 422
    for _ in range(2):
        place.ask("PATCH", path, json={"output": {"summary": "s", "annotations": [NOTE] * 30}})
    assert place.ask("GET", path).json()["output"]["annotations_count"] == 60


def test_a_reaction_is_new_once(place: Place) -> None:
    place.issue()
    path = f"{SHOP}/issues/1/reactions"
    statuses = [place.ask("POST", path, json={"content": "eyes"}).status_code for _ in range(2)]
    assert statuses == [201, 200]


def test_webhooks_are_signed_once_sent_and_redelivered_on_request_only(place: Place) -> None:
    place.ear.status = 500
    place.issue()
    place.hub.wait_idle()
    headers, body = place.ear.heard[-1]
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={digest}"
    assert headers["X-GitHub-Event"] == "issues"
    assert headers["X-GitHub-Hook-Installation-Target-Type"] == "integration"
    assert headers["X-GitHub-Hook-Installation-Target-ID"] == str(place.app.id)
    assert headers["User-Agent"].startswith("GitHub-Hookshot/")
    assert uuid.UUID(headers["X-GitHub-Delivery"])
    heard = len(place.ear.heard)
    (failed,) = [
        one
        for one in place.ask("GET", "/app/hook/deliveries", auth=place.jwt()).json()
        if one["event"] == "issues"
    ]
    assert failed["status_code"] == 500
    place.ear.status = 202
    path = f"/app/hook/deliveries/{failed['id']}/attempts"
    assert place.ask("POST", path, auth=place.jwt()).status_code == 202
    place.hub.wait_idle()
    assert len(place.ear.heard) == heard + 1
    again, same = place.ear.heard[-1]
    assert (again["X-GitHub-Delivery"], same) == (headers["X-GitHub-Delivery"], body)


def test_limits_count_and_say_when_to_come_back() -> None:
    time = [0.0]
    limits = Limits(Bounds(hour=100, points_a_minute=20, made_a_minute=2), clock=lambda: time[0])
    limits.count("i", "POST", "/repos/a/b/issues/1/comments")
    limits.count("i", "POST", "/repos/a/b/issues/1/comments")
    with pytest.raises(Refused, match="secondary rate limit") as refused:
        limits.count("i", "POST", "/repos/a/b/issues/1/comments")
    assert refused.value.headers["Retry-After"] == "60"
    limits.count("another", "POST", "/repos/a/b/issues/1/comments")
    time[0] = 61.0
    limits.count("i", "POST", "/repos/a/b/issues/1/comments")
    for _ in range(97):
        time[0] += 5
        limits.count("i", "GET", "/x")
    with pytest.raises(Refused, match="API rate limit exceeded"):
        limits.count("i", "GET", "/x")
    assert limits.headers("i")["X-RateLimit-Remaining"] == "0"


def git(place: Place, folder: Path, *args: str, token: str = "") -> subprocess.CompletedProcess[str]:
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    if token:
        header = {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
        }
        env |= header
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    return subprocess.run(
        ["git", *who, *args], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_git_clones_and_pushes_with_a_token_and_not_without(place: Place, tmp_path: Path) -> None:
    url, work = f"{place.hub.url}/ada/shop.git", tmp_path / "shop"
    assert git(place, tmp_path, "clone", "-q", url, "shop").returncode == 0
    (work / "large.bin").write_bytes(bytes(range(256)) * 20_000)  # over a megabyte: git sends it in chunks
    git(place, work, "add", "-A")
    git(place, work, "commit", "-q", "-m", "Large")
    push = ("push", "-q", url, "HEAD:refs/heads/x")
    assert git(place, work, *push).returncode != 0
    assert (
        "Bad credentials" in git(place, work, *push, token="ghs_no").stderr
        or git(place, work, *push, token="x").returncode
    )
    assert git(place, work, *push, token=place.token(permissions={"contents": "read"})).returncode != 0
    done = git(place, work, *push, token=place.token())
    assert done.returncode == 0, done.stderr
    assert place.repo.store.branches()["x"] == git(place, work, "rev-parse", "HEAD").stdout.strip()


def test_a_push_that_changes_workflows_is_refused(place: Place, tmp_path: Path) -> None:
    url, work = f"{place.hub.url}/ada/shop.git", tmp_path / "shop"
    git(place, tmp_path, "clone", "-q", url, "shop")
    (work / ".github/workflows").mkdir(parents=True)
    (work / ".github/workflows/ci.yml").write_text("on: push\n")
    git(place, work, "add", "-A")
    git(place, work, "commit", "-q", "-m", "CI")
    done = git(place, work, "push", "-q", url, "HEAD:refs/heads/x", token=place.token())
    assert done.returncode != 0
    assert (
        "refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml`"
        in done.stderr
    )
    assert "x" not in place.repo.store.branches()


def test_a_private_repository_is_hidden(place: Place, tmp_path: Path) -> None:
    place.hub.world.add_repository("ada/secret", {"a": "b"}, private=True)
    url = f"{place.hub.url}/ada/secret.git"
    assert git(place, tmp_path, "clone", "-q", url).returncode != 0
    assert git(place, tmp_path, "clone", "-q", url, token=place.token()).returncode != 0
