"""Reads and writes of one repository: what makes something finds it first."""

from __future__ import annotations

import pytest

from dayhand.errors import HubError
from dayhand.localhub.payloads.issues import node_id
from tests.hub.conftest import Place

OUTPUT = {"title": "Starting", "summary": "…", "text": "log"}
BRANCH = "dayhand/1-wrong-order"


def test_permissions_are_githubs_words(place: Place) -> None:
    place.repo.collaborators["bob"] = "maintain"
    assert [place.there.permission(who) for who in ("ada", "bob", "nobody-at-all")] == [
        "admin",
        "write",
        "none",
    ]


def test_the_bot_is_the_user_and_not_the_app(place: Place) -> None:
    bot = place.hub.bot()
    assert bot.login == "dayhand[bot]"
    assert bot.id == place.app.bot.id != place.app.id
    assert bot.email == f"{bot.id}+dayhand[bot]@users.noreply.github.com"


def test_a_comment_is_made_once_and_edited_afterwards(place: Place) -> None:
    first = place.there.comment(1, "On it.", marker="task:t1")
    second = place.there.comment(1, "Done.", marker="task:t1")
    other = place.there.comment(1, "Another task.", marker="task:t2")
    assert first.id == second.id != other.id
    place.server.faults.requests.clear()
    assert place.there.comment(1, "Done.", marker="task:t1").id == first.id
    assert not [one for one in place.server.faults.requests if "PATCH" in one], (
        "nobody sees what does not change"
    )
    assert [comment.body.splitlines()[0] for comment in place.issue.comments] == ["Done.", "Another task."]


def test_somebody_who_copies_our_marker_does_not_get_our_comment(place: Place) -> None:
    place.server.actions.comment(place.repo, place.issue, place.ada, body="Ha <!-- dayhand:task:t1 -->")
    place.there.comment(1, "On it.", marker="task:t1")
    assert [comment.user.login for comment in place.issue.comments] == ["ada", "dayhand[bot]"]


def test_a_comment_of_ours_that_quotes_a_marker_is_not_that_tasks_comment(place: Place) -> None:
    """The model's words may hold any marker, inside of code; ours stands at the end."""
    place.there.comment(1, "```text\n<!-- dayhand:task:t2 -->\n```", marker="task:t1")
    place.there.comment(1, "Mine.", marker="task:t2")
    assert len(place.issue.comments) == 2


def test_a_branch_that_somebody_pushed_to_is_seen(place: Place) -> None:
    sha = place.branch(BRANCH)
    assert place.there.branch_is_at(BRANCH, sha)
    assert not place.there.branch_is_at("dayhand/gone", sha)
    place.repo.store.commit_files({"b.txt": b"b\n"}, BRANCH, "More", author=("Ada", "ada@example.org"))
    assert not place.there.branch_is_at(BRANCH, sha)


def test_a_reaction_may_be_repeated(place: Place) -> None:
    for _ in range(2):
        place.there.react(node_id("Issue", place.issue.id), "eyes")
    assert [one.content for one in place.issue.reactions] == ["eyes"]


def test_a_pull_request_is_opened_once(place: Place) -> None:
    place.branch(BRANCH)
    first = place.there.open_pull(BRANCH, "main", "T", body="Fixes #1")
    assert place.there.open_pull(BRANCH, "main", "T", body="Fixes #1") == first
    assert first.draft
    place.there.ready(first.number)
    place.there.ready(first.number)
    found = place.there.find_pull(BRANCH)
    assert found
    assert not found.draft


def test_a_closed_pull_request_does_not_count_as_open(place: Place) -> None:
    place.branch(BRANCH)
    first = place.there.open_pull(BRANCH, "main", "T", body="")
    place.there.close_pull(first.number)
    assert place.there.open_pull(BRANCH, "main", "T", body="").number != first.number


def test_a_check_run_is_begun_once_for_a_commit_and_a_task(place: Place) -> None:
    sha = place.branch(BRANCH)
    begin = [
        place.there.create_check("dayhand", sha, task, details_url="http://127.0.0.1/x", output=OUTPUT).id
        for task in ("t1", "t1", "t2")
    ]
    assert begin[0] == begin[1] != begin[2]
    place.there.update_check(begin[0], output=OUTPUT, conclusion="success")
    assert place.repo.checks[begin[0]].status == "completed"


def test_review_is_asked_for_or_passed_over(place: Place) -> None:
    place.branch(BRANCH)
    number = place.there.open_pull(BRANCH, "main", "T", body="").number
    assert place.there.request_review(number, "ada")
    assert not place.there.request_review(number, "bob")


def test_only_our_own_branches_are_deleted(place: Place) -> None:
    place.branch(BRANCH)
    with pytest.raises(HubError, match="not created by Dayhand"):
        place.there.delete_branch("main")
    for _ in range(2):
        place.there.delete_branch(BRANCH)
    assert set(place.repo.store.branches()) == {"main"}


def test_a_missing_permission_is_named_with_where_to_give_it(place: Place) -> None:
    token = place.there.token()
    grant = place.server.tokens.find(token)
    grant.permissions.pop("issues")  # type: ignore[attr-defined]
    with pytest.raises(HubError, match="Resource not accessible by integration") as refused:
        place.there.comment(1, "x", marker="m")
    assert "issues=" in refused.value.advice
    assert refused.value.status == 403


def test_a_repository_without_the_app_asks_whether_it_is_installed(place: Place) -> None:
    place.server.actions.add_repository("ada/other", {"a": "b"})
    with pytest.raises(HubError):
        place.hub.repository(place.installation.id, "ada/other").issue(1)


def test_an_issue_and_a_pull_request_are_told_apart(place: Place) -> None:
    place.branch(BRANCH)
    pull = place.there.open_pull(BRANCH, "main", "T", body="B")
    assert not place.there.issue(1).is_pull
    assert place.there.issue(pull.number).head_branch == BRANCH


def test_where_a_repository_is_and_which_branch_counts(place: Place) -> None:
    assert place.there.location() == (f"{place.server.url}/ada/shop.git", "main")


def test_closed_pull_requests_of_one_branch_say_what_they_said(place: Place) -> None:
    place.branch(BRANCH)
    place.branch("dayhand/2-other")
    for branch in (BRANCH, "dayhand/2-other"):
        place.there.open_pull(branch, "main", "T", body=f"from {branch}")
    assert place.there.closed_pull_bodies(BRANCH) == ()
    for issue in list(place.repo.pulls()):
        place.there.close_pull(issue.number)
    assert place.there.closed_pull_bodies(BRANCH) == (f"from {BRANCH}",)
