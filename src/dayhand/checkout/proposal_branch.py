"""A file that Dayhand proposes on a branch of its own: pushed once, replaced by a newer one, never over a person's work."""

from __future__ import annotations

from dayhand.checkout.mirror import read_files
from dayhand.checkout.repository import Base, Checkout

PROPOSAL_BRANCH = "dayhand/environment"
MESSAGE = "Say how this repository is set up"


def propose_file(checkout: Checkout, base: Base, path: str, *, text: str, when: float) -> bool:
    """Have ``path`` on our branch say ``text``; False where somebody else worked on that branch.

    May come again: what stands there already is left. Raises ``CheckoutError``.
    """
    mirror, token, author = checkout.mirror, checkout.token(), checkout.author()
    there = mirror.fetch((PROPOSAL_BRANCH,), token).get(PROPOSAL_BRANCH, "")
    if there and mirror.message(there) != f"{author.name}\n{MESSAGE}":
        return False
    if there and read_files(mirror, there).read(path) == text:
        return True
    tree = mirror.with_file(base.commit, path, text)
    commit = mirror.commit(tree, base.commit, f"{MESSAGE}\n", author=author, when=when)
    mirror.push(commit, PROPOSAL_BRANCH, token, instead_of=there)
    return True
