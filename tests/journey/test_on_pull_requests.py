"""Requests on a pull request: on our own, on someone else's, and on one from a fork."""

from __future__ import annotations

from dayhand.localhub.state.models import Issue, Repository
from dayhand.scripted_model.moves import Finish, Patch
from dayhand.task import State
from tests.journey.harness import UNTESTED_SHOP, Harness

NOTE = Patch("*** Begin Patch\n*** Add File: NOTES.md\n+Taxes are added last.\n*** End Patch")
TAXED = {**UNTESTED_SHOP, "tax.py": "RATE = 0.19\n"}


def somebodys_pull(harness: Harness, repo: Repository) -> Issue:
    """A pull request of Ada's that adds ``tax.py``."""
    repo.store.git("branch", "taxes", "main")
    added = {name: text.encode() for name, text in TAXED.items()}
    repo.store.commit_files(added, "taxes", "Add the tax", author=("Ada", "ada@example.org"))
    return harness.hub.actions.open_pull(
        repo, harness.ada, "Add taxes", body="By country.", head="taxes", base="main", draft=False
    )


def test_a_fix_that_is_asked_for_on_our_pull_request_goes_onto_it(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    harness.label(repo, harness.issue(repo))
    harness.work()
    (pull,) = harness.pulls(repo)
    harness.scripted_model.turns = [[NOTE], [Finish("Note when taxes are added", "Noted.")]]
    harness.comment(repo, pull, "@bot fix the missing note")
    (record,) = harness.work()
    assert record.state is State.PROPOSED, record.reason
    assert harness.pulls(repo) == [pull]
    assert pull.pull
    assert repo.store.text(pull.pull.head_sha, "NOTES.md") == "Taxes are added last.\n"


def test_a_question_on_somebodys_pull_request_is_answered_by_what_stands_there(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    pull = somebodys_pull(harness, repo)
    cited = {"path": "tax.py", "line": 1, "quote": "RATE = 0.19"}
    harness.scripted_model.turns = [[Finish("Yes", "It is 19 %.", citations=(cited,))]]
    harness.comment(repo, pull, "@bot are you sure that a rate field exists?")
    (record,) = harness.work()
    assert record.state is State.ANSWERED, record.reason
    (comment_text,) = harness.bot_comments(pull)
    assert pull.pull
    address = f"{harness.hub.url}/ada/shop/blob/{pull.pull.head_sha}/tax.py#L1"
    assert f"[`tax.py:1`]({address}): `RATE = 0.19`" in comment_text
    left = repo.store.branches()["main"]
    assert f"`git diff {left}` shows what it changes so far." in harness.scripted_model.result


def test_a_change_to_somebodys_pull_request_is_one_onto_its_branch_which_stays_theirs(
    harness: Harness,
) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    theirs = somebodys_pull(harness, repo)
    assert theirs.pull
    before = theirs.pull.head_sha
    harness.scripted_model.turns = [[NOTE], [Finish("Note when taxes are added", "Noted.")]]
    harness.comment(repo, theirs, "@bot fix the missing note")
    (record,) = harness.work()
    assert record.state is State.PROPOSED, record.reason
    (ours,) = [pull for pull in harness.pulls(repo) if pull is not theirs]
    assert ours.pull
    assert (ours.pull.base, ours.pull.draft) == ("taxes", False)
    assert "Fixes #" not in ours.body
    assert [row[1] for row in repo.store.diff_stat(before, ours.pull.head_sha)] == ["NOTES.md"]
    assert repo.store.branches()["taxes"] == theirs.pull.head_sha == before
    (comment_text,) = harness.bot_comments(theirs)
    assert f"/pull/{ours.number}" in comment_text


def test_a_pull_request_from_a_fork_is_refused_with_what_to_do(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    pull = somebodys_pull(harness, repo)
    assert pull.pull
    pull.pull.fork = "bob/shop"
    harness.comment(repo, pull, "@bot fix the missing note")
    (record,) = harness.work()
    assert record.state is State.FAILED
    (comment_text,) = harness.bot_comments(pull)
    assert "comes from a fork, but I only work on branches of ada/shop." in comment_text
    assert "Push its branch to this repository" in comment_text
    assert harness.pulls(repo) == [pull]


def test_a_label_on_a_pull_request_is_answered_with_how_to_ask(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    pull = somebodys_pull(harness, repo)
    harness.label(repo, pull)
    assert harness.waiting() == []
    assert (
        harness.bot_comments(pull)[0]
        .replace("\u200b", "")
        .startswith(
            "@ada A label on a pull request does not say what to do. Comment “@dayhand …” with a change"
        )
    )


def test_a_pull_request_that_is_closed_is_looked_at_on_the_default_branch(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    pull = somebodys_pull(harness, repo)
    harness.hub.actions.set_state(repo, pull, "closed", by=harness.ada)
    cited = {"path": "shop.py", "line": 2, "quote": "return sum(prices) + 1"}
    harness.scripted_model.turns = [[Finish("No", "It never came in.", citations=(cited,))]]
    harness.comment(repo, pull, "@bot is there a rate?")
    (record,) = harness.work()
    assert record.state is State.ANSWERED, record.reason
    (comment_text,) = harness.bot_comments(pull)
    assert f"/blob/{repo.store.branches()['main']}/shop.py#L2" in comment_text
