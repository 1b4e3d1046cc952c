"""Changes that need a person's approval, because of their size or because they weaken checks, and ``@bot accept``."""

from __future__ import annotations

import requests

from dayhand.localhub.state.models import CheckRun, Issue, Repository
from dayhand.scripted_model.moves import Finish, Move, Patch
from tests.journey.harness import BEARER, FIX, LINTED_SHOP, SHOP, Harness

LIMITED = {**SHOP, ".dayhand.toml": "[limits]\nlines = 6\nfiles = 3\n"}
LONG = Patch("*** Begin Patch\n*** Add File: notes.py\n" + "+x = 1\n" * 9 + "*** End Patch")
MANY = Patch(
    "*** Begin Patch\n" + "".join(f"*** Add File: note{n}.py\n+x = 1\n" for n in range(4)) + "*** End Patch"
)
LIE = Patch("*** Begin Patch\n*** Update File: Makefile\n-\t! grep -n ' $$' *.py\n+\ttrue\n*** End Patch")


def play(
    harness: Harness, *moves: Move, files: dict[str, str] = LIMITED
) -> tuple[Repository, Issue, Issue, CheckRun]:
    """Let the model make these moves; returns the repository, the issue, its pull request and the check run."""
    harness.scripted_model.turns = [list(moves), [Finish("Count nothing twice", "Mended shop.")]]
    repo = harness.repository("shop", files)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (record,) = harness.work()
    assert record.outcome, record.reason
    (pull,) = harness.pulls(repo)
    (check,) = harness.checks(repo, pull)
    return repo, issue, pull, check


def page(harness: Harness) -> str:
    (record,) = harness.ledger.recent()
    address = harness.app.webhook_url.removesuffix("/webhook")
    return requests.get(f"{address}/tasks/{record.task.id}", headers=BEARER, timeout=60).text


def test_a_change_over_the_size_that_is_allowed_is_a_draft_that_asks(harness: Harness) -> None:
    size = "it changes 11 lines (limit: 6)"
    repo, issue, pull, check = play(harness, FIX, LONG)
    assert pull.pull
    assert pull.pull.draft
    assert pull.pull.reviewers == [], "nobody is asked to read it yet"
    assert check.conclusion == "action_required"
    assert check.title == "This change exceeds the size limit: review that first (1 of 1 passes)"
    assert f"✋ **This stays a draft:** {size}" in pull.body
    assert f"stays a draft for your decision: {size}" in harness.bot_comments(issue)[0]
    assert "This change is larger than allowed" in page(harness)

    harness.comment(repo, pull, "@bot accept")

    assert not pull.pull.draft
    assert pull.pull.reviewers == [harness.ada]
    assert (check.conclusion, check.title) == ("success", "Accepted by ada")
    assert check.summary.startswith("**Accepted by ada.** The text below is from before that.")


def test_what_no_check_speaks_for_is_no_success_when_it_is_accepted(harness: Harness) -> None:
    repo, _, pull, check = play(
        harness, LONG, files={"README.md": "x\n", ".dayhand.toml": "[limits]\nlines = 6\n"}
    )
    assert check.conclusion == "action_required"
    harness.comment(repo, pull, "@bot accept")
    assert check.conclusion == "neutral"


def test_the_change_itself_cannot_raise_its_limits(harness: Harness) -> None:
    raise_it = Patch(
        "*** Begin Patch\n*** Update File: .dayhand.toml\n-files = 3\n+files = 6000\n*** End Patch"
    )
    _, _, pull, check = play(harness, FIX, MANY, raise_it)
    assert "6 files (limit: 3)" in pull.body
    assert check.conclusion == "action_required"


def test_the_tasks_page_says_who_accepted(harness: Harness) -> None:
    repo, _, pull, _ = play(harness, FIX, LIE, files=LINTED_SHOP)
    assert "Pull request modifies its own checks" in page(harness)
    harness.comment(repo, pull, "@bot accept")
    harness.comment(repo, pull, "@bot accept")
    assert "Pull request accepted by ada" in page(harness)
    assert "Pull request modifies its own checks" not in page(harness)
    assert "Accepted by ada." in page(harness)
    assert [one.content for comment in pull.comments for one in comment.reactions] == ["+1", "+1"]


def test_layout_and_files_that_nobody_spoke_of_are_named(harness: Harness) -> None:
    tidy = Patch("*** Begin Patch\n*** Update File: tax.py\n-RATE = 'x'\n+RATE = \"x\"\n*** End Patch")
    files = {**SHOP, "tax.py": "RATE = 'x'\n"}
    _, _, pull, check = play(harness, FIX, tidy, files=files)
    assert "places in `tax.py`" not in pull.body
    assert (
        "**Formatting only** (whitespace, line breaks, quotes, import order): all of `tax.py`." in pull.body
    )
    assert "**Changed, but not mentioned** in the issue or the summary: `tax.py`." in pull.body
    assert check.conclusion == "success", "it is named, and refuses nothing"
    assert "not mentioned in the issue or the summary: <code>tax.py</code>" in page(harness)


def test_what_acts_beyond_the_code_waits_for_a_person(harness: Harness) -> None:
    installer = Patch("*** Begin Patch\n*** Add File: setup.py\n+import setuptools\n*** End Patch")
    repo, _, pull, check = play(harness, FIX, installer, files=SHOP)
    assert "✋ **This change affects more than the tested code.** No check covers these places:" in pull.body
    assert "- runs on install: `setup.py`: `added`" in pull.body
    assert check.title == "This change affects more than the tested code: review that first (1 of 1 passes)"
    assert check.conclusion == "action_required"
    assert "Pull request affects more than the tested code" in page(harness)
    harness.comment(repo, pull, "@bot accept")
    assert check.conclusion == "success"
