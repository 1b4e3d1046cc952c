"""Reviews, comments on lines, edits and deletions, locks, transfers and buttons, as GitHub sends and refuses them."""

from __future__ import annotations

import json

import pytest
import requests

from dayhand.localhub.errors import ApiError
from dayhand.localhub.state.models import Issue
from dayhand.localhub.state.reviews import LineNote
from tests.localhub.conftest import SHOP, LocalHubFixture

BASE = "".join(f"line {number}\n" for number in range(1, 41))


def pull_with_diff(github: LocalHubFixture) -> Issue:
    """A pull request that changes line 20 of a file with 40 lines, and adds a file."""
    store, actions, repo = github.repo.store, github.hub.actions, github.repo
    before = store.branches()["main"]
    store.commit_files({"app.py": BASE.encode()}, "main", "App", author=("Ada", "ada@example.org"))
    actions.record_push(repo, "main", github.ada, before=before)
    store.git("update-ref", "refs/heads/x", store.branches()["main"])
    push(github, BASE.replace("line 20\n", "line twenty\n"))
    return actions.open_pull(repo, github.ada, "More", body="", head="x", base="main", draft=False)


def push(github: LocalHubFixture, text: str) -> None:
    store, before = github.repo.store, github.repo.store.branches()["x"]
    store.commit_files({"app.py": text.encode()}, "x", "Change", author=("Ada", "ada@example.org"))
    github.hub.actions.record_push(github.repo, "x", github.ada, before=before)


def events(github: LocalHubFixture) -> list[str]:
    """The events so far; ``test_payloads.py`` validates them."""
    github.hub.wait_idle()
    return [
        f"{headers['X-GitHub-Event']}.{json.loads(body).get('action')}"
        for headers, body in github.receiver.received
    ]


def test_a_review_and_its_comments_are_separate_events(github: LocalHubFixture) -> None:
    actions, repo, pull = github.hub.actions, github.repo, pull_with_diff(github)
    notes = [
        LineNote("app.py", 20, "Why a word?"),
        LineNote("app.py", 20, "And before?", "LEFT"),
        LineNote("app.py", None, "All of it"),
    ]
    actions.review(repo, pull, github.bob, event="REQUEST_CHANGES", body="Please.", notes=notes)
    sent = [name for name in events(github) if name.startswith("pull_request_review")]
    comment = "pull_request_review_comment.created"
    assert sent == [comment, "pull_request_review.submitted", comment, comment]
    (review,) = github.receiver.of("pull_request_review")
    assert (review["review"]["state"], review["review"]["body"]) == ("changes_requested", "Please.")
    first, second, file = (one["comment"] for one in github.receiver.of("pull_request_review_comment"))
    assert {one["pull_request_review_id"] for one in (first, second, file)} == {review["review"]["id"]}
    assert first["diff_hunk"].split("\n")[-2:] == ["-line 20", "+line twenty"]
    assert (second["side"], second["diff_hunk"].split("\n")[-1]) == ("LEFT", "-line 20")
    assert (file["subject_type"], file["line"]) == ("file", None)


@pytest.mark.parametrize(
    ("event", "body", "notes"),
    [
        ("COMMENT", "x", [LineNote("app.py", 20, "fine"), LineNote("app.py", 3, "outside of the hunk")]),
        ("COMMENT", "x", [LineNote("README.md", 1, "a file that was not changed")]),
        ("COMMENT", "x", [LineNote("README.md", None, "a file that was not changed")]),
        ("COMMENT", "x", [LineNote("app.py", 21, "starts in another hunk", start=3)]),
        ("COMMENT", "x", [LineNote("app.py", 20, " ")]),
        ("COMMENT", " ", []),
        ("REQUEST_CHANGES", "", []),
        ("PENDING", "x", []),
    ],
)
def test_one_bad_comment_refuses_the_whole_review(
    github: LocalHubFixture, event: str, body: str, notes: list[LineNote]
) -> None:
    pull = pull_with_diff(github)
    with pytest.raises(ApiError) as refused:
        github.hub.actions.review(github.repo, pull, github.bob, event=event, body=body, notes=notes)
    assert refused.value.status == 422
    assert pull.pull
    assert (pull.pull.reviews, pull.pull.threads) == ([], [])
    assert "pull_request_review.submitted" not in events(github)


@pytest.mark.parametrize("event", ["APPROVE", "REQUEST_CHANGES"])
def test_an_author_does_not_decide_about_their_own_pull_request(github: LocalHubFixture, event: str) -> None:
    with pytest.raises(ApiError, match="Unprocessable"):
        github.hub.actions.review(github.repo, pull_with_diff(github), github.ada, event=event, body="x")


def test_a_comment_follows_its_line_until_that_is_changed(github: LocalHubFixture) -> None:
    pull = pull_with_diff(github)
    note = LineNote("app.py", 20, "Why a word?")
    github.hub.actions.review(github.repo, pull, github.bob, event="COMMENT", notes=[note])
    assert pull.pull
    comment = pull.pull.threads[0].comments[0]
    push(github, "a new first line\n" + BASE.replace("line 20\n", "line twenty\n"))
    assert (comment.line, comment.original_line) == (21, 20)
    push(github, "a new first line\n" + BASE)
    assert (comment.line, comment.original_line) == (None, 20)


def test_an_app_replies_to_the_first_comment_of_a_thread(github: LocalHubFixture) -> None:
    actions, repo, pull = github.hub.actions, github.repo, pull_with_diff(github)
    actions.review(repo, pull, github.bob, event="COMMENT", notes=[LineNote("app.py", 20, "Why a word?")])
    assert pull.pull
    first = pull.pull.threads[0].comments[0].id
    path = f"{SHOP}/pulls/{pull.number}/comments"
    reply = github.call("POST", f"{path}/{first}/replies", json={"body": "In abc."})
    assert (reply.status_code, reply.json()["in_reply_to_id"]) == (201, first)
    sent = events(github)
    assert sent[-2:] == ["pull_request_review.submitted", "pull_request_review_comment.created"]
    wrapped = github.receiver.of("pull_request_review")[-1]
    assert (wrapped["review"]["body"], wrapped["sender"]["type"]) == (None, "Bot")
    for wrong in (reply.json()["id"], 1):  # a reply to a reply, or to nothing
        assert github.call("POST", f"{path}/{wrong}/replies", json={"body": "x"}).status_code == 404
    assert github.call("POST", f"{path}/{first}/replies", json={"body": " "}).status_code == 422


def test_the_rest_of_a_reviews_life_is_sent(github: LocalHubFixture) -> None:
    actions, repo, pull = github.hub.actions, github.repo, pull_with_diff(github)
    notes = [LineNote("app.py", 20, "Why a word?")]
    review = actions.review(repo, pull, github.bob, event="REQUEST_CHANGES", body="Please.", notes=notes)
    assert pull.pull
    (thread,) = pull.pull.threads
    github.app.events = (*github.app.events, "pull_request_review_thread")
    actions.edit_review(repo, pull, review, body="Please!", by=github.bob)
    actions.dismiss_review(repo, pull, review, by=github.ada)
    actions.edit_review_comment(repo, pull, thread.comments[0], body="Why?", by=github.bob)
    actions.resolve_thread(repo, pull, thread, by=github.ada)
    actions.resolve_thread(repo, pull, thread, by=github.ada, resolved=False)
    actions.delete_review_comment(repo, pull, thread.comments[0], by=github.bob)
    assert events(github)[-5:] == [
        "pull_request_review.dismissed", "pull_request_review_comment.edited", "pull_request_review_thread.resolved",
        "pull_request_review_thread.unresolved", "pull_request_review_comment.deleted",
    ]  # fmt: skip
    edited = github.receiver.of("pull_request_review_comment")[-2]
    assert edited["changes"] == {"body": {"from": "Why a word?"}}
    assert pull.pull.threads == []


def test_an_edit_carries_what_was_there_before(github: LocalHubFixture) -> None:
    actions, repo, issue = github.hub.actions, github.repo, github.issue()
    comment = actions.comment(repo, issue, github.ada, body="@bot fxi this")
    actions.edit_comment(repo, issue, comment, body="@bot fix this", by=github.ada)
    actions.edit_issue(repo, issue, by=github.bob, body="Other words.")
    actions.edit_issue(repo, issue, by=github.bob, body="Other words.")
    actions.delete_comment(repo, issue, comment, by=github.ada)
    assert events(github)[-3:] == ["issue_comment.edited", "issues.edited", "issue_comment.deleted"]
    assert github.receiver.of("issue_comment")[1]["changes"] == {"body": {"from": "@bot fxi this"}}
    assert github.receiver.of("issues")[-1]["changes"] == {"body": {"from": "Please look."}}
    assert comment.edited
    assert issue.edited
    assert github.call("GET", f"{SHOP}/issues/comments/{comment.id}").status_code == 404


def test_a_locked_issue_takes_comments_of_people_who_may_write_only(github: LocalHubFixture) -> None:
    actions, repo, issue = github.hub.actions, github.repo, github.issue()
    actions.lock_issue(repo, issue, by=github.ada)
    for path, given in (("comments", {"body": "x"}), ("reactions", {"content": "eyes"})):
        answer = github.call("POST", f"{SHOP}/issues/1/{path}", json=given)
        assert answer.status_code == 403
        assert "because issue is locked" in answer.json()["message"]
    with pytest.raises(ApiError, match="locked"):
        actions.comment(repo, issue, github.bob, body="x")
    actions.comment(repo, issue, github.ada, body="I may.")
    actions.lock_issue(repo, issue, by=github.ada, locked=False)
    assert github.call("POST", f"{SHOP}/issues/1/comments", json={"body": "x"}).status_code == 201
    assert {"issues.locked", "issues.unlocked"} <= set(events(github))


def test_a_transferred_issue_has_a_new_address_and_a_deleted_one_is_gone(github: LocalHubFixture) -> None:
    actions, repo = github.hub.actions, github.repo
    issue, other = github.issue(), github.issue()
    moved = actions.transfer_issue(repo, issue, to=actions.add_repository("ada/more", {}), by=github.ada)
    actions.delete_issue(repo, other, by=github.ada)
    answer = requests.get(
        f"{github.hub.api_url}{SHOP}/issues/1",
        headers={"Authorization": f"Bearer {github.token()}"},
        allow_redirects=False,
        timeout=60,
    )
    assert (answer.status_code, answer.json()["message"]) == (301, "Moved Permanently")
    assert answer.headers["Location"] == f"{github.hub.api_url}/repos/ada/more/issues/{moved.number}"
    gone = github.call("POST", f"{SHOP}/issues/2/comments", json={"body": "x"})
    assert (gone.status_code, gone.json()["message"]) == (410, "This issue was deleted")
    assert github.call("GET", f"{SHOP}/issues?state=all").json() == []
    assert events(github)[-2:] == ["issues.transferred", "issues.deleted"]
    assert github.receiver.of("issues")[-2]["changes"]["new_issue"]["number"] == moved.number


def test_buttons_are_sent_by_people_who_may_write_once_the_run_is_completed(github: LocalHubFixture) -> None:
    actions, repo, sha = github.hub.actions, github.repo, github.branch("x")
    button = {"label": "Retry", "description": "Try again", "identifier": "retry"}
    given = {"name": "d", "head_sha": sha, "actions": [button]}
    number = github.call("POST", f"{SHOP}/check-runs", json=given).json()["id"]
    run = repo.checks[number]
    with pytest.raises(ApiError):
        actions.click(repo, run, "retry", by=github.ada)
    with pytest.raises(ApiError):
        actions.rerun(repo, run, by=github.ada)
    github.call("PATCH", f"{SHOP}/check-runs/{number}", json={"conclusion": "failure"})
    for wrong in (("retry", github.bob), ("stop", github.ada)):
        with pytest.raises(ApiError):
            actions.click(repo, run, wrong[0], by=wrong[1])
    actions.click(repo, run, "retry", by=github.ada)
    actions.rerun(repo, run, by=github.ada)
    actions.rerun_all(repo, run.suite, by=github.ada)
    sent = events(github)
    assert sent[-3:] == ["check_run.requested_action", "check_run.rerequested", "check_suite.rerequested"]
    assert github.receiver.of("check_run")[-2]["requested_action"] == {"identifier": "retry"}
    assert run.conclusion == "failure"  # GitHub does not reset it


def test_a_review_and_a_button_in_the_browser(github: LocalHubFixture) -> None:
    pull = pull_with_diff(github)
    github.repo.collaborators["bob"] = "write"
    url, page = (
        f"{github.hub.url}/ada/shop/issues/{pull.number}",
        f"{github.hub.url}/ada/shop/pull/{pull.number}",
    )
    with requests.Session() as session:
        session.cookies.set("me", "bob")
        review = {
            "event": "REQUEST_CHANGES",
            "body": "Please.",
            "path": "app.py",
            "line": "20",
            "note": "Why?",
        }
        text = session.post(f"{url}/review", data=review, timeout=60).text
        assert "requested changes" in text
        assert "+line twenty" in text
        assert pull.pull
        thread = pull.pull.threads[0]
        assert (
            "By hand"
            in session.post(f"{url}/reply", data={"thread": thread.id, "body": "By hand"}, timeout=60).text
        )
        comment = github.hub.actions.comment(github.repo, pull, github.bob, body="Helo")
        assert (
            "Hello</p>"
            in session.post(f"{url}/edit", data={"comment": comment.id, "body": "Hello"}, timeout=60).text
        )
        session.post(f"{url}/delete", data={"comment": comment.id}, timeout=60)
        assert pull.comments == []
        button = {"label": "Retry", "description": "Try again", "identifier": "retry"}
        done = {"name": "d", "head_sha": pull.pull.head_sha, "conclusion": "failure", "actions": [button]}
        run = github.call("POST", f"{SHOP}/check-runs", json=done).json()["id"]
        session.post(f"{github.hub.url}/ada/shop/runs/{run}", data={"button": "retry"}, timeout=60)
        session.post(f"{github.hub.url}/ada/shop/runs/{run}", timeout=60)
        assert "Why?" in session.get(page, timeout=60).text
    assert events(github)[-2:] == ["check_run.requested_action", "check_run.rerequested"]
