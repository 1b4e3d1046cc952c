"""The commit that is pushed says what the model says, and nothing in it acts on GitHub."""

from __future__ import annotations

import re
from typing import cast

import pytest

from dayhand.checkout.mirror import Author, Mirror
from dayhand.checkout.repository import Checkout
from dayhand.ledger.facts import Facts
from dayhand.task import Change, Solution
from tests.tasks import make_task

BOT = Author("dayhand[bot]", "7+dayhand[bot]@users.noreply.github.com")
# What GitHub acts on in a commit message, before the line that is our own.
ACTIVE = re.compile(r"@\w|#\d|\bGH-\d|://|www\.\w|\[(?:skip|no|ci|actions) |\*\*\*NO_CI", re.IGNORECASE)


class NoFacts:
    """A task of which nothing is known yet."""

    def get(self, fact: object) -> None:
        return None


def subject(mirror: Mirror, head: str, title: str) -> str:
    checkout = Checkout(
        mirror, cast("Facts", NoFacts()), token=str, author=lambda: BOT, co_author=lambda _login: None
    )
    change = Change(head, mirror.tree(head), (), "")
    commit = checkout.commit(make_task(number=7), change, Solution(title, ""))
    line, _, rest = mirror.message(commit).removeprefix(f"{BOT.name}\n").partition("\n")
    assert rest.strip() in ("", "For #7.")
    return line


@pytest.mark.parametrize(
    "title",
    [
        "Fixes #12",
        "closes: #12",
        "Resolve ada/shop#12",
        "Fixes GH-12",
        "fix gh-12",
        "Fixes https://github.com/ada/shop/issues/12",
        "Fixes HTTPS://github.com/ada/shop/issues/12",
        "See www.github.com/ada/shop/issues/12",
        "Thanks @ada and @ada/team",
        "Revert ada/shop@0123abc",
        "Fixes \u200b#\u206012",
        "Fixes #\n12\n\nFixes #13",
        "Sort [skip ci]",
        "Sort [CI Skip] [no ci] [skip actions] [actions skip]",
        "Sort ***NO_CI***",
    ],
)
def test_nothing_in_a_commit_message_acts_on_github(mirror: Mirror, head: str, title: str) -> None:
    assert not ACTIVE.search(subject(mirror, head, title))


@pytest.mark.parametrize(
    "title", ["Sort by rank, best first", "[api] Return 404 for C# and F#", "Use a_b: x", "می\u200cخواهم"]
)
def test_an_ordinary_title_stays_as_it_is(mirror: Mirror, head: str, title: str) -> None:
    assert subject(mirror, head, title) == title
