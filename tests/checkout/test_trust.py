"""Which commits are trusted: a small history in which only some commits are."""

from __future__ import annotations

import pytest

from dayhand.checkout.trust import is_trusted

PARENTS = {"main": "merged", "merged": "first", "ours": "main", "over-ours": "ours", "outsiders": "first"}
ACCEPTED = {"over-ours"}


def contains(ancestor: str, descendant: str) -> bool:
    while descendant != ancestor:
        if descendant not in PARENTS:
            return False
        descendant = PARENTS[descendant]
    return True


@pytest.mark.parametrize(
    ("commit", "trusted"),
    [
        ("main", True),
        ("merged", True),
        ("first", True),
        ("ours", False),  # a model wrote it
        ("over-ours", True),  # a person accepted exactly this
        ("outsiders", False),
    ],
)
def test_a_commit_is_trusted_in_the_default_branch_or_if_it_was_accepted(
    commit: str, *, trusted: bool
) -> None:
    assert (
        is_trusted(commit, default_head="main", contains=contains, accepted=ACCEPTED.__contains__) is trusted
    )


def test_an_accepted_head_says_nothing_about_what_is_below_or_above_it() -> None:
    for commit in ("ours", "newer"):
        assert not is_trusted(commit, default_head="main", contains=contains, accepted=ACCEPTED.__contains__)


def test_without_a_default_branch_nothing_is_contained_in_it() -> None:
    assert not is_trusted("first", default_head="", contains=lambda *_: True, accepted=lambda _: False)
