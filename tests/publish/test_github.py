"""What people see of a task on GitHub, from the first draft to the end; each call may come twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dayhand.errors import (
    CheckoutError,
    DayhandError,
    HubError,
    HubUnavailable,
    LeaseLost,
    ModelError,
    PolicyRefusal,
    TaskStopped,
)
from dayhand.ledger import facts, keys
from dayhand.ledger.log import LogReader
from dayhand.localhub.faults import ServerFault
from dayhand.task import Ask, Citation, HeldBack, Proof, Solution, Stage, TaskKind
from dayhand.usage import Usage
from tests.publish.conftest import BRANCH, BROKEN, Dispatcher, proposal

TOKEN = "gh" + "s_" + "A1b2" * 15
ANSWER = Solution("", "It is sorted by **rank**.", usage=Usage("gpt-6.1-sol", dollars=0.01))


def test_a_started_task_shows_a_draft_a_check_run_and_one_comment(desk: Dispatcher) -> None:
    start = desk.begin()
    for _ in range(2):
        publication = desk.publication()
        publication.announce(desk.task)
        publication.open(desk.task, start)
    (pull,) = desk.pulls
    assert pull.pull
    assert pull.pull.draft
    assert pull.body.startswith("Fixes #1\n")
    (check,) = desk.checks(start)
    assert (check.name, check.status, check.external_id) == ("dayhand", "in_progress", "t1")
    assert check.details_url == "http://127.0.0.1:8080/tasks/t1"
    (comment,) = desk.said
    assert comment.startswith("On it: [the pull request](")


def test_what_a_killed_worker_made_and_did_not_note_is_found(desk: Dispatcher) -> None:
    start = desk.begin()
    made = (facts.PULL, facts.PULL_URL, facts.CHECK, facts.CHECK_NODE, facts.CHECK_URL, facts.CHECK_HEAD)
    for _ in range(2):
        publication = desk.publication()
        publication.announce(desk.task)
        publication.open(desk.task, start)
        noted = (*made, facts.COMMENT, facts.COMMENT_NODE)
        desk.ledger.redis.hdel(keys.facts(desk.task.id), *(fact.name for fact in noted))
    assert [len(found) for found in (desk.pulls, desk.checks(start), desk.said)] == [1, 1, 1]


def test_a_comment_that_a_person_deleted_is_written_anew_with_the_result(desk: Dispatcher) -> None:
    publication, start = desk.publication(), desk.begin()
    publication.announce(desk.task)
    publication.open(desk.task, start)
    desk.place.issue.comments.clear()
    desk.publication().propose(desk.task, proposal(desk.push()))
    (comment,) = desk.said
    assert comment.startswith("@ada [The pull request](")
    desk.place.issue.comments.clear()
    desk.publication().fail(desk.task, ModelError("x"))
    assert len(desk.said) == 1


def test_the_check_run_tells_each_stage_and_command(desk: Dispatcher) -> None:
    start = desk.begin()
    publication = desk.publication()
    publication.open(desk.task, start)
    log = desk.log()
    log.listen(publication.progress)
    with log.stage(Stage.SOLVE):
        log.line("command", "make test")
        log.line("output", f"3 passed {TOKEN}")
    (check,) = desk.checks(start)
    assert check.title == "Working on it"
    assert "$ make test\n3 passed [redacted]" in (check.text or "")


def test_another_worker_goes_on_with_the_text_where_the_first_one_died(desk: Dispatcher) -> None:
    start = desk.begin()
    desk.publication().open(desk.task, start)
    desk.log().line("command", "make first")
    publication = desk.publication()
    log = desk.log()
    log.listen(publication.progress)
    log.line("command", "make second")
    (check,) = desk.checks(start)
    assert "$ make first\n$ make second" in (check.text or "")


def test_work_does_not_wait_for_a_github_that_is_away(desk: Dispatcher) -> None:
    publication = desk.publication()
    publication.open(desk.task, desk.begin())
    log = desk.log()
    log.listen(publication.progress)
    desk.place.server._server.server_close()  # nobody answers any more
    assert log.line("command", "make test") == 1


def test_the_finished_pull_request_is_ready_and_says_what_was_found(desk: Dispatcher) -> None:
    start = desk.begin()
    desk.publication().open(desk.task, start)
    head = desk.push()
    urls = {desk.publication().propose(desk.task, proposal(head)) for _ in range(2)}
    (pull,) = desk.pulls
    assert pull.pull
    assert urls == {f"{desk.place.server.url}/ada/shop/pull/{pull.number}"}
    assert pull.title == "Sort the right way"
    assert not pull.pull.draft
    assert [user.login for user in pull.pull.reviewers] == ["ada"]
    assert "| test | `pytest -q` | [✅ passes](http://127.0.0.1:8080/tasks/t1?line=12#L12) |" in pull.body
    (first,), (last,) = desk.checks(start), desk.checks(head)
    assert (first.status, first.conclusion, first.title) == (
        "completed",
        "neutral",
        f"Continued on {head[:8]}",
    )
    assert (last.status, last.conclusion) == ("completed", "success")
    (comment,) = desk.said
    assert comment.startswith(f"@ada [The pull request]({urls.pop()}) is ready for review. ✅")


def test_the_check_run_fails_where_the_worker_found_a_new_failure(desk: Dispatcher) -> None:
    desk.publication().open(desk.task, desk.begin())
    head = desk.push()
    desk.publication().propose(desk.task, proposal(head, BROKEN, account="Everything passes!"))
    (check,) = desk.checks(head)
    assert check.conclusion == "failure"
    assert "❌ There are new failures" in desk.said[0]


def test_a_pull_request_that_was_not_opened_before_is_opened_at_the_end(desk: Dispatcher) -> None:
    head = desk.push()
    for _ in range(2):
        desk.publication().propose(desk.task, proposal(head))
    (pull,) = desk.pulls
    assert pull.pull
    assert not pull.pull.draft


def test_somebody_who_may_not_review_is_passed_over(desk: Dispatcher) -> None:
    asked = replace(desk.task, ask=Ask(TaskKind.FIX, "fix", "bob"))
    desk.publication().propose(asked, proposal(desk.push()))
    (pull,) = desk.pulls
    assert pull.pull
    assert pull.pull.reviewers == []


def test_a_draft_that_a_person_closed_is_not_opened_again(desk: Dispatcher) -> None:
    desk.publication().open(desk.task, desk.begin())
    (pull,) = desk.pulls
    desk.place.there.close_pull(pull.number)
    desk.publication().propose(desk.task, proposal(desk.push()))
    (same,) = desk.pulls
    assert same.state == "closed"
    assert "was closed while I was working" in desk.said[0]
    assert BRANCH in desk.place.repo.store.branches()


def test_an_answer_leaves_no_draft_and_no_branch(desk: Dispatcher) -> None:
    start = desk.begin()
    desk.publication().open(desk.task, start)
    found = Proof(Citation("a.txt", 1, "a"), found=True, text="a", commit=start)
    lost = Proof(Citation("b.txt", 9), found=False, text="there is no b.txt", commit=start)
    for _ in range(2):
        url = desk.publication().answer(desk.task, ANSWER, (found, lost))
    (pull,) = desk.pulls
    assert pull.state == "closed"
    assert "Fixes" not in pull.body
    assert set(desk.place.repo.store.branches()) == {"main"}
    (check,) = desk.checks(start)
    assert (check.status, check.conclusion) == ("completed", "neutral")
    (comment,) = desk.said
    assert "It is sorted by **rank**." in comment
    assert f"[`a.txt:1`]({desk.place.server.url}/ada/shop/blob/{start}/a.txt#L1): `a`" in comment
    assert "~~`b.txt:9`~~ not confirmed: there is no b.txt" in comment
    assert url.startswith(f"{desk.place.server.url}/ada/shop/issues/{desk.task.number}#issuecomment-")


@pytest.mark.parametrize(
    ("error", "conclusion"),
    [
        (ModelError("The model gave nothing."), "failure"),
        (CheckoutError("The pack is broken."), "failure"),
        (PolicyRefusal("A workflow was changed.", paths=("x",), advice="Do it by hand."), "action_required"),
        (HubError("No.", status=403), "action_required"),
        (TaskStopped("ada stopped this task."), "cancelled"),
    ],
)
def test_a_failure_is_told_and_leaves_nothing(desk: Dispatcher, error: DayhandError, conclusion: str) -> None:
    start = desk.begin()
    desk.publication().open(desk.task, start)
    for _ in range(2):
        desk.publication().fail(desk.task, error)
    (pull,), (check,), (comment,) = desk.pulls, desk.checks(start), desk.said
    assert (pull.state, check.conclusion) == ("closed", conclusion)
    assert set(desk.place.repo.store.branches()) == {"main"}
    assert str(error) in comment
    assert error.advice in comment
    assert "`@dayhand fix this`" in comment


def test_a_branch_without_its_draft_is_cleaned_up_too(desk: Dispatcher) -> None:
    desk.begin()
    desk.publication().fail(desk.task, ModelError("x"))
    assert set(desk.place.repo.store.branches()) == {"main"}
    assert desk.pulls == []


def test_nothing_was_pushed_is_said_only_where_there_is_nothing(desk: Dispatcher) -> None:
    """A finished change that is kept and one that is held back are named."""
    own = desk.claim.facts
    for put, sentence in (
        (lambda: None, "Nothing was pushed."),
        (
            lambda: own.put(facts.HELD_BACK, HeldBack("b" * 40, "t" * 40, "", (), "")),
            "Nothing was pushed: what I changed is held back. The task's page shows it.",
        ),
        (lambda: own.put(facts.PATCH, "diff"), "The change is finished and kept ([patch](http"),
    ):
        put()
        desk.publication().fail(desk.task, ModelError("x"))
        assert sentence in desk.said[0]


def test_a_check_run_whose_number_a_killed_worker_did_not_note_is_concluded(desk: Dispatcher) -> None:
    desk.publication().open(desk.task, desk.begin())
    for fact in (facts.CHECK, facts.CHECK_NODE, facts.CHECK_URL, facts.CHECK_HEAD):
        desk.ledger.redis.hdel(keys.facts(desk.task.id), fact.name)
    desk.publication().fail(desk.task, TaskStopped("ada stopped this task."))
    (run,) = desk.place.repo.checks.values()
    assert (run.status, run.conclusion) == ("completed", "cancelled")


def test_what_a_person_pushed_to_our_branch_is_never_deleted(desk: Dispatcher) -> None:
    desk.publication().open(desk.task, desk.begin())
    desk.place.repo.store.commit_files(
        {"mine.txt": b"mine\n"}, BRANCH, "Mine", author=("Ada", "ada@example.org")
    )
    desk.publication().fail(desk.task, ModelError("x"))
    (pull,) = desk.pulls
    assert pull.state == "open"
    assert BRANCH in desk.place.repo.store.branches()
    assert "Someone else pushed to my branch, so the draft stays open." in desk.said[0]


def test_work_that_was_pushed_stays(desk: Dispatcher) -> None:
    desk.publication().open(desk.task, desk.begin())
    desk.push()
    desk.publication().fail(desk.task, ModelError("x"))
    assert desk.pulls[0].state == "open"
    assert "The commits pushed so far are kept." in desk.said[0]


def test_the_person_is_told_even_where_tidying_up_is_refused(desk: Dispatcher) -> None:
    desk.publication().open(desk.task, desk.begin())
    grant = desk.place.server.tokens.find(desk.place.there.token())
    grant.permissions.pop("checks")  # type: ignore[attr-defined]
    with pytest.raises(HubError, match="Resource not accessible"):
        desk.publication().fail(desk.task, ModelError("The model gave nothing."))
    assert "The model gave nothing." in desk.said[0]


def test_a_github_that_is_away_at_the_end_is_no_silent_end(desk: Dispatcher) -> None:
    desk.publication().open(desk.task, desk.begin())
    desk.place.there.auth.api_url = "http://127.0.0.1:9/api/v3"
    desk.place.there.close()
    with pytest.raises(HubUnavailable):
        desk.publication().fail(desk.task, ModelError("x"))


def test_nothing_is_written_down_for_a_task_that_another_worker_has(desk: Dispatcher) -> None:
    start = desk.begin()
    desk.claim.release()
    with pytest.raises(LeaseLost):
        desk.publication().open(desk.task, start)


def test_no_credential_reaches_github(desk: Dispatcher) -> None:
    desk.publication().open(desk.task, desk.begin())
    desk.publication().propose(desk.task, proposal(desk.push(), account=f"```\n{TOKEN}\n```\n{TOKEN}"))
    desk.publication().fail(desk.task, ModelError(TOKEN, advice=TOKEN))
    texts = [desk.pulls[0].body, *desk.said, *(run.text or "" for run in desk.place.repo.checks.values())]
    assert not any("A1b2" in text for text in texts)


def test_what_only_informs_and_is_refused_does_not_decide_the_outcome(desk: Dispatcher) -> None:
    """A locked issue, check runs that are refused, and a person who cannot review: the pull request is ready all the same."""
    faults, locked = (
        desk.place.server.faults.waiting,
        '{"message": "Unable to create comment because issue is locked."}',
    )
    faults.append(ServerFault("POST .*/comments$", 403, times=9, body=locked))
    desk.publication().open(desk.task, desk.begin())
    head = desk.push()
    asked = replace(desk.task, ask=Ask(TaskKind.FIX, "fix", "bob"))
    grant = desk.place.server.tokens.find(desk.place.there.token())
    grant.permissions.pop("checks")  # type: ignore[attr-defined]
    desk.publication().propose(asked, proposal(head))
    (pull,) = desk.pulls
    assert pull.pull
    assert (pull.title, pull.pull.draft, pull.pull.reviewers) == ("Sort the right way", False, [])
    assert desk.checks(head) == desk.said == []
    log = [note.text for note in LogReader(desk.ledger.redis).read(desk.task.id) if note.kind == "error"]
    assert [one for one in log if "issue is locked" in one]
    assert [one for one in log if one.startswith("GitHub refused createCheckRun: Resource not accessible")]
    assert [
        one for one in log if one.startswith("GitHub refused requestReviews: Reviews may only be requested")
    ]


def test_a_result_whose_answer_was_lost_is_published_once(desk: Dispatcher) -> None:
    desk.publication().open(desk.task, desk.begin())
    head = desk.push()
    created = desk.place.server.limits.spent["creations"]
    desk.place.server.faults.add("POST /api/graphql", 502, after=True)
    desk.publication().propose(desk.task, proposal(head))
    assert desk.place.server.limits.spent["creations"] == created + 2, "a review request, a comment"
    assert [(run.status, run.conclusion) for run in desk.checks(head)] == [("completed", "success")]
    assert desk.said[0].startswith("@ada [The pull request](")


def test_a_worker_that_dies_before_it_notes_its_result_is_followed_by_one_that_finds_it(
    desk: Dispatcher,
) -> None:
    desk.publication().open(desk.task, desk.begin())
    head = desk.push()
    desk.publication().propose(desk.task, proposal(head))
    desk.ledger.redis.hdel(
        keys.facts(desk.task.id), *(f.name for f in (facts.CHECK, facts.CHECK_NODE, facts.CHECK_HEAD))
    )
    created = desk.place.server.limits.spent["creations"]
    desk.publication().propose(desk.task, proposal(head))
    assert desk.place.server.limits.spent["creations"] == created
    assert [(run.status, run.conclusion) for run in desk.checks(head)] == [("completed", "success")]
    assert len(desk.said) == len(desk.pulls) == 1
