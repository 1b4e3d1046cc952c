"""What commands leave behind is not in the pull request, and the person reads that it is not."""

from __future__ import annotations

from dayhand.scripted_model.moves import Finish, Shell
from tests.journey.harness import DONE, FIX, UNTESTED_SHOP, Harness

JUNK = Shell(
    "mkdir -p dist .cache; echo x > dist/shop.js; echo x > .cache/a; head -c 6000000 /dev/urandom > dump.sql"
)
LISTED = (
    "**Left out of this change:**\n\n- `.cache/`: commands leave such files behind\n"
    "- `dist/`: commands leave such files behind\n- `dump.sql`: over 5 MB\n"
)


def test_what_commands_leave_behind_is_named_and_not_pushed(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.scripted_model.turns = [[FIX, JUNK], [DONE]]
    harness.label(repo, issue)
    harness.work()
    (pull,) = harness.pulls(repo)
    assert pull.pull
    assert [path for _, path, *_ in repo.store.diff_stat(pull.pull.base_sha, pull.pull.head_sha)] == [
        "shop.py"
    ]
    assert LISTED in pull.body

    other = harness.issue(repo, "Nothing to do")
    harness.scripted_model.turns = [[JUNK], [Finish("Nothing", "It is right as it is.")]]
    harness.label(repo, other)
    harness.work()
    (comment,) = harness.bot_comments(other)
    assert "I propose no change." in comment
    assert LISTED in comment
