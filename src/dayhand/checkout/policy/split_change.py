"""Splits a change into the tree that is pushed, what waits for a person, and what is left out."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace

from dayhand.checkout.mirror import PACK_BYTES, Entry, Mirror
from dayhand.checkout.policy.sort_change import large_binaries, shown, sort_change
from dayhand.checkout.process import READ
from dayhand.task import Change, HeldBack, LeftOut
from dayhand.verification import Concern


def take_change(mirror: Mirror, base: str, tree: str, *, pack: bytes) -> Change:
    """Take the change from the commit ``base`` to ``tree`` into the mirror, without what is left out.

    ``pack`` has its objects. Raises ``CheckoutError``, or ``PolicyRefusal`` if nothing of it can ever be pushed.
    """
    with mirror.inspect(pack) as checked:
        change = _split(checked, base, tree)
        trees = (change.tree, *([change.held_back.tree] if change.held_back else []))
        kept = pack_trees(checked, *trees, without=checked.tree(base))
    with mirror.receive(kept):
        return change


def pack_trees(mirror: Mirror, *trees: str, without: str) -> bytes:
    """The objects of these trees that the tree ``without`` does not have, as ``Mirror.receive`` takes them."""
    stdin = "".join(f"{tree}\n" for tree in (*trees, f"^{without}")).encode()
    options = ("--revs", "--thin", "--stdout", "-q")
    return mirror.git.run("pack-objects", *options, stdin=stdin, limits=READ.with_output(PACK_BYTES))


def _split(mirror: Mirror, base: str, tree: str) -> Change:
    before = mirror.tree(base)
    entries = mirror.entries(before, tree)
    parts = sort_change(mirror, base, entries)
    held = (*parts.held_back, *parts.by_hand)
    pushed = mirror.with_entries(base, parts.pushed) if len(parts.pushed) < len(entries) else tree
    held_back = None
    if held:
        accepted = mirror.with_entries(base, [*parts.pushed, *parts.held_back])
        everything = mirror.with_entries(base, [*parts.pushed, *held])
        held_back = HeldBack(
            base=base,
            tree=accepted,
            pack=base64.b64encode(pack_trees(mirror, accepted, without=pushed)).decode()
            if parts.held_back
            else "",
            files=_listed(parts.held_back),
            patch=mirror.patch(pushed, accepted),
            by_hand=_listed(parts.by_hand),
            by_hand_patch=mirror.patch(accepted, everything),
        )
    return Change(
        base=base,
        tree=pushed,
        paths=tuple(entry.path for entry in parts.pushed),
        patch=mirror.patch(before, pushed),
        binaries=large_binaries(mirror, parts.pushed),
        held_back=held_back,
        left_out=tuple(LeftOut(shown(entry.path), rule.what) for entry, rule in parts.left_out.items()),
    )


def offences(mirror: Mirror, base: str, tree: str) -> list[str]:
    """What the model reads about each file that would be left out. Raises as ``take_change``."""
    parts = sort_change(mirror, base, mirror.entries(mirror.tree(base), tree))
    return [f"- {shown(entry.path)}: {rule.what}. {rule.advice}" for entry, rule in parts.left_out.items()]


def accepted_change(mirror: Mirror, held_back: HeldBack) -> Change:
    """The change with the files that were held back, once they are accepted. Raises ``CheckoutError``."""
    with mirror.receive(base64.b64decode(held_back.pack)) as checked:
        before = checked.tree(held_back.base)
        entries = checked.entries(before, held_back.tree)
        return Change(
            base=held_back.base,
            tree=held_back.tree,
            paths=tuple(entry.path for entry in entries),
            patch=checked.patch(before, held_back.tree),
            held_back=replace(held_back, files=(), patch="", pack="") if held_back.by_hand else None,
        )


def _listed(entries: Mapping[Entry, str]) -> tuple[Concern, ...]:
    return tuple(Concern(kind, shown(entry.path), 0, "") for entry, kind in entries.items())
