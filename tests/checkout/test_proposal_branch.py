"""A file proposed on our own branch: pushed once, replaced when it changes, never over a person's commit."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from dayhand.checkout.commit_files import read_files
from dayhand.checkout.mirror import Author, Mirror
from dayhand.checkout.proposal_branch import PROPOSAL_BRANCH, propose_file
from dayhand.checkout.repository import Base, Checkout
from dayhand.environment.base import Source
from dayhand.errors import CheckoutError
from dayhand.ledger.facts import Facts
from tests.checkout.conftest import git

BOT = Author("dayhand[bot]", "7+dayhand[bot]@users.noreply.github.com")
NAME = ".dayhand.toml"
REF = f"refs/heads/{PROPOSAL_BRANCH}"


@pytest.fixture
def checkout(mirror: Mirror) -> Checkout:
    return Checkout(mirror, cast("Facts", None), token=str, author=lambda: BOT, co_author=lambda _login: None)


@pytest.fixture
def base(mirror: Mirror, head: str) -> Base:
    files = read_files(mirror, head)
    return Base(head, "main", files, Source("ada/shop", head, trusted=True), files)


def test_one_commit_with_one_file_and_nothing_else(checkout: Checkout, base: Base, origin: Path) -> None:
    assert propose_file(checkout, base, NAME, text="[checks]\n", when=1.0)
    assert git(origin, "rev-parse", f"{REF}^") == base.commit
    assert git(origin, "diff-tree", "-r", "--name-status", base.commit, REF) == f"A\t{NAME}"
    assert git(origin, "show", f"{REF}:{NAME}") == "[checks]"


def test_the_same_is_left_and_something_newer_takes_its_place(
    checkout: Checkout, base: Base, origin: Path
) -> None:
    propose_file(checkout, base, NAME, text="one\n", when=1.0)
    first = git(origin, "rev-parse", REF)
    assert propose_file(checkout, base, NAME, text="one\n", when=2.0)
    assert git(origin, "rev-parse", REF) == first
    assert propose_file(checkout, base, NAME, text="two\n", when=3.0)
    assert git(origin, "rev-parse", f"{REF}^") == base.commit, (
        "it replaces the first and does not stand on it"
    )
    assert git(origin, "show", f"{REF}:{NAME}") == "two"


def test_what_a_person_put_on_the_branch_is_never_pushed_over(
    checkout: Checkout, base: Base, origin: Path
) -> None:
    propose_file(checkout, base, NAME, text="one\n", when=1.0)
    own = git(origin, "commit-tree", "-p", REF, "-m", "My way", f"{REF}^{{tree}}")
    git(origin, "update-ref", REF, own)
    assert not propose_file(checkout, base, NAME, text="two\n", when=2.0)
    assert git(origin, "rev-parse", REF) == own


def test_what_is_pushed_meanwhile_is_not_pushed_over_either(mirror: Mirror, origin: Path, head: str) -> None:
    ours = mirror.commit(mirror.tree(head), head, "x", author=BOT, when=1.0)
    mirror.push(ours, PROPOSAL_BRANCH, "")
    own = git(origin, "commit-tree", "-p", head, "-m", "My way", f"{head}^{{tree}}")
    git(origin, "update-ref", REF, own)
    with pytest.raises(CheckoutError):
        mirror.push(
            mirror.commit(mirror.tree(head), head, "y", author=BOT, when=2.0),
            PROPOSAL_BRANCH,
            "",
            instead_of=ours,
        )
    assert git(origin, "rev-parse", REF) == own
