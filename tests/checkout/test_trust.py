"""Which commits are trusted: a small history in which only some commits are."""

from __future__ import annotations

import pytest

from dayhand.checkout.trust import People, is_trusted

PARENTS = {
    "main": "merged",
    "merged": "first",
    "ours": "main",
    "over-ours": "ours",
    "on-ours": "ours",
    "outsiders": "first",
    "two": "one",
    "one": "first",
    "many": "first",
}
PEOPLE = People(
    accepted={"over-ours"}.__contains__,
    pushed_head={"two", "on-ours", "ours", "many"}.__contains__,
    pushed_first={"one", "two", "on-ours", "many"}.__contains__,
)


def history(commit: str) -> list[str]:
    return [commit, *(history(PARENTS[commit]) if commit in PARENTS else [])]


def contains(ancestor: str, descendant: str) -> bool:
    return ancestor in history(descendant)


def between(base: str, head: str) -> list[str] | None:
    return None if head == "many" else [each for each in history(head) if each not in history(base)]


def trusted(commit: str, default_head: str = "main") -> bool:
    return is_trusted(commit, default_head=default_head, contains=contains, between=between, people=PEOPLE)


@pytest.mark.parametrize(
    ("commit", "is_one"),
    [
        ("main", True),
        ("merged", True),
        ("first", True),
        ("ours", False),  # a model wrote it, and a program pushed it first
        ("over-ours", True),  # a person accepted exactly this
        ("outsiders", False),
        ("two", True),  # a person's head, with nothing below it that they did not push
        ("one", False),  # pushed by the same person, but not as a head
        ("on-ours", False),  # a person's head on top of what a model wrote
        ("many", False),  # more commits than are looked at
        ("unknown", False),
    ],
)
def test_a_commit_is_trusted_if_people_with_write_access_made_all_of_it(commit: str, *, is_one: bool) -> None:
    assert trusted(commit) is is_one


def test_an_accepted_head_says_nothing_about_what_is_below_or_above_it() -> None:
    for commit in ("ours", "newer"):
        assert not trusted(commit)


def test_without_a_default_branch_only_what_was_accepted_is_trusted() -> None:
    assert [commit for commit in PARENTS if trusted(commit, "")] == ["over-ours"]
