"""A file that Dayhand proposes on its own branch: pushed once, replaced when it changes, never over a person's commit."""

from __future__ import annotations

from dayhand.checkout.commit_files import read_files
from dayhand.checkout.repository import Base, Checkout

PROPOSAL_BRANCH = "dayhand/environment"
MESSAGE = "Say how this repository is set up"


def propose_file(checkout: Checkout, base: Base, path: str, *, text: str, when: float) -> bool:
    """Push ``path`` with ``text`` to our branch; False if somebody else pushed to that branch.

    May be called again: an identical file is not pushed again. Raises ``CheckoutError``.
    """
    mirror, token, author = checkout.mirror, checkout.token(), checkout.author()
    current = mirror.fetch((PROPOSAL_BRANCH,), token).get(PROPOSAL_BRANCH, "")
    if current and mirror.message(current) != f"{author.name}\n{MESSAGE}":
        return False
    if current and read_files(mirror, current).read(path) == text:
        return True
    tree = mirror.with_entries(base.commit, [mirror.add_file(path, text)])
    commit = mirror.commit(tree, base.commit, f"{MESSAGE}\n", author=author, when=when)
    mirror.push(commit, PROPOSAL_BRANCH, token, instead_of=current)
    return True
