"""Two pull requests of ours that cannot both be merged: both people read it early."""

from __future__ import annotations

from contextlib import closing

from dayhand.hub.client import Hub
from dayhand.ledger.repository_notes import MAX_SIBLINGS, RepositoryNotes
from dayhand.publish.siblings import tell_conflicts
from dayhand.scripted_model.moves import Patch
from dayhand.task import Conflict, Sibling
from tests.journey.harness import DONE, FIX, UNTESTED_SHOP, Harness

OTHER_FIX = Patch(
    "*** Begin Patch\n*** Update File: shop.py\n@@ def total(prices):\n-    return sum(prices) + 1\n"
    "+    return int(sum(prices))\n*** End Patch"
)


def test_whoever_asked_for_a_pull_request_that_would_conflict_reads_it_early(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    repo.collaborators["bob"] = "write"
    issues = [harness.issue(repo, f"Issue {number}") for number in range(2)]
    for issue, fix, person in zip(issues, (FIX, OTHER_FIX), (harness.bob, harness.ada), strict=True):
        harness.scripted_model.turns = [[fix], [DONE]]
        harness.label(repo, issue, by=person)
        (record,) = harness.work()
        assert record.state == "proposed"
    first, last = harness.pulls(repo)
    (text,) = harness.bot_comments(issues[1])
    assert f"⚠️ This conflicts with [#{first.number}](" in text
    assert "in `shop.py`: whichever is merged second must be updated first." in text
    _, told = harness.bot_comments(issues[0])
    assert told.startswith(f"@bob ⚠️ [#{last.number}](")
    assert f"which ada asked for, conflicts with #{first.number} in `shop.py`" in told

    first.state = "closed"
    hub = Hub(harness.settings.api_url, harness.app.id, harness.app.private_key)
    with closing(hub.repository(record.task.installation, repo.full_name)) as repository:
        sibling = Sibling(first.number, "", issues[0].number, "bob", "main")
        conflict = Conflict(sibling, ("shop.py",))
        pull = repository.pull(last.number)
        assert tell_conflicts(repository, record.task, pull, conflicts=[conflict]) == ""


def test_the_newest_pull_requests_of_a_repository_are_kept(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    harness.label(repo, harness.issue(repo))
    claim = harness.ledger.claim(harness.waiting()[0], "w")
    assert claim
    notes = RepositoryNotes(harness.ledger, claim, repo.full_name)
    for number in range(MAX_SIBLINGS + 3):
        notes.keep_sibling(Sibling(number, "c0ffee", number, "ada", "main"))
    assert [one.pull for one in notes.siblings()] == list(range(3, MAX_SIBLINGS + 3))
