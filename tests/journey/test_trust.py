"""What a branch's set-up leaves behind never reaches another branch, and code that no person made gets no network."""

from __future__ import annotations

from dayhand.localhub.state.models import Issue, Repository
from dayhand.scripted_model.moves import Finish, Patch
from dayhand.task import Proposed, State
from dayhand.verification import Verdict
from tests.journey.harness import SHOP, Harness

ADA = ("Ada", "ada@example.org")
NOTE = Patch("*** Begin Patch\n*** Add File: NOTES.md\n+Taxes are added last.\n*** End Patch")
INSTRUCTIONS = "# Shop\n\n## Setup\n\n```sh\nmake deps\n```\n\n## Test\n\n```sh\nmake test\n```\n"
BROKEN = {
    **SHOP,
    "AGENTS.md": INSTRUCTIONS,
    "Makefile": "deps:\n\ttrue\n\ntest:\n\tpython3 -m unittest -q test_shop\n",
    "test_shop.py": SHOP["test_shop.py"].replace("assertIsNotNone(total([]))", "assertEqual(total([]), 0)"),
}
# Python prefers a file in the working copy, and this one is not part of the commit, so it stays where set-up left it.
FORGE = "deps:\n\techo 'raise SystemExit(0)' > unittest.py\n\ntest:\n\tpython3 -m unittest -q test_shop\n"


def pull_with(harness: Harness, repo: Repository, **changed: str) -> Issue:
    """A pull request of Ada's on the branch ``taxes``, with these files changed; "__" stands for a dot."""
    repo.store.git("branch", "taxes", "main")
    files = {**BROKEN, **{path.replace("__", "."): text for path, text in changed.items()}}
    repo.store.commit_files(
        {path: text.encode() for path, text in files.items()}, "taxes", "Add taxes", author=ADA
    )
    return harness.hub.actions.open_pull(
        repo, harness.ada, "Add taxes", body="By country.", head="taxes", base="main", draft=False
    )


def test_a_branchs_set_up_is_never_the_default_branchs(harness: Harness) -> None:
    repo = harness.repository("poisoned", BROKEN)
    harness.scripted_model.turns = [[NOTE], [Finish("Note when taxes are added", "Noted.")]]
    harness.comment(repo, pull_with(harness, repo, Makefile=FORGE), "@bot fix the missing note")
    (record,) = harness.work()
    assert record.state is State.PROPOSED, record.reason
    harness.label(repo, harness.issue(repo))
    (record,) = harness.work()
    assert "This environment was set up before: nothing is installed again." not in [
        note.text for note in harness.live.read(record.task.id)
    ]
    assert isinstance(record.outcome, Proposed)
    (test,) = [one for one in record.outcome.verification.findings if one.kind == "test"]
    assert test.verdict is Verdict.FAILS_ON_BASE_TOO, "the test fails with the note as it did without"
