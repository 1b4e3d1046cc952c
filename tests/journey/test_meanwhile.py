"""What happens to the issue, the pull request or the base while a task waits or runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dayhand.localhub.state.models import Issue, Repository
from dayhand.scripted_model.moves import Shell
from dayhand.task import State
from tests.journey.harness import UNTESTED_SHOP, Harness
from tests.journey.test_stopping import lasting, working_on
from tests.journey.test_thread import note

LASTING = lasting(9650.5)


def labeled(harness: Harness) -> tuple[Repository, Issue, str]:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (task_id,) = harness.waiting()
    return repo, issue, task_id


def test_a_locked_issue_gets_its_pull_request_and_no_comment(harness: Harness) -> None:
    repo, issue, _ = labeled(harness)
    harness.hub.actions.lock_issue(repo, issue, by=harness.ada)
    (record,) = harness.work()
    assert record.state is State.PROPOSED, record.reason
    (pull,) = harness.pulls(repo)
    assert pull.pull
    assert not pull.pull.draft
    assert harness.bot_comments(issue) == []
    harness.comment(repo, issue, "@bot status")
    assert harness.bot_comments(issue) == []


def _transfer(harness: Harness, repo: Repository, issue: Issue) -> None:
    harness.hub.actions.transfer_issue(repo, issue, to=harness.repository("other"), by=harness.ada)


def _delete(harness: Harness, repo: Repository, issue: Issue) -> None:
    harness.hub.actions.delete_issue(repo, issue, by=harness.ada)


@pytest.mark.parametrize(
    ("leave", "heard", "reason"),
    [
        (_transfer, True, "ada stopped this task."),
        (_delete, True, "ada stopped this task."),
        (_delete, False, "GitHub refused commenting on #1: This issue was deleted (410)."),
    ],
    ids=["transferred", "deleted or converted", "deleted, and the delivery is late"],
)
def test_a_task_whose_issue_leaves_the_repository_ends_and_leaves_nothing(
    harness: Harness, leave: Callable[[Harness, Repository, Issue], None], heard: bool, reason: str
) -> None:
    repo, issue, task_id = labeled(harness)
    if not heard:
        harness.app.events = tuple(name for name in harness.app.events if name != "issues")
    leave(harness, repo, issue)
    harness.settle()
    harness.work()
    record = harness.ledger.record(task_id)
    assert (record.state, record.reason) == (State.STOPPED if heard else State.FAILED, reason)
    assert harness.branches(repo) == {"main"}
    assert [pull.state for pull in harness.pulls(repo)] in ([], ["closed"])


def test_a_pull_request_whose_branch_is_deleted_during_the_work_is_not_opened_again(harness: Harness) -> None:
    repo, issue, _ = labeled(harness)
    harness.work()
    (pull,) = harness.pulls(repo)
    assert pull.pull
    harness.scripted_model.turns = [[Shell(LASTING)], *note("NOTES.md")]
    harness.comment(repo, issue, "@bot fix the missing note")
    with working_on(harness, LASTING):
        harness.app.webhook_url, address = "", harness.app.webhook_url  # else the task is stopped
        harness.hub.actions.set_state(repo, pull, "closed", by=harness.ada)  # as GitHub does with the branch
        repo.store.git("update-ref", "-d", f"refs/heads/{pull.pull.head}")
        harness.app.webhook_url = address
    assert harness.pulls(repo) == [pull]
    assert "was closed while I was working. My work is on the branch" in harness.bot_comments(issue)[-1]
    head = repo.store.branches()[pull.pull.head]
    assert repo.store.text(head, "NOTES.md") == "Taxes are added last.\n"


@pytest.mark.parametrize("fits", [True, False])
def test_a_force_pushed_base_is_said_and_the_change_is_checked_anew_on_it(
    harness: Harness, *, fits: bool
) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    main, ada = repo.store.branches()["main"], ("Ada", "ada@example.org")
    repo.store.commit_files({"lost.py": b"LOST = 1\n"}, "main", "Lost", author=ada)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (task_id,) = harness.waiting()
    harness.scripted_model.turns[0] = [Shell(LASTING), *harness.scripted_model.turns[0]]
    new = {"new.py" if fits else "shop.py": b"NEW = 1\n"}
    with working_on(harness, LASTING):
        repo.store.git("update-ref", "refs/heads/main", main)
        head = repo.store.commit_files(new, "main", "New", author=ada)
    record, (pull,) = harness.ledger.record(task_id), harness.pulls(repo)
    assert pull.pull
    if not fits:
        assert record.reason.startswith(
            "main was force-pushed while I was working, and my commit does not fit"
        )
        assert "I start from what is there now. What I did is on" in harness.bot_comments(issue)[-1]
        return
    assert record.state is State.PROPOSED, record.reason
    log = [note.text for note in harness.live.read(task_id)]
    said = "main was force-pushed while I was working. My change goes on top of that, and is checked again."
    assert said in log
    commits = repo.store.between(head, pull.pull.head_sha)
    assert [one.message.splitlines()[0] for one in commits] == ["Count nothing twice"]
    assert repo.store.git("ls-tree", "--name-only", pull.pull.head_sha, "lost.py", "new.py").split() == [
        "new.py"
    ]
    harness.scripted_model.turns = harness.scripted_model.turns[1:]
    harness.comment(repo, pull, "@bot are you sure that it sums?")
    asked = [record for record in harness.work() if record.task.number]  # the push may be examined too
    assert [record.state for record in asked] == [State.ANSWERED]


def test_an_installation_that_is_removed_during_a_task_ends_it_and_nothing_is_retried(
    harness: Harness,
) -> None:
    harness.scripted_model.turns[0] = [Shell(LASTING), *harness.scripted_model.turns[0]]
    _, _, task_id = labeled(harness)
    (installation,) = harness.hub.actions.installations.values()
    with working_on(harness, LASTING):
        harness.hub.actions.uninstall(installation)
    record = harness.ledger.record(task_id)
    assert (record.state, record.reason) == (
        State.FAILED,
        "GitHub refused requesting a token for ada/shop: Not Found (404). Check that the App is installed on this repository.",
    )
    assert harness.waiting() == []
