"""Stories of people who ask on a pull request: on ours, on somebody's, and on one from a fork."""

from __future__ import annotations

from dayhand.localhub.state import Issue, Repository
from dayhand.scripted_model.moves import Finish, Patch
from dayhand.task import State
from tests.journey.harness import SHOP, Town

NOTE = Patch("*** Begin Patch\n*** Add File: NOTES.md\n+Taxes are added last.\n*** End Patch")
TAXED = {**SHOP, "tax.py": "RATE = 0.19\n"}


def somebodys_pull(town: Town, repo: Repository) -> Issue:
    """A pull request of Ada's that adds ``tax.py``."""
    repo.store.git("branch", "taxes", "main")
    added = {name: text.encode() for name, text in TAXED.items()}
    repo.store.commit_files(added, "taxes", "Add the tax", author=("Ada", "ada@example.org"))
    return town.hub.world.open_pull(
        repo, town.ada, "Add taxes", body="By country.", head="taxes", base="main", draft=False
    )


def test_a_fix_that_is_asked_for_on_our_pull_request_goes_onto_it(town: Town) -> None:
    repo = town.repository("shop")
    town.label(repo, town.issue(repo))
    town.work()
    (pull,) = town.pulls(repo)
    town.actor.turns = [[NOTE], [Finish("Note when taxes are added", "Noted.")]]
    town.log(repo, pull, "@bot fix the missing note")
    (record,) = town.work()
    assert record.state is State.PROPOSED, record.reason
    assert town.pulls(repo) == [pull]
    assert pull.pull
    assert repo.store.text(pull.pull.head_sha, "NOTES.md") == "Taxes are added last.\n"


def test_a_question_on_somebodys_pull_request_is_answered_by_what_stands_there(town: Town) -> None:
    repo = town.repository("shop")
    pull = somebodys_pull(town, repo)
    cited = {"path": "tax.py", "line": 1, "quote": "RATE = 0.19"}
    town.actor.turns = [[Finish("Yes", "It is 19 %.", citations=(cited,))]]
    town.log(repo, pull, "@bot are you sure that a rate field exists?")
    (record,) = town.work()
    assert record.state is State.ANSWERED, record.reason
    (said,) = town.bot_says(pull)
    assert pull.pull
    address = f"{town.hub.url}/ada/shop/blob/{pull.pull.head_sha}/tax.py#L1"
    assert f"[`tax.py:1`]({address}): `RATE = 0.19`" in said
    left = repo.store.branches()["main"]
    assert f"`git diff {left}` shows what it changes so far." in town.actor.told


def test_a_change_to_somebodys_pull_request_is_one_onto_its_branch_which_stays_theirs(town: Town) -> None:
    repo = town.repository("shop")
    theirs = somebodys_pull(town, repo)
    assert theirs.pull
    before = theirs.pull.head_sha
    town.actor.turns = [[NOTE], [Finish("Note when taxes are added", "Noted.")]]
    town.log(repo, theirs, "@bot fix the missing note")
    (record,) = town.work()
    assert record.state is State.PROPOSED, record.reason
    (ours,) = [pull for pull in town.pulls(repo) if pull is not theirs]
    assert ours.pull
    assert (ours.pull.base, ours.pull.draft) == ("taxes", False)
    assert "Fixes #" not in ours.body
    assert [row[1] for row in repo.store.numbers(before, ours.pull.head_sha)] == ["NOTES.md"]
    assert repo.store.branches()["taxes"] == theirs.pull.head_sha == before
    (said,) = town.bot_says(theirs)
    assert f"/pull/{ours.number}" in said


def test_a_pull_request_from_a_fork_is_refused_with_what_to_do(town: Town) -> None:
    repo = town.repository("shop")
    pull = somebodys_pull(town, repo)
    assert pull.pull
    pull.pull.home = "bob/shop"
    town.log(repo, pull, "@bot fix the missing note")
    (record,) = town.work()
    assert record.state is State.FAILED
    (said,) = town.bot_says(pull)
    assert "comes from a fork, and I work on branches of ada/shop only." in said
    assert "Push its branch to this repository" in said
    assert town.pulls(repo) == [pull]


def test_a_label_on_a_pull_request_is_answered_with_how_to_ask(town: Town) -> None:
    repo = town.repository("shop")
    pull = somebodys_pull(town, repo)
    town.label(repo, pull)
    assert town.waiting() == []
    assert (
        town.bot_says(pull)[0]
        .replace("\u200b", "")
        .startswith(
            "@ada A label on a pull request does not say what to do. Write it in a comment: “@dayhand …”"
        )
    )


def test_a_pull_request_that_is_closed_is_looked_at_on_the_default_branch(town: Town) -> None:
    repo = town.repository("shop")
    pull = somebodys_pull(town, repo)
    town.hub.world.set_state(repo, pull, "closed", by=town.ada)
    cited = {"path": "shop.py", "line": 2, "quote": "return sum(prices) + 1"}
    town.actor.turns = [[Finish("No", "It never came in.", citations=(cited,))]]
    town.log(repo, pull, "@bot is there a rate?")
    (record,) = town.work()
    assert record.state is State.ANSWERED, record.reason
    (said,) = town.bot_says(pull)
    assert f"/blob/{repo.store.branches()['main']}/shop.py#L2" in said
